from pathlib import Path

from marketprism.collector.spool_queue import Segment
from marketprism.collector.window import Message, Window


def message(number: int, size: int = 10) -> Message:
    return Message(number, f"b0:{number}", "trade.x", b"x" * size, 2, made_at=0.0)


def window(*numbers: int, max_messages: int = 3, max_bytes: int = 100) -> Window:
    made = Window(max_messages=max_messages, max_bytes=max_bytes)
    for number in numbers:
        made.add(message(number))
    return made


def send_all(window: Window) -> list[int]:
    sent = []
    while (taken := window.next_unsent()) is not None:
        taken.sent_at = 1.0
        sent.append(taken.number)
    return sent


def test_messages_are_sent_in_the_order_in_which_they_were_made() -> None:
    assert send_all(window(1, 2, 3)) == [1, 2, 3]


def test_the_bound_counts_messages_and_bytes() -> None:
    assert window(1, 2).has_room
    assert not window(1, 2, 3).has_room
    assert not window(1, 2, max_bytes=20).has_room


def test_settling_frees_room_bytes_and_events_once() -> None:
    full = window(1, 2, 3)
    assert full.settle(2) is not None
    assert full.settle(2) is None
    assert (len(full), full.bytes, full.events, full.has_room) == (2, 20, 4, True)


def test_a_rejected_message_is_sent_again_before_younger_unsent_ones() -> None:
    made = window(1, 2)
    send_all(made)
    made.add(message(3))
    assert made.reject(1)
    assert send_all(made) == [1, 3]


def test_rejecting_a_settled_message_is_harmless() -> None:
    made = window(1)
    made.settle(1)
    assert not made.reject(1)
    assert send_all(made) == []


def test_going_back_sends_everything_again_from_the_oldest_and_counts_what_had_been_sent() -> None:
    made = window(1, 2)
    send_all(made)
    made.add(message(3))
    assert made.go_back() == 2
    assert send_all(made) == [1, 2, 3]


def test_a_message_acknowledged_while_it_waits_to_be_resent_is_not_sent() -> None:
    made = window(1, 2)
    send_all(made)
    made.go_back()
    assert made.next_unsent() is not None
    made.settle(2)
    assert send_all(made) == []


def test_only_the_oldest_message_counts_for_the_deadline() -> None:
    made = window(1, 2)
    assert made.oldest_wait(9.0) == 0.0
    send_all(made)
    assert made.oldest_wait(9.0) == 8.0


def test_messages_are_read_from_disk_only_when_half_of_the_room_is_free() -> None:
    made = window(1, 2, 3, max_messages=4, max_bytes=1000)
    assert made.free == 0
    made.settle(1)
    assert made.free == 2
    made.add(Message(4, "b0:4", "trade.x", b"x" * 500, 2, made_at=0.0))
    made.settle(2)
    assert made.free == 0, "half of the bytes are taken"


def test_those_in_memory_alone_are_the_oldest_without_a_segment_up_to_the_wanted_bytes() -> None:
    made = window(1, 2, 3, 4)
    made._messages[1].segment = Segment(Path("x"))
    assert [m.number for m in made.in_memory_alone(20)] == [2, 3]
    assert [m.number for m in made.in_memory_alone(10_000)] == [2, 3, 4]
