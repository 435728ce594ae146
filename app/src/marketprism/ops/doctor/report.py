"""The verdict as JSON of a stable shape; what a program may rely on."""

from typing import Any

from marketprism.ops.doctor.catalogue import PROBLEMS, Phase
from marketprism.ops.doctor.findings import Finding
from marketprism.ops.doctor.texts.languages import PHRASES, WORDS, Language
from marketprism.ops.doctor.verdict import Diagnosis


def summary(diagnosis: Diagnosis, language: Language) -> str:
    """Say the verdict in one line."""
    found = diagnosis.roots or tuple(finding for finding, _ in diagnosis.consequences)
    titles = [f"{finding.problem} ({WORDS[language][finding.problem].title})" for finding in found]
    text = PHRASES[language].verdicts[diagnosis.state]
    return text.format(roots=", ".join(dict.fromkeys(titles)))


def fix_command(problem: str) -> str:
    """Return what to type in the clone; for a problem of the deployment there is no playbook."""
    return f"scripts/manage_all.sh fix {problem}" if PROBLEMS[problem].phase is Phase.RUN else ""


def host_command(problem: str) -> str:
    """Return what to type on the host, which holds the release's playbooks."""
    if PROBLEMS[problem].phase is not Phase.RUN:
        return ""
    return f"marketprism-ops remediate/{problem} -e remediation_apply=true"


def as_json(diagnosis: Diagnosis, language: Language) -> dict[str, Any]:
    """Return the verdict as plain values.

    ``verdict`` is a `verdict.State`, ``roots`` the names of the causes, ``findings`` everything found with its
    evidence and its repair, ``chain`` every hop, ``unexplained`` the broken hop that no rule names, ``unseen`` what
    could not be looked at.
    """
    unexplained = diagnosis.unexplained
    return {
        "verdict": diagnosis.state.value,
        "healthy": diagnosis.exit_code == 0,
        "exit_code": diagnosis.exit_code,
        "summary": summary(diagnosis, language),
        "roots": [finding.problem for finding in diagnosis.roots],
        "findings": [
            *(_finding(finding, (), language) for finding in diagnosis.roots),
            *(_finding(finding, causes, language) for finding, causes in diagnosis.consequences),
        ],
        "chain": [
            {"hop": station.hop.value, "passage": station.passage.value, "detail": station.detail}
            for station in diagnosis.chain
        ],
        "unexplained": None if unexplained is None else {"hop": unexplained.hop.value, "detail": unexplained.detail},
        "unseen": diagnosis.unseen,
    }


def _finding(finding: Finding, causes: tuple[str, ...], language: Language) -> dict[str, Any]:
    problem, words = PROBLEMS[finding.problem], WORDS[language][finding.problem]
    return {
        "problem": finding.problem,
        "root": not causes,
        "caused_by": list(causes),
        "severity": finding.weight.value,
        "certainty": finding.certainty.value,
        "title": words.title,
        "evidence": list(finding.evidence),
        "venues": sorted(finding.venues) if finding.venues is not None else None,
        "repair": {
            "command": fix_command(finding.problem),
            "on_host": host_command(finding.problem),
            "does": words.remedy,
            "automatic": problem.automatic,
        },
        "runbook": problem.runbook,
    }
