import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketprism.collector.spool_records import Decoded, Record, decode, encode, hides_records, size

RECORD = Record("b0:7", "trade.binance.spot.BTC-USDT", b'{"events":[1,2]}', 2)
records = st.builds(
    Record, st.text(min_size=1, max_size=20), st.text(max_size=40), st.binary(max_size=200), st.integers(0, 2**32 - 1)
)


@given(st.lists(records, max_size=5))
def test_records_come_back_as_they_were_written(written: list[Record]) -> None:
    data = b"".join(map(encode, written))
    found = decode(data, 10)
    assert found == Decoded(written, len(data), needed=0, sound=True, skipped=0)
    assert len(data) == sum(map(size, written))


def test_no_more_than_the_wanted_number_is_read() -> None:
    found = decode(encode(RECORD) * 3, 2)
    assert (found.records, found.end) == ([RECORD] * 2, 2 * size(RECORD))


@pytest.mark.parametrize("kept", range(1, size(RECORD)))
def test_a_torn_record_says_what_it_needs_and_the_ones_before_it_are_read(kept: int) -> None:
    found = decode(encode(RECORD) + encode(RECORD)[:kept], 10)
    assert (found.records, found.end, found.sound) == ([RECORD], size(RECORD), True)
    assert found.needed == (size(RECORD) if kept >= 8 else 8)


@given(st.integers(0, size(RECORD) - 1), st.integers(1, 255))
def test_a_changed_byte_is_never_taken_for_a_sound_record(at: int, change: int) -> None:
    data = bytearray(encode(RECORD))
    data[at] ^= change
    found = decode(bytes(data), 10)
    assert found.records == []
    assert not found.sound or found.needed > len(data)


@given(st.integers(8, size(RECORD) - 1), st.integers(1, 255), st.integers(1, 10))
def test_a_record_that_was_changed_is_skipped_alone_where_a_sound_one_follows(at: int, change: int, most: int) -> None:
    data = bytearray(encode(RECORD) * 4)
    data[size(RECORD) + at] ^= change
    found = decode(bytes(data), most)
    read = min(most, 3)
    assert found.records == [RECORD] * read
    assert (found.end, found.skipped) == ((size(RECORD), 0) if read == 1 else ((read + 1) * size(RECORD), size(RECORD)))
    assert (found.needed, found.sound) == (0, True)


@pytest.mark.parametrize("kept", range(size(RECORD)))
def test_before_a_changed_record_is_skipped_the_one_after_it_has_to_be_all_here(kept: int) -> None:
    changed = bytearray(encode(RECORD))
    changed[-1] ^= 1
    found = decode(bytes(changed) + encode(RECORD)[:kept], 10)
    assert (found.records, found.end, found.sound, found.skipped) == ([], 0, True, 0)
    assert found.needed == size(RECORD) + (size(RECORD) if kept >= 8 else 8)


def test_two_changed_records_in_a_row_are_not_skipped() -> None:
    changed = bytearray(encode(RECORD))
    changed[-1] ^= 1
    found = decode(encode(RECORD) + bytes(changed) * 2 + encode(RECORD), 10)
    assert (found.records, found.end, found.sound, found.skipped) == ([RECORD], size(RECORD), False, 0)


@pytest.mark.parametrize("rest", [b"", bytes(100), encode(RECORD)[:-1], encode(RECORD)[:5]])
def test_what_a_crash_leaves_hides_nothing(rest: bytes) -> None:
    assert not hides_records(rest)


@pytest.mark.parametrize("rest", [encode(RECORD) + b"x", bytes(100) + encode(RECORD)])
def test_what_goes_on_after_the_damage_may_hide_records(rest: bytes) -> None:
    assert hides_records(rest)


def test_zeros_are_no_record() -> None:
    found = decode(encode(RECORD) + bytes(100), 10)
    assert (found.records, found.end, found.sound) == ([RECORD], size(RECORD), False)


def test_an_id_that_is_no_text_is_no_record() -> None:
    foreign = encode(Record("b0:7", "\x80", b"", 1)).replace("\x80".encode(), b"\xff\xff")
    body = foreign[8:]
    framed = len(body).to_bytes(4, "little") + zlib.crc32(body).to_bytes(4, "little") + body
    found = decode(framed + encode(RECORD), 2)
    assert (found.records, found.skipped) == ([RECORD], len(framed))
