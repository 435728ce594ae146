"""What no rule names: the doctor says that it does not know, with what it saw, and no playbook acts on it."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from testinfra.host import Host

from .faults import run, simulate
from .test_remediation import CHOSEN, DETECTION_SECONDS, doctor, playbook, wait_for

pytestmark = pytest.mark.skipif(CHOSEN != "others", reason="takes minutes: set REMEDIATION_FAULTS=others")
STRANGER = "UD4CP3BA3VTQCW2GZ3U5J4PZQXPBN42AYNTLZ3A4VQMQG7N6BLZPXNQ3"
"""A public key of NATS that nobody on the machine has the seed of."""
OTHER_PASSWORD = f'<password_sha256_hex replace="1">{"0" * 64}</password_sha256_hex>'


@dataclass(frozen=True, slots=True, kw_only=True)
class Riddle:
    """One fault without a name.

    Attributes:
        hop: Where the data stop.
        said: Part of the evidence.
        wrong: A playbook that an operator might try.
    """

    inject: Callable[[Host], None]
    clean: Callable[[Host], None]
    hop: str
    said: str
    wrong: str


def unreachable(host: Host) -> None:
    host.check_output("cp /etc/hosts /run/hosts.before && echo '192.0.2.1 okx.lab' >> /etc/hosts")
    simulate(host, fault="close-all", venue="okx-spot")


RIDDLES = {
    "the collector's key is not NATS's": Riddle(
        inject=run(
            "cp --archive /etc/nats/users.conf /run/users.conf && sed -i '/# collector/,/nkey:/s/nkey: .*/nkey: "
            f"{STRANGER}/' /etc/nats/users.conf && systemctl reload nats-server"
        ),
        clean=run("cp --archive /run/users.conf /etc/nats/users.conf && systemctl reload nats-server"),
        hop="published",
        said="refuse",
        wrong="nats-down",
    ),
    "the writer's password is not ClickHouse's": Riddle(
        inject=run(
            f"cd /etc/clickhouse-server/users.d && echo '<clickhouse><users><marketprism_writer>{OTHER_PASSWORD}"
            "</marketprism_writer></users></clickhouse>' > 99-other.xml && chmod 644 99-other.xml"
            " && systemctl restart clickhouse-server"
        ),
        clean=run("rm /etc/clickhouse-server/users.d/99-other.xml && systemctl restart clickhouse-server"),
        hop="inserted",
        said="password",
        wrong="clickhouse-readonly",
    ),
    "an exchange takes no connections": Riddle(
        inject=unreachable,
        clean=run("cp /run/hosts.before /etc/hosts"),
        hop="socket",
        said="okx-spot",
        wrong="collector-down",
    ),
}


@pytest.mark.parametrize("riddle", RIDDLES.values(), ids=RIDDLES)
def test_what_no_rule_names_is_unknown_and_repaired_by_nothing(host: Host, riddle: Riddle) -> None:
    riddle.inject(host)
    try:
        deadline = time.monotonic() + DETECTION_SECONDS
        while not explains(found := doctor(host), riddle):
            assert time.monotonic() < deadline, json.dumps(found, indent=1)
            time.sleep(1)
        assert found["roots"] == []
        code, said = playbook(riddle.wrong, "remediation_apply=true")
        assert code != 0, said
        assert "names no cause" in said
    finally:
        riddle.clean(host)
    wait_for(host, [], 120)


def explains(found: dict[str, Any], riddle: Riddle) -> bool:
    """Tell whether the doctor does not know, but where the data stop and why; just after a restart it sees less."""
    if found["verdict"] != "unknown":
        return False
    unexplained = found["unexplained"]
    return unexplained["hop"] == riddle.hop and riddle.said in unexplained["detail"]
