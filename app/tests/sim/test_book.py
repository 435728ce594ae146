from random import Random

from marketprism.sim.binance.listings import listing
from marketprism.sim.book import MarketBook
from marketprism.sim.facts import Top
from marketprism.sim.instruments import MarketKind, pair

BIDS, ASKS = [(10, 3), (9, 1)], [(11, 5), (12, 2)]


def opened(kind: MarketKind = MarketKind.BINANCE_SPOT) -> MarketBook:
    return MarketBook(listing(kind, pair("BTCUSDT")), Random(1), 100, list(BIDS), list(ASKS))


def test_every_change_takes_an_id_and_reports_new_best_levels() -> None:
    book = opened()
    assert book.change(book.bids, 9, 4) is None
    assert book.change(book.asks, 11, 0) == Top(102, 10, 3, 12, 2)
    assert book.now() == (102, [(10, 3), (9, 4)], [(12, 2)])


def test_ids_jump_where_they_are_shared() -> None:
    book = opened(MarketKind.BINANCE_USDM)
    for lots in range(1, 21):
        book.change(book.bids, 9, lots)
    assert book.update_id > 120


def test_streams_publish_at_the_end_of_their_period_and_only_changes() -> None:
    book = opened()
    book.change(book.bids, 9, 4)
    assert book.due(25) == []
    [quick] = book.due(100)
    assert (quick.period_ms, quick.first_id, quick.last_id, quick.bids) == (100, 101, 101, [(9, 4)])
    assert book.due(200) == []
    assert [each.period_ms for each in book.due(1000)] == [1000]


def test_a_follower_of_a_stream_has_the_book_of_its_last_update() -> None:
    book = opened()
    book.change(book.bids, 9, 4)
    book.due(100)
    book.change(book.asks, 11, 0)
    assert book.published(100) == (101, [(10, 3), (9, 4)], ASKS)
    assert book.published(1000) == (100, BIDS, ASKS)


def test_a_book_that_is_too_old_can_be_kept_and_forgotten() -> None:
    book = opened()
    assert book.past() is None
    book.change(book.bids, 9, 4)
    book.due(1000)
    book.keep()
    book.change(book.asks, 11, 0)
    book.flush()
    assert book.past() == (100, BIDS, ASKS)
    book.forget()
    assert book.past() is None
