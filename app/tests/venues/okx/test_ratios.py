"""Ratios become shares that make one; each bar is told once, when it cannot change any more."""

import pytest

from marketprism.contract.events import LongShortRatio
from marketprism.venues.okx.ratios import Ratios, history_request
from marketprism.venues.protocol import SECOND_NS, Observed, Purpose, Refusal, RestRequest, VenueEvent
from tests.venues.okx.wire import BTC, DOGE, RECEIVE_NS, answered

BAR_MS = 300_000
FIRST_MS = 1_701_417_600_000
TYPES = ("lsr_top_position", "lsr_all_account")


@pytest.fixture
def ratios() -> Ratios:
    return Ratios([BTC], ("trade", *TYPES))


def requests(ratios: Ratios) -> tuple[RestRequest, ...]:
    return tuple(poll.request for poll in ratios.polls())


def bars(*ratios_: str, newest: int) -> bytes:
    """Ratios of bars, newest first."""
    return answered(*([str(FIRST_MS + (newest - age) * BAR_MS), ratio] for age, ratio in enumerate(ratios_)))


def told(events: list[VenueEvent]) -> list[tuple[int, str]]:
    found = [event.event for event in events if isinstance(event, Observed)]
    return [((each.timestamp_us // 1000 - FIRST_MS) // BAR_MS, each.ratio) for each in found]


def test_both_ratios_of_each_instrument_are_polled_every_minute(ratios: Ratios) -> None:
    top, everybody = ratios.polls()
    assert top.request.path == (
        "/api/v5/rubik/stat/contracts/long-short-position-ratio-contract-top-trader"
        "?instId=BTC-USDT-SWAP&period=5m&limit=12"
    )
    assert everybody.request.path == (
        "/api/v5/rubik/stat/contracts/long-short-account-ratio-contract?instId=BTC-USDT-SWAP&period=5m&limit=12"
    )
    assert (top.request.purpose, top.request.data_type, top.request.weight) == (Purpose.POLL, "lsr_top_position", 1)
    assert {poll.interval_ns for poll in (top, everybody)} == {60 * SECOND_NS}


def test_polls_of_many_instruments_leave_half_of_the_budget_to_the_rest() -> None:
    many = Ratios([DOGE] * 500, TYPES).polls()
    assert (len(many), many[0].interval_ns) == (1000, 250 * SECOND_NS)


def test_a_bar_keeps_its_ratio_and_its_shares_make_one(ratios: Ratios) -> None:
    (request, _) = requests(ratios)
    (seen,) = ratios.read(request, bars("1.2", "1.1739", newest=1), RECEIVE_NS)
    assert seen == Observed(
        "lsr_top_position",
        BTC,
        LongShortRatio(
            period="5m",
            ratio="1.1739",
            long_share="0.539997239983439901",
            short_share="0.460002760016560099",
            timestamp_us=FIRST_MS * 1000,
            receive_ns=RECEIVE_NS,
        ),
    )


@pytest.mark.parametrize(
    ("ratio", "long_share", "short_share"),
    [
        ("1", "0.5", "0.5"),
        ("3", "0.75", "0.25"),
        ("0", "0", "1"),
        ("2", "0.666666666666666667", "0.333333333333333333"),
    ],
)
def test_shares_come_from_the_ratio(ratios: Ratios, ratio: str, long_share: str, short_share: str) -> None:
    (_, request) = requests(ratios)
    (seen,) = ratios.read(request, bars("1", ratio, newest=1), RECEIVE_NS)
    assert isinstance(seen, Observed)
    assert (seen.event.long_share, seen.event.short_share) == (long_share, short_share)


def test_a_bar_is_told_once_and_only_when_a_newer_one_is_there(ratios: Ratios) -> None:
    (request, other) = requests(ratios)
    assert told(ratios.read(request, bars("1.3", "1.2", "1.1", newest=2), RECEIVE_NS)) == [(0, "1.1"), (1, "1.2")]
    assert told(ratios.read(request, bars("1.35", "1.2", "1.1", newest=2), RECEIVE_NS)) == []
    assert told(ratios.read(request, bars("1.5", "1.4", "1.39", newest=4), RECEIVE_NS)) == [(2, "1.39"), (3, "1.4")]
    assert told(ratios.read(other, bars("1.3", "1.2", newest=2), RECEIVE_NS)) == [(1, "1.2")]


def test_an_answer_without_bars_tells_nothing(ratios: Ratios) -> None:
    (request, _) = requests(ratios)
    assert ratios.read(request, answered(), RECEIVE_NS) == []


@pytest.mark.parametrize("ratio", ["", "-1", "1,1", "NaN", "1e3"])
def test_garbage_is_refused_beside_the_bars_that_are_sound(ratios: Ratios, ratio: str) -> None:
    (request, _) = requests(ratios)
    sound, refused = ratios.read(request, bars("1.3", ratio, "1.1", newest=2), RECEIVE_NS)
    assert isinstance(sound, Observed)
    assert isinstance(refused, Refusal)
    assert refused.reason == "lsr_top_position_number"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'{"code":"50011","msg":"Too Many Requests"}', "rest_limited"),
        (b'{"code":"0","data":[["1701417600000"]]}', "lsr_top_position_malformed"),
        (b'{"code":"0","data":[["1701417600000",1.1]]}', "lsr_top_position_malformed"),
        (b'{"code":"0","data":[["soon","1.1"]]}', "lsr_top_position_malformed"),
        (b"<html>", "rest_malformed"),
    ],
)
def test_an_answer_that_is_none_is_refused(ratios: Ratios, body: bytes, reason: str) -> None:
    (request, _) = requests(ratios)
    (refusal,) = ratios.read(request, body, RECEIVE_NS)
    assert isinstance(refusal, Refusal)
    assert refusal.reason == reason


def test_the_past_is_asked_for_a_hundred_bars_at_a_time() -> None:
    request = history_request("lsr_all_account", BTC, FIRST_MS * 1000, 10**17)
    last_ms = FIRST_MS + 100 * BAR_MS - 1
    assert request.path == (
        "/api/v5/rubik/stat/contracts/long-short-account-ratio-contract"
        f"?instId=BTC-USDT-SWAP&period=5m&begin={FIRST_MS}&end={last_ms}&limit=100"
    )
    assert (request.purpose, request.data_type, request.end_us) == (
        Purpose.HISTORY, "lsr_all_account", last_ms * 1000 + 1000
    )  # fmt: skip
    assert history_request("lsr_all_account", BTC, 5_000, 9_000).path.endswith("begin=5&end=8&limit=100")


def test_of_the_past_every_finished_bar_is_told_each_time(ratios: Ratios) -> None:
    request = history_request("lsr_top_position", BTC, FIRST_MS * 1000, 10**17)
    finished_ns = (FIRST_MS + 3 * BAR_MS) * 1_000_000
    for _ in range(2):
        events = ratios.read(request, bars("1.4", "1.3", "1.2", newest=3), finished_ns)
        assert told(events) == [(1, "1.2"), (2, "1.3")]
    assert told(ratios.read(request, bars("1.3", newest=2), finished_ns - 1)) == []
