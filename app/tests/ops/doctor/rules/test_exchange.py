"""When an exchange is blocked, unnamed or flapping, and when it is none of these."""

import json
from dataclasses import replace

from marketprism.ops.doctor.evidence import Evidence, Line
from marketprism.ops.doctor.rules.exchange import dns_failure, exchange_blocked, websocket_flapping
from tests.ops.doctor import faults
from tests.ops.doctor.faults import COLLECTOR, NOW, healthy


def test_a_blocked_venue_is_told_and_no_other() -> None:
    (finding,) = exchange_blocked(faults.blocked(healthy()))
    assert finding.evidence == ("binance-spot: blocked: HTTP 451",)
    assert finding.venues == {"binance-spot"}


def test_a_rate_limit_is_no_block() -> None:
    limited = faults.venue(healthy(), "okx-spot", state="limited", cause="rate limited for 60 s more: HTTP 429")
    assert list(exchange_blocked(limited)) == []


def test_names_that_are_not_resolved_count_only_while_a_venue_is_apart() -> None:
    unnamed = replace(healthy(), names={"ws.okx.com": "Name or service not known"})
    assert list(dns_failure(unnamed)) == []  # behind a proxy
    (finding,) = dns_failure(faults.dns(healthy()))
    assert finding.venues == set(faults.VENUES)
    assert finding.evidence[0] == "binance-spot: [Errno -3] Temporary failure in name resolution"


def lost(evidence: Evidence, count: int, component: str = "session", ago: float = 60.0) -> Evidence:
    entry = {"component": component, "connection": "okx-spot/public", "event": "connection lost", "cause": "1006"}
    line = Line(seconds=NOW - ago, text=json.dumps(entry))
    return faults.unit(evidence, COLLECTOR, lines=(line,) * count)


def test_four_losses_in_ten_minutes_are_flapping() -> None:
    (finding,) = websocket_flapping(lost(healthy(), 4))
    assert finding.evidence == ("okx-spot/public was lost 4 times in 10 minutes, last: 1006",)
    assert finding.venues == {"okx-spot"}


def test_few_or_old_losses_and_those_of_nats_are_not() -> None:
    assert list(websocket_flapping(lost(healthy(), 3))) == []
    assert list(websocket_flapping(lost(healthy(), 9, ago=700))) == []
    restarted = faults.unit(lost(healthy(), 4), COLLECTOR, since=NOW - 1)
    assert list(websocket_flapping(restarted)) == []
    assert list(websocket_flapping(lost(healthy(), 9, component="nats"))) == []
