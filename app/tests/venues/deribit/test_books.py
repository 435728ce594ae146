"""A book comes whole and then in changes that name the one before."""

import msgspec
import pytest

from marketprism.contract.books import BookDelta, BookImage
from marketprism.errors import ContractError
from marketprism.venues.deribit.books import Book
from tests.venues.deribit.frames import BTC, RECEIVE_NS, book, raw

US = 1_786_563_104_514_000


def read(data: str) -> BookImage | BookDelta:
    (found,) = Book(BTC).read(raw(data), RECEIVE_NS)
    assert isinstance(found, BookImage | BookDelta)
    return found


def test_a_snapshot_is_the_whole_book() -> None:
    found = read(book(5, bids='["new",63324.5,372280],["new",63324,1360]', asks='["new",63325,7730.0]'))
    bids = [("63324.5", "372280"), ("63324", "1360")]
    assert found == BookImage(BTC, 5, RECEIVE_NS, bids, [("63325", "7730.0")], US)


def test_a_change_names_the_one_before_and_a_deleted_level_has_no_amount() -> None:
    found = read(
        book(9, 5, bids='["delete",62533,0],["delete",62532,20]', asks='["change",63350.5,8250],["new",7e4,10]')
    )
    bids, asks = [("62533", "0"), ("62532", "0")], [("63350.5", "8250"), ("70000", "10")]
    assert found == BookDelta(BTC, 9, 9, 5, US, RECEIVE_NS, bids, asks)


def test_an_empty_book_is_a_book() -> None:
    assert read(book(5)) == BookImage(BTC, 5, RECEIVE_NS, [], [], US)


def test_without_a_type_the_previous_id_tells_image_and_change_apart() -> None:
    assert isinstance(read(book(5).replace('"type":"snapshot",', "")), BookImage)
    assert isinstance(read(book(6, 5).replace('"type":"change",', "")), BookDelta)


def test_a_change_without_a_previous_id_is_never_taken_for_a_whole_book() -> None:
    with pytest.raises(ContractError, match="names no change before it"):
        read(book(5).replace("snapshot", "change"))


@pytest.mark.parametrize(
    "level", ['["new",0,10]', '["new",-5,10]', '["new",5,-1]', '["new",null,1]', '["new",5,1e30]', '["new","5",1]']
)
def test_a_level_without_sound_numbers_is_refused(level: str) -> None:
    with pytest.raises(ContractError):
        read(book(5, asks=level))


@pytest.mark.parametrize("level", ['["move",5,10]', '["new",5]', '["new",5,10,1]', "5", "[]", '["new",5,NaN]'])
def test_what_is_no_level_raises(level: str) -> None:
    with pytest.raises(msgspec.DecodeError):
        read(book(5, bids=level))
