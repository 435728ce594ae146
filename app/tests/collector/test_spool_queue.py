from pathlib import Path

from marketprism.collector.spool_queue import SpoolQueue


def queue(segment_bytes: int = 100) -> SpoolQueue:
    return SpoolQueue(Path("/spool"), "MARKET_DATA", segment_bytes)


def test_segments_are_numbered_on_and_written_up_to_their_size() -> None:
    made = queue()
    for _ in range(4):
        made.written(made.target(), 60, 1)
    names = [segment.path.name for segment in made._segments]
    assert names == ["MARKET_DATA-0000000001.v1.spool", "MARKET_DATA-0000000002.v1.spool"]
    assert (made.bytes, made.events, made.has_unread) == (240, 4, True)


def test_what_an_earlier_run_left_is_read_first_never_written_and_counts_no_events_of_this_run() -> None:
    made = queue()
    made.adopt(7, 50)
    segment = made.target()
    assert segment.path.name == "MARKET_DATA-0000000008.v1.spool"
    made.written(segment, 30, 2)
    first = made.reading()
    assert first.path.name == "MARKET_DATA-0000000007.v1.spool"
    assert first.inherited
    made.took(first, 50, 3, 9)
    assert made.events == 2
    assert made.reading() is segment


def test_a_segment_may_go_when_it_is_read_and_everything_read_from_it_is_acknowledged() -> None:
    made = queue()
    segment = made.target()
    made.written(segment, 60, 2)
    made.took(segment, 30, 1, 1)
    assert not made.acknowledged(segment)
    assert made.took(segment, 60, 1, 1) == 0
    assert made.done() == []
    assert made.acknowledged(segment)
    assert made.done() == [segment]
    made.removed(segment)
    assert (made.bytes, made.events, made.has_unread) == (0, 0, False)
    assert made.target() is not segment


def test_copies_of_the_window_are_not_read_but_keep_their_segment() -> None:
    made = queue()
    segment = made.target()
    made.copied(segment, 60, 2)
    assert (made.bytes, made.events, made.has_unread) == (60, 0, False)
    assert not made.acknowledged(segment)
    assert made.acknowledged(segment)


def test_copies_that_are_all_acknowledged_already_leave_nothing() -> None:
    made = queue()
    segment = made.target()
    made.copied(segment, 60, 0)
    assert made.done() == [segment]


def test_what_is_cut_off_is_counted_and_not_written_to_again() -> None:
    made = queue()
    segment = made.target()
    made.written(segment, 60, 5)
    made.took(segment, 20, 1, 2)
    assert made.cut(segment) == (40, 3)
    assert (made.bytes, made.events, made.has_unread) == (20, 0, False)
    assert made.target() is not segment


def test_events_that_are_in_no_record_are_told_when_everything_is_read() -> None:
    made = queue()
    segment = made.target()
    made.written(segment, 90, 6)
    assert made.took(segment, 60, 1, 2) == 0
    assert made.events == 4
    assert made.took(segment, 90, 1, 3) == 1
    assert made.events == 0
    made.written(segment, 30, 2)
    assert made.took(segment, 120, 1, 2) == 0


def test_what_is_left_aside_is_neither_read_nor_written_nor_deleted_and_stays_counted() -> None:
    made = queue()
    segment = made.target()
    made.written(segment, 60, 5)
    made.took(segment, 20, 1, 2)
    made.leave_aside(segment)
    assert (made.bytes, made.events, made.has_unread) == (60, 3, False)
    assert not made.acknowledged(segment)
    newer = made.target()
    assert newer is not segment
    made.written(newer, 30, 1)
    assert made.reading() is newer
    assert made.done() == []


def test_a_segment_of_which_nothing_could_be_written_may_go() -> None:
    made = queue()
    segment = made.target()
    assert made.done() == [segment]
