"""Holes of the wire and entries of the ledger are matched one to one."""

from tests.integration.venue_faults.ledger import Entry, compare
from tests.integration.venue_faults.wire import Hole, Place

BOOK = Place("okx-spot", "BTC-USDT", "orderbook")
TRADES = BOOK._replace(data_type="trade")


def hole(
    after_id: int, before_id: int, *, at_ms: int = 0, image: bool = False, in_flight: tuple[int, ...] = ()
) -> Hole:
    return Hole(BOOK, after_id, before_id, at_ms, image, frozenset(in_flight))


def entry(
    after_id: int, before_id: int, *, found_ms: int = 0, healed_ms: int | None = 10, place: Place = BOOK
) -> Entry:
    return Entry(place, after_id, before_id, found_ms, healed_ms)


def test_what_both_know_is_told() -> None:
    found = compare([hole(1, 5), hole(9, 12)], [entry(1, 5), entry(9, 12)])
    assert [each.after_id for each in found.told] == [1, 9]
    assert (found.missed, found.invented, found.nested) == ([], [], [])


def test_a_hole_that_the_ledger_lacks_is_missed_and_an_entry_without_a_hole_invented() -> None:
    late = hole(9, 12, at_ms=60_000)
    stranger = entry(20, 22, found_ms=99_000)
    found = compare([hole(1, 5), late], [entry(1, 5), stranger, entry(1, 5, place=TRADES)])
    assert found.missed == [late]
    assert found.invented == [stranger, entry(1, 5, place=TRADES)]
    assert found.worse_than(compare([hole(1, 5)], [entry(1, 5), entry(1, 5, place=TRADES)])) == [
        f"missed: {late}",
        f"invented: {stranger}",
    ]


def test_another_end_is_another_hole_unless_an_image_made_it() -> None:
    assert compare([hole(1, 5)], [entry(1, 7)]).invented == [entry(1, 7)]
    assert compare([hole(1, 5, image=True)], [entry(1, 7)]).invented == []


def test_what_was_in_flight_belongs_to_the_hole() -> None:
    assert compare([hole(5, 9, in_flight=(3, 4, 5))], [entry(3, 9)]).told == [hole(5, 9, in_flight=(3, 4, 5))]
    assert compare([hole(5, 9, at_ms=60_000, in_flight=(4, 5))], [entry(3, 9, healed_ms=1)]).invented != []


def test_a_hole_while_another_is_open_goes_on() -> None:
    found = compare([hole(1, 5), hole(9, 12, at_ms=2000)], [entry(1, 5, found_ms=0, healed_ms=3000)])
    assert [each.after_id for each in found.nested] == [9]
