"""Books whose image comes in the stream: renewed when it is lost or wrong, but never in a storm of wishes."""

from marketprism.contract.books import BookDelta, BookImage
from marketprism.contract.events import Gap
from marketprism.pipeline.books import IN_BAND_RETRY_NS, BookFeed
from marketprism.pipeline.outputs import FeedCounters, Output, Record
from marketprism.venues.okx.adapter import Okx
from marketprism.venues.okx.markets import SPOT, instrument
from marketprism.venues.protocol import SECOND_NS

BTC = instrument(SPOT, "BTC-USDT")
VENUE = Okx(SPOT, [BTC], ("orderbook",))
WISH: list[Output] = [*VENUE.book_request(BTC)]


def book() -> BookFeed:
    return BookFeed(VENUE, BTC, FeedCounters(), depth=100, interval_ns=SECOND_NS, changes=False)


def image(update_id: int, at_ns: int, checksum: int | None = None) -> BookImage:
    return BookImage(BTC, update_id, at_ns, [("10", "1")], [("11", "3")], timestamp_us=update_id, checksum=checksum)


def delta(prev_id: int, update_id: int, at_ns: int) -> BookDelta:
    return BookDelta(BTC, update_id, update_id, prev_id, update_id, at_ns, [("10", str(update_id))], [])


def live() -> BookFeed:
    feed = book()
    assert feed.image(image(10, 0)) == []
    return feed


def wishes(outputs: list[Output]) -> list[Output]:
    return [output for output in outputs if not isinstance(output, Record)]


def test_ids_that_start_anew_are_followed() -> None:
    feed = live()
    assert [feed.delta(delta(*ids, 1)) for ids in ((10, 15), (15, 15), (15, 3), (3, 5))] == [[]] * 4
    assert (feed.sync.last_id, feed.sync.state) == (5, "live")


def test_a_lost_change_asks_at_once_and_what_is_still_under_way_asks_no_more() -> None:
    feed = live()
    assert wishes(feed.delta(delta(11, 15, 1))) == WISH
    assert feed.delta(delta(15, 16, 2)) == []
    assert feed.due(IN_BAND_RETRY_NS) == []
    assert feed.due(IN_BAND_RETRY_NS + 1) == WISH


def test_a_book_whose_every_image_is_wrong_asks_only_now_and_then() -> None:
    feed = book()
    at_ns, asked = 0, 0
    while at_ns < 3600 * SECOND_NS:
        outputs = feed.due(at_ns) + feed.image(image(10, at_ns, checksum=7))
        asked += len(outputs)
        at_ns += SECOND_NS
    assert asked == 480  # messages an hour, which is what OKX takes on one connection


def test_a_second_hole_waits_for_its_turn() -> None:
    feed = live()
    feed.delta(delta(11, 15, 0))
    feed.image(image(20, SECOND_NS))
    assert wishes(feed.delta(delta(21, 22, 2 * SECOND_NS))) == []
    assert feed.due(IN_BAND_RETRY_NS) == WISH


def gaps(outputs: list[Output]) -> list[tuple[int, int, str]]:
    events = [output.event for output in outputs if isinstance(output, Record)]
    return [(event.after_id, event.before_id, event.healed_by) for event in events if isinstance(event, Gap)]


def test_an_image_ahead_of_a_live_book_tells_what_was_never_seen() -> None:
    """A new connection takes the place of one on which the book had fallen silent."""
    feed = live()
    assert gaps(feed.image(image(20, SECOND_NS))) == [(10, 20, ""), (10, 20, "snapshot")]
    assert gaps(feed.delta(delta(20, 21, SECOND_NS))) == []


def test_an_image_that_a_live_book_has_passed_or_reached_hides_nothing() -> None:
    feed = live()
    feed.delta(delta(10, 15, 1))
    for update_id in (15, 10):
        assert gaps(feed.image(image(update_id, SECOND_NS))) == []


def test_an_image_with_a_wrong_checksum_takes_a_live_book_away() -> None:
    feed = live()
    assert gaps(feed.image(image(10, 1, checksum=7))) == []
    assert gaps(feed.image(image(20, SECOND_NS))) == [(10, 20, ""), (10, 20, "snapshot")]


def test_a_new_connection_may_ask_at_once() -> None:
    feed = live()
    feed.delta(delta(11, 15, 0))
    feed.disconnected()
    feed.image(image(20, SECOND_NS))
    assert wishes(feed.delta(delta(21, 22, 2 * SECOND_NS))) == WISH
