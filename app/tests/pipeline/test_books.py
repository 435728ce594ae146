"""A book whose image comes in the stream: live with it, silent after a hole, and asked for again until it comes."""

import pytest

from marketprism.contract.books import BookDelta, BookImage
from marketprism.contract.events import BookSnapshot, Gap
from marketprism.pipeline.books import IN_BAND_RETRY_NS, BookFeed
from marketprism.pipeline.outputs import FeedCounters, Output, Record
from marketprism.venues.protocol import SECOND_NS, Send
from tests.pipeline.venue import BTC, TestVenue

SUBSCRIBE = [Send(b"unsubscribe", "public"), Send(b"subscribe", "public")]


def image(update_id: int, receive_ns: int = 0) -> BookImage:
    return BookImage(BTC, update_id, receive_ns, [("9", "1")], [("11", "1")], timestamp_us=update_id * 1000)


def delta(last: int, prev: int, receive_ns: int = 0) -> BookDelta:
    return BookDelta(BTC, last, last, prev, last * 1000, receive_ns, [("10", str(last))], [])


def events(outputs: list[Output]) -> list[object]:
    return [output.event for output in outputs if isinstance(output, Record)]


@pytest.fixture
def book() -> BookFeed:
    return BookFeed(TestVenue(), BTC, FeedCounters(), depth=100, interval_ns=SECOND_NS, changes=False)


def test_an_image_alone_is_published_with_the_exchanges_time(book: BookFeed) -> None:
    book.image(image(10, receive_ns=5))
    (snapshot,) = events(book.due(6))
    assert isinstance(snapshot, BookSnapshot)
    assert (snapshot.update_id, snapshot.timestamp_us, snapshot.receive_ns) == (10, 10_000, 5)


def test_a_hole_asks_for_a_new_image_and_asks_again_when_none_comes(book: BookFeed) -> None:
    book.image(image(10))
    gap, *sends = book.delta(delta(15, prev=14, receive_ns=7))
    assert isinstance(gap, Record)
    assert gap.event == Gap(
        data_type="orderbook", after_id=10, before_id=15, size=None, timestamp_us=15_000, receive_ns=7
    )
    assert sends == SUBSCRIBE
    assert book.due(7 + IN_BAND_RETRY_NS - 1) == []
    assert book.due(7 + IN_BAND_RETRY_NS) == SUBSCRIBE
    assert book.due(7 + IN_BAND_RETRY_NS + 1) == []
    (healed,) = events(book.image(image(20, receive_ns=9)))
    assert isinstance(healed, Gap)
    assert (healed.healed_by, healed.healed_ns) == ("snapshot", 9)
    assert book.due(7 + 9 * IN_BAND_RETRY_NS)[1:] == [], "a live book is not asked for"


def test_a_lost_connection_is_a_hole_that_the_next_image_ends(book: BookFeed) -> None:
    book.image(image(10))
    book.disconnected()
    assert book.due(SECOND_NS) == []
    gap, healed = events(book.image(image(30, receive_ns=8)))
    assert isinstance(gap, Gap)
    assert (gap.after_id, gap.before_id, gap.healed_by) == (10, 30, "")
    assert isinstance(healed, Gap)
    assert healed.healed_by == "snapshot"


def test_a_connection_lost_within_a_hole_tells_no_second_one(book: BookFeed) -> None:
    book.image(image(10))
    book.delta(delta(15, prev=14))
    book.disconnected()
    (healed,) = events(book.image(image(30)))
    assert isinstance(healed, Gap)
    assert (healed.after_id, healed.before_id) == (10, 15)


def test_a_change_before_any_image_asks_for_one_once(book: BookFeed) -> None:
    """The image may have been refused; changes that are under way meanwhile say nothing new."""
    assert book.delta(delta(11, prev=10, receive_ns=7)) == SUBSCRIBE
    assert book.delta(delta(12, prev=11, receive_ns=8)) == []
    assert book.due(7 + IN_BAND_RETRY_NS) == SUBSCRIBE
    assert events(book.image(image(20, receive_ns=9))) == []
    assert book.sync.last_id == 20


def test_a_lost_connection_in_which_nothing_changed_is_no_hole(book: BookFeed) -> None:
    book.image(image(10))
    book.disconnected()
    assert events(book.image(image(10, receive_ns=8))) == []


def test_a_clock_that_is_set_back_delays_neither_snapshots_nor_the_next_wish_for_an_image(book: BookFeed) -> None:
    hour_ns = 3_600 * SECOND_NS
    book.image(image(10, receive_ns=hour_ns))
    assert len(events(book.due(hour_ns))) == 1
    book.delta(delta(11, prev=10, receive_ns=5))
    (snapshot,) = events(book.due(6))
    assert isinstance(snapshot, BookSnapshot)
    assert (snapshot.update_id, snapshot.receive_ns) == (11, 5)
    book.delta(delta(15, prev=14, receive_ns=hour_ns))
    assert book.due(7) == SUBSCRIBE
