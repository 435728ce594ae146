"""The past, piece by piece: what is asked for, what is published, and when a piece gives up."""

import pytest

from marketprism.contract.events import Gap, OpenInterest
from marketprism.pipeline.outputs import Record
from marketprism.pipeline.past import SeriesPiece, TradesPiece, boundary
from marketprism.venues.protocol import EXPIRED, Observed, Purpose, Refusal, RestRequest, VenueEvent
from tests.pipeline.venue import BTC, TestVenue
from tests.storage.envelopes import NOON_US, SAMPLES, trade

GAP = Gap(data_type="trade", after_id=9, before_id=20, size=10, timestamp_us=NOON_US, receive_ns=5)
REFUSED = Refusal("trade_number", "price 'x'")


def fills(*ids: int) -> list[VenueEvent]:
    return [Observed("trade", BTC, trade(each)) for each in ids]


def ids(records: list[Record]) -> list[int]:
    return [record.event.trade_id for record in records if record.data_type == "trade"]


def answered(venue: TestVenue, piece: TradesPiece | SeriesPiece, *events: VenueEvent) -> list[Record]:
    venue.events = list(events)
    request = piece.request()
    assert request is not None
    return piece.answer(request, b"", 77)


def test_runs_are_filled_one_after_the_other_and_the_ledger_is_told_at_the_end() -> None:
    venue = TestVenue()
    piece = TradesPiece(venue, BTC, [(10, 12), (18, 19)], GAP)
    assert ids(answered(venue, piece, *fills(10, 11))) == [10, 11]
    request = piece.request()
    assert request is not None
    assert (request.purpose, request.first_id, request.last_id) == (Purpose.HEAL, 12, 12)
    assert piece.end(88) == [], "something is missing still"
    assert ids(answered(venue, piece, *fills(12, 13))) == [12], "nothing else is published"
    assert ids(answered(venue, piece, *fills(18, 19))) == [18, 19]
    assert (piece.request(), piece.problem) == (None, "")
    (healed,) = piece.end(88)
    assert healed.data_type == "gap"
    assert (healed.event.healed_by, healed.event.healed_ns, healed.event.after_id) == ("backfill", 88, 9)


def test_a_hole_whose_trades_came_by_themselves_only_heals_the_ledger() -> None:
    piece = TradesPiece(TestVenue(), BTC, [], GAP)
    assert piece.request() is None
    assert [record.event.healed_by for record in piece.end(88)] == ["backfill"]
    assert TradesPiece(TestVenue(), BTC, []).end(88) == []


def test_what_comes_with_the_trades_goes_along() -> None:
    venue = TestVenue()
    liquidation = Observed("liquidation", BTC, SAMPLES["liquidation"])
    records = answered(venue, TradesPiece(venue, BTC, [(10, 10)]), *fills(10), liquidation)
    assert [record.data_type for record in records] == ["trade", "liquidation"]


def test_what_the_venue_no_longer_has_is_given_up_and_the_rest_is_filled() -> None:
    venue = TestVenue()
    piece = TradesPiece(venue, BTC, [(10, 12), (18, 19)], GAP)
    assert ids(answered(venue, piece, *fills(10))) == [10]
    assert answered(venue, piece, *fills(30)) == []
    assert piece.missing == 2, "the second run has not been asked for"
    assert ids(answered(venue, piece, *fills(18, 19))) == [18, 19]
    assert piece.request() is None
    assert piece.end((NOON_US + 59_000_000) * 1000) == [], "it may have them a little later"
    assert [record.event.healed_by for record in piece.end((NOON_US + 60_000_000) * 1000)] == ["nobody"]
    assert piece.problem == "the venue has no trades 11 to 12 any more"


