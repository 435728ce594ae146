"""What goes, and what is kept for reading it again."""

import pytest

from marketprism.storage.purge import REWIND_SECONDS, AckFloors, last_to_purge


@pytest.mark.parametrize(
    ("fill", "last"),
    [(0.0, 0), (0.6, 0), (0.61, 40), (0.8, 40), (0.81, 100), (1.0, 100)],
)
def test_the_fuller_the_stream_the_less_is_kept(fill: float, last: int):
    assert last_to_purge(fill, floor=100, floor_before_rewind=40) == last


def test_the_floor_before_the_rewind_is_the_newest_that_is_old_enough():
    floors = AckFloors()
    for now, floor in ((0.0, 10), (5.0, 20), (10.0, 30), (REWIND_SECONDS + 5, 40)):
        floors.note(now, floor)
    assert floors.before_rewind(0.0, REWIND_SECONDS + 5) == 20
    assert floors.before_rewind(0.0, REWIND_SECONDS + 9) == 20
    assert floors.before_rewind(0.0, REWIND_SECONDS + 11) == 30


def test_nothing_is_known_of_the_time_before_the_start():
    floors = AckFloors()
    assert floors.before_rewind(0.0, REWIND_SECONDS) == 0
    floors.note(1.0, 1000)
    assert floors.before_rewind(0.0, REWIND_SECONDS) == 0
    assert floors.before_rewind(0.0, REWIND_SECONDS + 1) == 1000


def test_a_stream_that_was_made_anew_has_no_past():
    floors = AckFloors()
    floors.note(0.0, 1000)
    floors.note(REWIND_SECONDS, 3)
    assert floors.before_rewind(0.0, REWIND_SECONDS) == 0


def test_floors_do_not_age_while_clickhouse_is_away():
    """What was inserted shortly before it went may be gone when it comes back, however long that takes."""
    floors = AckFloors()
    for now, floor in ((0.0, 10), (300.0, 20), (REWIND_SECONDS, 30), (9_000.0, 30), (90_000.0, 30)):
        floors.note(now, floor)
    assert floors.before_rewind(0.0, REWIND_SECONDS) == 10
    assert floors.before_rewind(0.0, 90_001.0) == 30, "the same run came back: only the line was cut"


def test_after_another_start_of_clickhouse_floors_age_anew():
    """Reading again has just inserted what they stand for."""
    floors = AckFloors()
    floors.note(0.0, 10)
    floors.note(1_000.0, 20)
    assert floors.before_rewind(900.0, 1_000.0) == 0
    floors.note(1_001.0, 20)
    assert floors.before_rewind(900.0, 1_000.0 + REWIND_SECONDS) == 20
