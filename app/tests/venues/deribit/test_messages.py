"""The wire's names mean what the structs say, and what is not a message is no message."""

import pytest

from marketprism.venues.deribit import messages
from marketprism.venues.protocol import UNREADABLE
from tests.venues.deribit import frames


def test_a_number_stays_as_it_was_sent() -> None:
    (trade,) = messages.decode_trades(f"[{frames.trade(price='1.50e2')}]".encode())
    assert (bytes(trade.price), bytes(trade.amount)) == (b"1.50e2", b"20")


def test_times_are_microseconds() -> None:
    assert messages.decode_ticker(frames.ticker().encode()).timestamp_us == 1_786_563_104_514_000


@pytest.mark.parametrize("time", ["0", "-1", "1786563104", "4102444800000", "9" * 30, "1e12", '"1786563104514"'])
def test_a_time_outside_the_century_is_none(time: str) -> None:
    with pytest.raises(UNREADABLE):
        messages.decode_volatility(f'{{"volatility":1,"timestamp":{time}}}'.encode())


@pytest.mark.parametrize("id_", ["1", '"1"', "null"])
@pytest.mark.parametrize("time", ['"1786563085259177"', "1786563085259177"])
def test_an_answer_may_spell_its_id_and_times_as_text_or_number(id_: str, time: str) -> None:
    frame = messages.decode_frame(f'{{"jsonrpc":"2.0","id":{id_},"result":"ok","usIn":{time}}}'.encode())
    assert bytes(frame.result) == b'"ok"'