class Forgetful(TestVenue):
    """Tells the trades from id 1000 on, ten at a time."""

    __test__ = False
    asked: int = 0

    def read(self, request, body, receive_ns):
        self.asked += 1
        if request.first_id < 1000:
            return [Refusal(EXPIRED, "-4166 Search window is restricted to recent 2 days only.")]
        return fills(*range(request.first_id, min(request.last_id, request.first_id + 9) + 1))


@pytest.mark.parametrize(("first", "last", "requests"), [(10, 1_019, 14), (10, 2_000_000, 25), (10, 700, 11)])
def test_the_oldest_trade_that_is_still_told_is_found_and_the_rest_is_fetched(
    first: int, last: int, requests: int
) -> None:
    venue = Forgetful()
    piece, found = TradesPiece(venue, BTC, [(first, last)], GAP), []
    while (request := piece.request()) is not None and len(found) < 20:
        found += ids(piece.answer(request, b"", 77))
    assert found == list(range(1000, 1020))[: max(0, last - 999)]
    assert venue.asked <= requests
    piece.end(88)
    assert piece.problem == f"the venue has no trades {first} to {min(999, last)} any more"


def test_what_a_venue_refuses_to_tell_now_is_not_given_up() -> None:
    venue = TestVenue()
    piece = TradesPiece(venue, BTC, [(10, 12)], GAP)
    answered(venue, piece, REFUSED)
    assert piece.end(88) == []


def test_a_refused_answer_is_not_used_and_ends_the_piece() -> None:
    venue = TestVenue()
    piece = TradesPiece(venue, BTC, [(10, 12)])
    assert answered(venue, piece, *fills(10), REFUSED) == []
    assert (piece.problem, piece.request()) == ("trade_number: price 'x'", None)


def test_a_venue_without_a_past_says_so() -> None:
    trades, series = TradesPiece(TestVenue(heals=False), BTC, [(1, 2)]), SeriesPiece(TestVenue(), "gap", BTC, 0, 9)
    assert (trades.request(), trades.problem) == (None, "the venue gives no trades of the past")
    assert (series.request(), series.problem) == (None, "the venue gives no gap of the past")


class Series(TestVenue):
    """One answer reaches three microseconds."""

    __test__ = False

    def history_request(self, data_type, instrument, start_us, end_us):
        return RestRequest(Purpose.HISTORY, data_type, instrument, f"/{start_us}", 1, end_us=min(end_us, start_us + 3))


def interest(time_us: int) -> Observed:
    event = OpenInterest(quantity="1", contracts=None, timestamp_us=time_us, receive_ns=77)
    return Observed("open_interest", BTC, event)


def test_a_series_is_read_part_after_part_and_an_empty_part_is_normal() -> None:
    venue = Series()
    piece = SeriesPiece(venue, "open_interest", BTC, 10, 18)
    paths, times = [], []
    for events in ([interest(10), interest(12)], [], [interest(17)]):
        request = piece.request()
        assert request is not None
        paths.append(request.path)
        times += [record.event.timestamp_us for record in answered(venue, piece, *events)]
    assert (paths, times, piece.request(), piece.problem) == (["/10", "/13", "/16"], [10, 12, 17], None, "")


def test_a_refused_part_ends_a_series() -> None:
    venue = Series()
    piece = SeriesPiece(venue, "open_interest", BTC, 10, 18)
    assert answered(venue, piece, interest(10), REFUSED) == []
    assert (piece.request(), piece.problem) == (None, "trade_number: price 'x'")


def test_a_time_begins_with_the_first_trade_from_it_on_or_after_the_last_before_it() -> None:
    venue = TestVenue(fills(7))
    request = RestRequest(Purpose.HISTORY, "trade", BTC, "/", 1)
    assert boundary(venue, request, b"", NOON_US) == 7
    assert boundary(venue, request, b"", NOON_US + 1) == 8
    venue.events = []
    assert boundary(venue, request, b"", NOON_US) == "the venue has no trade there"
    venue.events = [REFUSED]
    assert boundary(venue, request, b"", NOON_US) == "trade_number: price 'x'"
