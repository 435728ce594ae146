"""What keeps a deployment from starting."""

from collections.abc import Iterator

from marketprism.ops.doctor.evidence import Evidence
from marketprism.ops.doctor.findings import Finding

OLDEST_PYTHON, NEWEST_PYTHON = (3, 11), (3, 13)


def script_not_executable(evidence: Evidence) -> Iterator[Finding]:
    """Find scripts of the clone that cannot be executed."""
    if evidence.clone is not None and evidence.clone.not_executable:
        yield Finding(problem="script-not-executable", evidence=evidence.clone.not_executable)


def missing_sudo(evidence: Evidence) -> Iterator[Finding]:
    """Find a user who cannot become root."""
    if evidence.clone is not None and evidence.clone.sudo_error:
        yield Finding(problem="missing-sudo", evidence=(evidence.clone.sudo_error,))


def python_too_old(evidence: Evidence) -> Iterator[Finding]:
    """Find a computer without a Python that the clone's environment can be made from."""
    if evidence.clone is None:
        return
    found = evidence.clone.pythons
    if not any(OLDEST_PYTHON <= version <= NEWEST_PYTHON for version in found.values()):
        versions = ", ".join(f"{command} is {major}.{minor}" for command, (major, minor) in found.items())
        yield Finding(
            problem="python-too-old", evidence=(f"{versions or 'no python3 on PATH'}; 3.11 to 3.13 is needed",)
        )
