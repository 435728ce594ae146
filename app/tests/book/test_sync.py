"""A book is live only while every change was seen."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from marketprism.book.sync import Applied, BookSync, Broken, Loaded, SnapshotNeeded, SyncState
from marketprism.contract.books import BookDelta, BookImage
from marketprism.contract.instruments import Exchange, Instrument, Market

INSTRUMENT = Instrument(exchange=Exchange.BINANCE, market=Market.SPOT, symbol="BTC-USDT", name="BTCUSDT")


def delta(first: int, last: int, prev: int | None = None, bid: str = "10") -> BookDelta:
    return BookDelta(INSTRUMENT, first, last, prev, last * 1000, last * 1_000_000, [(bid, str(last))], [])


def image(update_id: int) -> BookImage:
    return BookImage(INSTRUMENT, update_id, 0, [("9", "1")], [("11", "1")])


def live(last_id: int) -> BookSync:
    book = BookSync()
    book.feed_image(image(last_id - 1))
    book.feed_delta(delta(last_id, last_id))
    assert book.state is SyncState.LIVE
    return book


def test_the_first_delta_asks_for_a_snapshot_once() -> None:
    book = BookSync()
    assert book.feed_delta(delta(1, 2)) == [SnapshotNeeded("starting")]
    assert book.feed_delta(delta(3, 4)) == []
    assert book.state is SyncState.BUFFERING


def test_held_deltas_bridge_to_the_snapshot() -> None:
    book = BookSync()
    for held in (delta(1, 5), delta(6, 9), delta(10, 12)):
        book.feed_delta(held)
    assert book.feed_image(image(7)) == [Applied(delta(6, 9)), Applied(delta(10, 12))]
    assert (book.state, book.last_id) == (SyncState.LIVE, 12)
    assert book.levels.bids.best(1) == [("10", "12")]


def test_spot_bridges_at_the_id_after_the_snapshot() -> None:
    """Recorded sessions begin with ``U == lastUpdateId + 1``; the exchange's page is one short here."""
    book = BookSync()
    book.feed_image(image(9))
    assert book.feed_delta(delta(10, 12)) == [Applied(delta(10, 12))]


def test_futures_bridge_when_the_snapshot_is_the_previous_id() -> None:
    book = BookSync()
    book.feed_image(image(9))
    assert book.feed_delta(delta(30, 40, prev=9)) == [Applied(delta(30, 40, prev=9))]


def test_futures_bridge_when_the_delta_ends_at_the_snapshot() -> None:
    book = BookSync()
    book.feed_image(image(9))
    assert book.feed_delta(delta(5, 9, prev=4)) == [Applied(delta(5, 9, prev=4))]


def test_a_snapshot_older_than_the_stream_is_asked_for_again() -> None:
    book = BookSync()
    book.feed_delta(delta(20, 25))
    assert book.feed_image(image(10)) == [SnapshotNeeded("snapshot_too_old")]
    assert book.state is SyncState.BUFFERING
    assert book.feed_image(image(22)) == [Applied(delta(20, 25))]


def test_a_delta_that_skips_an_id_breaks_the_book() -> None:
    """The hole is named, and the book asks for a snapshot instead of guessing."""
    book = live(last_id=10)
    assert book.feed_delta(delta(12, 15)) == [Broken(10, delta(12, 15)), SnapshotNeeded("sequence_broken")]
    assert book.state is SyncState.BUFFERING
    assert book.feed_image(image(13)) == [Applied(delta(12, 15))]


def test_a_wrong_previous_id_breaks_a_futures_book() -> None:
    book = live(last_id=10)
    assert book.feed_delta(delta(11, 15, prev=9)) == [
        Broken(10, delta(11, 15, prev=9)),
        SnapshotNeeded("sequence_broken"),
    ]


def test_a_repeated_delta_changes_nothing() -> None:
    book = live(last_id=10)
    assert book.feed_delta(delta(9, 10)) == []
    assert (book.state, book.last_id) == (SyncState.LIVE, 10)


def test_a_live_book_ignores_a_snapshot() -> None:
    book = live(last_id=10)
    assert book.feed_image(image(5)) == []
    assert book.last_id == 10


@given(st.lists(st.integers(1, 5), min_size=3, max_size=40), st.data())
def test_any_single_lost_delta_is_noticed(sizes: list[int], data: st.DataObject) -> None:
    deltas, last = [], 10
    for size in sizes:
        deltas.append(delta(last + 1, last + size))
        last += size
    lost = data.draw(st.integers(0, len(deltas) - 2))
    book = live(last_id=10)
    steps = [step for index, item in enumerate(deltas) if index != lost for step in book.feed_delta(item)]
    assert [step for step in steps if isinstance(step, Broken)] == [Broken(deltas[lost].first_id - 1, deltas[lost + 1])]
    assert book.state is SyncState.BUFFERING


def in_band(update_id: int) -> tuple[BookSync, BookImage]:
    book, loaded = BookSync(in_band=True), image(update_id)
    assert book.feed_image(loaded) == [Loaded(loaded)]
    return book, loaded


