"""The witness of the fault runs finds holes where there are some, and nowhere else."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.integration.venue_faults.wire import Place, Wire

SPOT = Place("binance-spot", "BTCUSDT", "orderbook")
OKX = Place("okx-spot", "BTC-USDT", "orderbook")


def row(place: Place, kind: str, stream: str, event: dict[str, Any], *, sent: bool = True, fault: str = "") -> str:
    told = {"kind": kind, "venue": place.market, "symbol": place.instrument, "stream": stream, "at_ms": 1}
    return json.dumps({**told, "sent": sent, "event": event, "fault": fault}, separators=(",", ":"))


def spot(first: int, last: int, **more: Any) -> str:
    top = {"b": "1", "B": "2", "a": "3", "A": "4"}
    return row(SPOT, "depthUpdate", "btcusdt@depth@100ms", {"U": first, "u": last, "top": top}, **more)


def okx(before: int, own: int, **more: Any) -> str:
    event = {"seqId": own, "prevSeqId": before, "bid": ["1", "2"], "ask": ["3", "4"], "checksum": more.pop("crc", 0)}
    return row(OKX, "snapshot" if before == -1 else "books", "books:BTC-USDT", event, **more)


def trade(number: int, **more: Any) -> str:
    return row(SPOT, "trade", "btcusdt@trade", {"t": number}, **more)


@pytest.mark.parametrize(
    ("rows", "holes"),
    [
        ([spot(1, 4), spot(5, 6)], []),
        ([spot(1, 4), spot(5, 6, sent=False, fault="gap"), spot(7, 9)], [(4, 7)]),
        ([spot(1, 4), spot(5, 6, fault="duplicate"), spot(7, 9)], []),
        ([spot(1, 4), spot(5, 6, fault="reordered"), spot(7, 9), spot(10, 11)], [(4, 7)]),
        ([trade(1), trade(2), trade(5)], [(2, 5)]),
        ([okx(-1, 10), okx(10, 15), okx(15, 15), okx(15, 3), okx(3, 5)], []),
        ([okx(-1, 10), okx(10, 15), okx(-1, 15), okx(15, 16)], []),
        ([okx(-1, 10), okx(10, 15), okx(-1, 20), okx(20, 21)], [(15, 20)]),
        ([okx(-1, 10), okx(14, 15)], [(10, 15)]),
    ],
)
def test_a_chain_is_broken_where_what_was_sent_does_not_name_what_was_sent_before(
    tmp_path: Path, rows: list[str], holes: list[tuple[int, int]]
) -> None:
    path = tmp_path / "truth"
    path.write_text("\n".join(rows) + "\n")
    wire = Wire(path)
    wire.read()
    assert [(hole.after_id, hole.before_id) for hole in wire.holes] == holes


def test_a_log_is_read_on_as_it_grows_and_lost_updates_have_their_best_levels_too(tmp_path: Path) -> None:
    path = tmp_path / "truth"
    whole, half = spot(1, 4), spot(5, 6, sent=False, fault="gap")
    path.write_text(f"{whole}\n{half[:20]}")
    wire = Wire(path)
    wire.read()
    assert [number for _, number in wire.tops] == [4]
    path.write_text(f"{whole}\n{half}\n")
    wire.read()
    assert wire.tops == {(SPOT, 4): (("1", "2"), ("3", "4")), (SPOT, 6): (("1", "2"), ("3", "4"))}


def test_a_wrong_checksum_breaks_a_chain_once(tmp_path: Path) -> None:
    path = tmp_path / "truth"
    rows = [okx(-1, 10), okx(10, 15, crc=7), okx(15, 16, crc=8), okx(16, 17), okx(17, 18)]
    path.write_text("\n".join(rows) + "\n")
    wire = Wire(path)
    wire.lying.add("okx-spot")
    wire.read()
    assert [(hole.after_id, hole.before_id) for hole in wire.holes] == [(10, 15)]
