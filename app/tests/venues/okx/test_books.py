"""Books: the image first, then changes that name the one before; what proves nothing is refused."""

from typing import Any

import msgspec
import pytest

from marketprism.contract.books import BookDelta, BookImage
from marketprism.venues.okx.books import Books
from marketprism.venues.protocol import Refusal, VenueEvent
from tests.venues.okx.wire import BTC, RECEIVE_NS, SNAPSHOT, UPDATE, pushed


def read(row: dict[str, Any], action: str, books: Books | None = None) -> VenueEvent:
    (event,) = (books or Books()).read(BTC, pushed("books", row, action=action), RECEIVE_NS)
    return event


def without(row: dict[str, Any], *names: str, **others: object) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key not in names} | others


def test_a_snapshot_is_the_whole_book_in_the_exchanges_own_text() -> None:
    assert read(SNAPSHOT, "snapshot") == BookImage(
        BTC,
        update_id=10,
        receive_ns=RECEIVE_NS,
        bids=[("8476.97", "256")],
        asks=[("8476.98", "415"), ("8477", "7")],
        timestamp_us=1597026383085000,
        checksum=None,
    )


def test_an_update_names_the_one_before_it() -> None:
    assert read(UPDATE, "update") == BookDelta(
        BTC,
        first_id=15,
        last_id=15,
        prev_id=10,
        timestamp_us=1597026383185000,
        receive_ns=RECEIVE_NS,
        bids=[("8476.97", "12")],
        asks=[("8477", "0")],
        checksum=None,
    )


@pytest.mark.parametrize(("sequence_id", "previous_id"), [(15, 15), (3, 15)])
def test_a_quiet_minute_and_ids_that_start_anew_are_updates_like_others(sequence_id: int, previous_id: int) -> None:
    event = read({**UPDATE, "asks": [], "bids": [], "seqId": sequence_id, "prevSeqId": previous_id}, "update")
    assert isinstance(event, BookDelta)
    assert (event.prev_id, event.last_id, event.bids, event.asks) == (previous_id, sequence_id, [], [])


def test_a_checksum_is_passed_on_unless_it_is_zero_or_absent() -> None:
    rows = [{**SNAPSHOT, "checksum": -855196043}, SNAPSHOT, without(SNAPSHOT, "checksum")]
    found = [read(row, "snapshot") for row in rows]
    assert [event.checksum for event in found if isinstance(event, BookImage)] == [-855196043, None, None]


def test_books_without_ids_are_numbered_by_their_time_and_chained_by_their_order() -> None:
    books = Books()
    old = {"checksum": 1054815633}
    image = read(without(SNAPSHOT, "seqId", "prevSeqId", **old), "snapshot", books)
    first = read(without(UPDATE, "seqId", "prevSeqId", **old), "update", books)
    second = read(without(UPDATE, "seqId", "prevSeqId", **old, ts="1597026383285"), "update", books)
    assert isinstance(image, BookImage)
    assert isinstance(first, BookDelta)
    assert isinstance(second, BookDelta)
    assert (image.update_id, image.checksum) == (1597026383085, 1054815633)
    assert (first.prev_id, first.first_id, first.last_id) == (1597026383085, 1597026383185, 1597026383185)
    assert (second.prev_id, second.last_id) == (1597026383185, 1597026383285)


@pytest.mark.parametrize(
    "row",
    [
        without(UPDATE, "prevSeqId"),
        without(UPDATE, "seqId", checksum=7),
        without(UPDATE, "seqId", "prevSeqId"),
        without(UPDATE, "seqId", "prevSeqId", "checksum"),
    ],
)
def test_a_book_with_neither_ids_nor_a_checksum_proves_nothing(row: dict[str, Any]) -> None:
    refusal = read(row, "update")
    assert isinstance(refusal, Refusal)
    assert refusal.reason == "orderbook_unnumbered"


@pytest.mark.parametrize("level", [["NaN", "1"], ["1", "-1"], ["1", "1e3"], ["1", ""]])
def test_levels_that_are_no_numbers_are_refused(level: list[str]) -> None:
    refusal = read({**UPDATE, "bids": [[*level, "0", "1"]]}, "update")
    assert isinstance(refusal, Refusal)
    assert refusal.reason == "orderbook_number"


@pytest.mark.parametrize("action", ["partial", ""])
def test_an_unknown_action_is_refused(action: str) -> None:
    refusal = read(UPDATE, action)
    assert isinstance(refusal, Refusal)
    assert refusal.reason == "orderbook_malformed"


@pytest.mark.parametrize(
    "wrong",
    [
        {"seqId": "15"},
        {"seqId": -1},
        {"seqId": 2**63},
        {"prevSeqId": -2},
        {"prevSeqId": 1.5},
        {"checksum": "0"},
        {"ts": 1597026383085},
        {"ts": "9" * 14},
        {"bids": [["1"]]},
        {"bids": [[1, 2, "0", "1"]]},
        {"bids": None},
    ],
)
def test_a_book_of_the_wrong_shape_does_not_decode(wrong: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        read({**UPDATE, **wrong}, "update")
