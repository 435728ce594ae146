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
    assert floors.before_rewind(REWIND_SECONDS + 5) == 20
    assert floors.before_rewind(REWIND_SECONDS + 11) == 20, "asked before the next note"
    floors.note(REWIND_SECONDS + 11, 50)
    assert floors.before_rewind(REWIND_SECONDS + 11) == 30


def test_nothing_is_known_of_the_time_before_the_start():
    floors = AckFloors()
    floors.note(0.0, 1000)
    assert floors.before_rewind(REWIND_SECONDS - 1) == 0


def test_a_stream_that_was_made_anew_has_no_past():
    floors = AckFloors()
    floors.note(0.0, 1000)
    floors.note(REWIND_SECONDS, 3)
    assert floors.before_rewind(REWIND_SECONDS) == 0
