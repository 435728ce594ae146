import pytest

from marketprism.sim.instruments import MarketKind, Pair
from marketprism.sim.ladder import Side
from marketprism.sim.okx.books import DEPTH, WindowedBook, signed_crc
from marketprism.sim.okx.listings import listing

LISTING = listing(MarketKind.OKX_SPOT, Pair("BTC", "USDT"))
BIDS, ASKS = [(1000, 50_000_000), (999, 100_000_000)], [(1001, 300_000_000)]


def opened() -> WindowedBook:
    assert LISTING
    book = WindowedBook(LISTING)
    book.open(10, BIDS, ASKS)
    return book


def test_a_subscription_starts_with_the_whole_book() -> None:
    row = opened().snapshot(1_597_026_383_085)
    assert row == {
        "asks": [["100.1", "3", "0", "2"]],
        "bids": [["100", "0.5", "0", "12"], ["99.9", "1", "0", "10"]],
        "ts": "1597026383085",
        "checksum": 0,
        "seqId": 10,
        "prevSeqId": -1,
    }


def test_an_update_holds_what_changed_and_names_the_frame_before_it() -> None:
    book = opened()
    row = book.advance(15, Side(-1, [(1000, 20_000_000)]), Side(1, [*ASKS, (1003, 1)]), 1)
    assert row
    assert row["bids"] == [["100", "0.2", "0", "8"], ["99.9", "0", "0", "0"]]
    assert row["asks"] == [["100.3", "0.00000001", "0", "2"]]
    assert (row["prevSeqId"], row["seqId"]) == (10, 15)


def test_ids_follow_the_documented_chain_of_keepalive_and_reset() -> None:
    book = opened()
    chain = [(row["prevSeqId"], row["seqId"]) for row in (book.snapshot(0), _next(book, 15, 1), book.keepalive(0))]
    book.restart(20)
    chain += [(row["prevSeqId"], row["seqId"]) for row in (_next(book, 20, 2), _next(book, 22, 3))]
    assert chain == [(-1, 10), (10, 15), (15, 15), (15, 3), (3, 5)]


def _next(book: WindowedBook, update_id: int, lots: int) -> dict[str, int]:
    row = book.advance(update_id, Side(-1, [(1000, lots)]), Side(1, ASKS), 0)
    assert row
    return row


def test_a_keepalive_has_no_levels() -> None:
    row = opened().keepalive(7)
    assert (row["asks"], row["bids"], row["ts"]) == ([], [], "7")


def test_levels_beyond_400_are_out_of_sight_until_they_move_up() -> None:
    assert LISTING
    bids = [(10_000 - place, 1) for place in range(DEPTH + 2)]
    book = WindowedBook(LISTING)
    book.open(1, bids, ASKS)
    assert len(book.snapshot(0)["bids"]) == DEPTH
    deep = [*bids[:-1], (bids[-1][0], 2)]
    assert book.advance(2, Side(-1, deep), Side(1, ASKS), 0) is None
    moved_up = book.advance(3, Side(-1, deep[1:]), Side(1, ASKS), 0)
    assert moved_up
    assert moved_up["bids"] == [["1000", "0", "0", "0"], ["960", "0.00000001", "0", "2"]]
    assert (moved_up["prevSeqId"], moved_up["seqId"]) == (1, 3)  # what was out of sight took no id
    pushed_out = book.advance(4, Side(-1, deep), Side(1, ASKS), 0)
    assert pushed_out
    assert pushed_out["bids"] == [["1000", "0.00000001", "0", "2"], ["960", "0", "0", "0"]]


@pytest.mark.parametrize(
    ("bids", "asks", "checksum"),
    [
        ([("3366.1", "7"), ("3366", "6")], [("3366.8", "9"), ("3368", "8")], -1_881_014_294),
        ([("3366.1", "7")], [("3366.8", "9"), ("3368", "8"), ("3372", "8")], 831_078_360),
    ],
)
def test_the_checksum_is_the_documented_one(
    bids: list[tuple[str, str]], asks: list[tuple[str, str]], checksum: int
) -> None:
    assert signed_crc(bids, asks) == checksum


def test_a_checksum_is_over_the_book_after_the_update_and_can_be_made_wrong() -> None:
    book, right = opened(), signed_crc([("100", "0.00000001")], [("100.1", "3")])
    row = book.advance(11, Side(-1, [(1000, 1)]), Side(1, ASKS), 0, checksum=0)
    assert row
    assert row["checksum"] == right
    assert book.keepalive(0, checksum=1)["checksum"] == right + 1


def test_the_touch_is_the_best_of_both_sides() -> None:
    assert opened().touch() == {"bid": ("100", "0.5"), "ask": ("100.1", "3")}
