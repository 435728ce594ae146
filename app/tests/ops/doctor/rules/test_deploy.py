"""What keeps a deployment from starting is told with the version or mode that was found."""

from dataclasses import replace

from marketprism.ops.doctor.evidence import Clone
from marketprism.ops.doctor.rules.deploy import missing_sudo, python_too_old, script_not_executable
from tests.ops.doctor.faults import healthy, no_sudo, not_executable


def test_a_script_is_told_with_its_mode() -> None:
    (finding,) = script_not_executable(not_executable(healthy()))
    assert finding.evidence == ("/srv/marketprism/scripts/one_click_deploy.sh has mode 644",)


def test_missing_rights_are_told_with_the_reason() -> None:
    (finding,) = missing_sudo(no_sudo(healthy()))
    assert finding.evidence == ("sudo is not installed, and this is not root",)


def test_one_python_in_the_range_is_enough() -> None:
    clone = Clone(path="/srv", pythons={"python3": (3, 9), "python3.12": (3, 12)})
    assert list(python_too_old(replace(healthy(), clone=clone))) == []


def test_a_python_that_is_too_new_does_not_count() -> None:
    clone = Clone(path="/srv", pythons={"python3": (3, 14)})
    (finding,) = python_too_old(replace(healthy(), clone=clone))
    assert finding.evidence == ("python3 is 3.14; 3.11 to 3.13 is needed",)
