"""What is missing, and what is wrong."""

from marketprism.storage.comparison import Comparison, Row, compare

A, B, C = (
    Row(key, place, content) for key, place, content in (("a", "1:1:0", 10), ("b", "1:1:1", 20), ("c", "1:2:0", 30))
)


def test_equal_rows_miss_nothing():
    assert compare([A, B], [B, A]) == Comparison([], 0)


def test_what_is_not_there_is_missing_once():
    assert compare([A, B, C, C], [B]) == Comparison(["a", "c"], 0)


def test_more_in_the_cold_database_is_no_difference():
    assert compare([A], [A, B, C]) == Comparison([], 0)


def test_other_values_from_the_same_place_are_different():
    assert compare([A], [Row("a", "1:1:0", 11)]) == Comparison([], 1)


def test_an_event_that_was_published_twice_is_there():
    assert compare([Row("a", "1:9:0", 99)], [A]) == Comparison([], 0)


def test_a_row_that_is_there_twice_is_different():
    assert compare([A], [A, A]) == Comparison([], 1)