def test_an_image_of_the_stream_is_live_at_once_and_replaces_a_live_book() -> None:
    book, _ = in_band(10)
    assert (book.state, book.last_id) == (SyncState.LIVE, 10)
    book.feed_image(image(50))
    assert book.last_id == 50


def test_deltas_before_the_image_of_the_stream_are_dropped() -> None:
    book = BookSync(in_band=True)
    assert book.feed_delta(delta(5, 5, prev=4)) == []
    assert book.state is SyncState.BUFFERING


def test_an_empty_delta_that_repeats_its_id_and_ids_that_start_anew_continue_the_book() -> None:
    """The chain of OKX's page: 10 -> 15 -> 15 (nothing changed) -> 3 (maintenance) -> 5."""
    book, _ = in_band(10)
    for previous, last in ((10, 15), (15, 15), (15, 3), (3, 5)):
        assert book.feed_delta(delta(last, last, prev=previous)) == [Applied(delta(last, last, prev=previous))]
    assert book.last_id == 5


def test_a_link_that_does_not_fit_breaks_a_book_of_the_stream_even_with_a_smaller_id() -> None:
    book, _ = in_band(15)
    assert book.feed_delta(delta(5, 5, prev=3)) == [Broken(15, delta(5, 5, prev=3)), SnapshotNeeded("sequence_broken")]
    assert book.feed_delta(delta(6, 6, prev=5)) == []


def test_a_delta_of_the_stream_that_comes_twice_changes_nothing() -> None:
    book, _ = in_band(10)
    for previous, last in ((10, 15), (15, 20)):
        assert book.feed_delta(delta(last, last, prev=previous)) == [Applied(delta(last, last, prev=previous))]
        assert book.feed_delta(delta(last, last, prev=previous)) == []
    assert book.feed_delta(delta(20, 20, prev=10)) == [
        Broken(20, delta(20, 20, prev=10)),
        SnapshotNeeded("sequence_broken"),
    ]


def test_levels_that_differ_from_the_checksum_break_the_book() -> None:
    book, _ = in_band(10)
    wrong = msgspec.structs.replace(delta(11, 11, prev=10), checksum=1)
    assert book.feed_delta(wrong) == [Broken(10, wrong), SnapshotNeeded("checksum_differs")]
    assert book.state is SyncState.BUFFERING


def test_an_image_with_a_wrong_checksum_is_asked_for_again() -> None:
    book = BookSync(in_band=True)
    assert book.feed_image(msgspec.structs.replace(image(1), checksum=1)) == [SnapshotNeeded("checksum_differs")]


def test_a_live_book_takes_a_new_image_without_a_break() -> None:
    book = live(10)
    book.expect_image()
    assert book.feed_delta(delta(11, 12, bid="10.5")) == [Applied(delta(11, 12, bid="10.5"))]
    fresh = BookImage(INSTRUMENT, 11, 0, [("9", "1"), ("8", "5")], [("11", "1")], limit=2)
    assert book.feed_image(fresh) == []
    assert (book.state, book.last_id, book.expects_image) == (SyncState.LIVE, 12, False)
    assert book.levels.bids.best(9) == [("10.5", "12"), ("9", "1"), ("8", "5")]
    assert book.horizon is not None
    assert not book.horizon.covers([("7", "1")], [])


def test_a_new_image_that_is_ahead_of_the_stream_waits_for_its_change() -> None:
    book = live(10)
    book.expect_image()
    book.feed_delta(delta(11, 12))
    book.feed_image(BookImage(INSTRUMENT, 15, 0, [("8", "5")], [("11", "1")]))
    assert book.feed_delta(delta(13, 14)) == [Applied(delta(13, 14))]
    assert book.levels.bids.best(9) == [("10", "14"), ("9", "1")], "the image is not the book yet"
    assert book.feed_delta(delta(15, 16, bid="8.5")) == [Applied(delta(15, 16, bid="8.5"))]
    assert book.levels.bids.best(9) == [("8.5", "16"), ("8", "5")]


def test_a_new_image_that_is_too_old_changes_nothing() -> None:
    book = live(10)
    book.expect_image()
    book.feed_delta(delta(11, 12))
    book.feed_image(BookImage(INSTRUMENT, 5, 0, [("8", "5")], [("11", "1")]))
    assert (book.state, book.expects_image) == (SyncState.LIVE, False)
    assert book.levels.bids.best(9) == [("10", "12"), ("9", "1")]


def test_an_image_that_does_not_come_changes_nothing_either() -> None:
    book = live(10)
    book.expect_image()
    book.expect_no_image()
    book.feed_image(BookImage(INSTRUMENT, 10, 0, [("8", "5")], [("11", "1")]))
    assert book.levels.bids.best(9) == [("10", "10"), ("9", "1")]


def test_a_hole_ends_the_wait_for_a_new_image() -> None:
    book = live(10)
    book.expect_image()
    assert isinstance(book.feed_delta(delta(20, 21))[0], Broken)
    assert (book.state, book.expects_image) == (SyncState.BUFFERING, False)
