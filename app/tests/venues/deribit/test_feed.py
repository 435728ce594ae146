"""Deribit driven by the feed: a broken chain starts that book anew, and missing trades are filled over REST."""

import json

import pytest

from marketprism.contract.events import BookSnapshot, Gap, Liquidation, Trade
from marketprism.pipeline.feed import Feed
from marketprism.pipeline.outputs import Output, Record
from marketprism.venues.deribit.adapter import Deribit
from marketprism.venues.protocol import SECOND_NS, RestRequest, Send
from tests.venues.deribit.frames import BTC, book, notification, trade

CHANNEL = "book.BTC-PERPETUAL.100ms"
IMAGE = notification(CHANNEL, book(5, bids='["new",63324,1360]', asks='["new",63325,7730]'))


def change(change_id: int, prev_id: int, bids: str = "") -> bytes:
    return notification(CHANNEL, book(change_id, prev_id, bids=bids))


def trades(*each: str) -> bytes:
    return notification("trades.BTC-PERPETUAL.100ms", f"[{','.join(each)}]")


def records(outputs: list[Output]) -> list[Record]:
    return [output for output in outputs if isinstance(output, Record)]


def methods(outputs: list[Output]) -> list[str]:
    return [json.loads(output.message)["method"] for output in outputs if isinstance(output, Send)]


@pytest.fixture
def feed() -> Feed:
    return Feed(Deribit([BTC], ("trade", "orderbook", "liquidation")))


def test_a_book_is_published_after_each_image_and_its_changes(feed: Feed) -> None:
    feed.feed(IMAGE, 1)
    feed.feed(change(90, 5, '["new",63324.5,10]'), 2)
    (record,) = records(feed.due(2 * SECOND_NS))
    assert isinstance(record.event, BookSnapshot)
    assert record.event.update_id == 90
    assert record.event.bids == [("63324.5", "10"), ("63324", "1360")]
    assert record.event.asks == [("63325", "7730")]


def test_a_change_that_does_not_continue_the_book_starts_its_channel_anew(feed: Feed) -> None:
    feed.feed(IMAGE, 1)
    outputs = feed.feed(change(99, 90), 2)
    (gap,) = (record.event for record in records(outputs) if isinstance(record.event, Gap))
    assert (gap.data_type, gap.after_id, gap.before_id, gap.size) == ("orderbook", 5, 99, None)
    assert methods(outputs) == ["public/unsubscribe", "public/subscribe"]
    assert methods(feed.feed(change(100, 99), 3)) == [], "the old subscription ends in a moment"
    healed = records(feed.feed(IMAGE.replace(b'"change_id":5', b'"change_id":120'), 4))[0].event
    assert isinstance(healed, Gap)
    assert (healed.before_id, healed.healed_by) == (99, "snapshot")
    assert feed.book_states() == {BTC: "live"}


def test_a_refused_change_leaves_a_hole_that_the_next_one_shows(feed: Feed) -> None:
    feed.feed(IMAGE, 1)
    feed.feed(change(90, 5, '["new",63324.5,-10]'), 2)
    assert methods(feed.feed(change(91, 90), 3)) == ["public/unsubscribe", "public/subscribe"]
    assert feed.counters.refused == {"book_number": 1}


def test_a_refused_image_is_asked_for_with_the_first_change_after_it(feed: Feed) -> None:
    feed.feed(IMAGE.replace(b"1360", b"null"), 1)
    assert methods(feed.feed(change(90, 5), 2)) == ["public/unsubscribe", "public/subscribe"]


def test_missing_trades_are_filled_with_their_liquidations(feed: Feed) -> None:
    feed.feed(trades(trade(5)), 1)
    outputs = feed.feed(trades(trade(8)), 2)
    (request,) = (output for output in outputs if isinstance(output, RestRequest))
    assert "start_seq=6&end_seq=7" in request.path
    liquidated = trade(7, more=',"liquidation":"T"')
    body = f'{{"result":{{"trades":[{trade(6)},{liquidated}],"has_more":false}}}}'.encode()
    events = [record.event for record in records(feed.answer(request, body, SECOND_NS))]
    assert [event.trade_id for event in events if isinstance(event, Trade)] == [6, 7]
    assert [event.ordinal for event in events if isinstance(event, Liquidation)] == [0]
    assert [event.healed_by for event in events if isinstance(event, Gap)] == ["rest"]


def test_a_lost_connection_takes_its_books_along(feed: Feed) -> None:
    feed.feed(IMAGE, 1)
    (connection,) = Deribit([BTC], ("orderbook",)).connections()
    feed.disconnected(connection)
    assert feed.book_states() == {BTC: "buffering"}
