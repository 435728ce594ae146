"""What a person reads."""

import pytest

from marketprism.cli import render_doctor
from marketprism.ops.doctor.texts.languages import Language
from marketprism.ops.doctor.verdict import judge
from tests.ops.doctor import faults
from tests.ops.doctor.faults import healthy


def shown(capsys: pytest.CaptureFixture[str], fault: faults.Fault, language: Language = Language.ENGLISH) -> str:
    render_doctor.show(judge(fault(healthy())), language)
    return capsys.readouterr().out


def test_the_verdict_comes_first_and_the_repair_last(capsys: pytest.CaptureFixture[str]) -> None:
    lines = shown(capsys, faults.nats_disk_full).splitlines()
    assert lines[0] == "broken: disk-full (A disk is full)"
    assert lines[1].startswith("chain  ✔ exchange → ✔ socket → ✘ published → ✘ stream")
    assert "scripts/manage_all.sh fix disk-full" in lines[-3]
    assert "on the host: marketprism-ops remediate/disk-full" in lines[-3]
    assert lines[-2].strip().startswith("what it does: removes old journal")
    assert lines[-1].strip() == "read: docs/runbooks/disk-full.md"


def test_evidence_and_cause_of_every_finding_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    printed = shown(capsys, faults.nats_disk_full)
    assert "/var/lib/nats: 0.01 GiB of 40.0 GiB are free (0.0%)" in printed
    assert "follows from disk-full" in printed
    assert "journal: nats-server: signal 9" in printed
    assert "not looked at stream drift: NATS cannot be reached" in printed


def test_brackets_in_evidence_are_text(capsys: pytest.CaptureFixture[str]) -> None:
    assert "[Errno -3] Temporary failure in name resolution" in shown(capsys, faults.dns)


def test_chinese_is_chinese(capsys: pytest.CaptureFixture[str]) -> None:
    printed = shown(capsys, faults.nats_down, Language.CHINESE)
    assert "nats-down (NATS Server 无法启动)" in printed.splitlines()[0]
    assert "根本原因" in printed
    assert "scripts/manage_all.sh fix nats-down" in printed


def test_a_healthy_host_takes_two_lines(capsys: pytest.CaptureFixture[str]) -> None:
    assert len(shown(capsys, lambda evidence: evidence).splitlines()) == 2
