"""The shape that programs rely on."""

from marketprism.ops.doctor import report
from marketprism.ops.doctor.texts.languages import Language
from marketprism.ops.doctor.verdict import judge
from tests.ops.doctor import faults
from tests.ops.doctor.faults import healthy


def test_a_finding_carries_its_evidence_its_cause_and_its_repair() -> None:
    printed = report.as_json(judge(faults.nats_disk_full(healthy())), Language.ENGLISH)
    assert (printed["verdict"], printed["healthy"], printed["exit_code"]) == ("broken", False, 2)
    assert printed["summary"] == "broken: disk-full (A disk is full)"
    assert printed["roots"] == ["disk-full"]
    root, effect = printed["findings"][:2]
    assert root == {
        "problem": "disk-full",
        "root": True,
        "caused_by": [],
        "severity": "broken",
        "certainty": "sure",
        "title": "A disk is full",
        "evidence": ["/var/lib/nats: 0.01 GiB of 40.0 GiB are free (0.0%)"],
        "venues": None,
        "repair": {
            "command": "scripts/manage_all.sh fix disk-full",
            "on_host": "marketprism-ops remediate/disk-full -e remediation_apply=true",
            "does": "removes old journal, cached packages and unused releases, starts what it stopped; never data",
            "automatic": False,
        },
        "runbook": "docs/runbooks/disk-full.md",
    }
    assert (effect["problem"], effect["root"], effect["caused_by"]) == ("nats-down", False, ["disk-full"])
    assert [station["hop"] for station in printed["chain"]] == [
        "exchange", "socket", "published", "stream", "consumer", "inserted", "fresh",
    ]  # fmt: skip
    assert printed["chain"][2]["passage"] == "broken"
    assert printed["unexplained"] is None
    assert "stream drift" in printed["unseen"]


def test_a_healthy_host_has_the_same_keys() -> None:
    sound = report.as_json(judge(healthy()), Language.ENGLISH)
    assert list(sound) == list(report.as_json(judge(faults.nats_down(healthy())), Language.ENGLISH))
    assert (sound["verdict"], sound["healthy"], sound["roots"], sound["findings"]) == ("healthy", True, [], [])


def test_what_no_rule_explains_is_told_with_its_hop() -> None:
    printed = report.as_json(judge(faults.waits(healthy(), "ClickHouse answers with error 516")), Language.ENGLISH)
    assert printed["verdict"] == "unknown"
    assert printed["unexplained"] == {
        "hop": "inserted",
        "detail": "MARKET_DATA: ClickHouse: ClickHouse answers with error 516",
    }


def test_a_problem_of_the_deployment_is_repaired_by_hand() -> None:
    (finding,) = report.as_json(judge(faults.not_executable(healthy())), Language.CHINESE)["findings"]
    assert (finding["repair"]["command"], finding["repair"]["on_host"]) == ("", "")
    assert finding["title"] == "脚本执行权限不足"
