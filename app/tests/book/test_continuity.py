"""Trade ids tell exactly what is missing."""

from marketprism.book.continuity import Hole, Place, TradeContinuity


def test_the_first_id_and_its_followers_are_continuous() -> None:
    ids = TradeContinuity()
    assert [ids.place(n, n) for n in (7, 8, 9)] == [(Place.NEXT, None)] * 3


def test_a_hole_has_its_exact_ends() -> None:
    ids = TradeContinuity()
    ids.place(7, 7)
    assert ids.place(11, 11) == (Place.AFTER_HOLE, Hole(8, 10))


def test_a_late_trade_fills_a_hole_and_is_kept() -> None:
    ids = TradeContinuity()
    ids.place(7, 7)
    ids.place(11, 11)
    assert ids.place(9, 9) == (Place.IN_HOLE, None)


def test_an_id_seen_before_is_repeated() -> None:
    ids = TradeContinuity()
    ids.place(7, 7)
    ids.place(8, 8)
    assert ids.place(7, 7) == (Place.REPEATED, None)
    assert ids.last_id == 8


def test_a_trade_of_several_fills_is_continued_after_its_last() -> None:
    ids = TradeContinuity()
    ids.place(1, 10)
    assert ids.place(11, 15) == (Place.NEXT, None)
    assert ids.place(17, 20) == (Place.AFTER_HOLE, Hole(16, 16))
    assert ids.place(16, 16) == (Place.IN_HOLE, None)
