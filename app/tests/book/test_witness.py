"""A wrong book cannot hide from the exchange's own best bid and ask."""

from marketprism.book.levels import Levels
from marketprism.book.witness import BookChecks, Witness
from marketprism.contract.books import BookTop
from marketprism.contract.instruments import Exchange, Instrument, Market

INSTRUMENT = Instrument(exchange=Exchange.BINANCE, market=Market.SPOT, symbol="BTC-USDT", name="BTCUSDT")
LEVELS = Levels([("10", "2")], [("11", "4")])


def top(update_id: int, bid_quantity: str = "2.0") -> BookTop:
    return BookTop(INSTRUMENT, update_id, ("10.00", bid_quantity), ("11", "4"))


def test_a_top_is_compared_when_the_book_reaches_its_id() -> None:
    checks = BookChecks()
    witness = Witness(checks)
    witness.feed_top(top(7), 5, LEVELS)
    witness.applied(6, LEVELS)
    assert checks.compared == 0
    witness.applied(7, LEVELS)
    assert (checks.compared, checks.equal) == (1, 1)


def test_a_top_for_the_present_book_is_compared_at_once() -> None:
    checks = BookChecks()
    Witness(checks).feed_top(top(5), 5, LEVELS)
    assert (checks.compared, checks.equal) == (1, 1)


def test_a_different_quantity_is_unequal() -> None:
    checks = BookChecks()
    Witness(checks).feed_top(top(5, bid_quantity="2.1"), 5, LEVELS)
    assert (checks.compared, checks.equal) == (1, 0)


def test_a_top_that_the_book_has_passed_is_not_compared() -> None:
    checks = BookChecks()
    Witness(checks).feed_top(top(4), 5, LEVELS)
    assert checks.compared == 0


def test_a_crossed_book_is_counted() -> None:
    checks = BookChecks()
    Witness(checks).applied(1, Levels([("11", "1")], [("11", "1")]))
    assert checks.crossed == 1
