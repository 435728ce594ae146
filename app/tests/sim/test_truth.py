import os
from pathlib import Path

import msgspec

from marketprism.sim import frames
from marketprism.sim.instruments import MarketKind, listing
from marketprism.sim.market import DepthUpdate, Fill, Top
from marketprism.sim.truth import TruthLog

ABOUT = listing(MarketKind.SPOT, "BTCUSDT")
NOW = 1_700_000_000_000


def log_at(path: Path, *, most_bytes: int = 10**6, kept: int = 2, unsent: bool = False) -> TruthLog:
    return TruthLog(path, most_bytes=most_bytes, kept_files=kept, unsent_too=unsent)


def note(log: TruthLog, trade_id: int, *, sent: bool = True) -> None:
    fill = Fill(trade_id, 6_500_000, 5, buyer_is_maker=False)
    log.event(ABOUT, "btcusdt@trade", fill, frames.event(ABOUT, fill, NOW), NOW, sent=sent)


async def test_a_trade_is_logged_with_all_its_fields(tmp_path: Path) -> None:
    log = log_at(tmp_path / "truth.jsonl")
    note(log, 7)
    await log.flush()
    row = msgspec.json.decode((tmp_path / "truth.jsonl").read_bytes())
    assert {key: row[key] for key in row if key != "event"} == {
        "kind": "trade",
        "market": "spot",
        "symbol": "BTCUSDT",
        "stream": "btcusdt@trade",
        "at_ms": NOW,
        "sent": True,
    }
    assert row["event"] == frames.event(ABOUT, Fill(7, 6_500_000, 5, buyer_is_maker=False), NOW)


async def test_a_depth_update_is_logged_by_its_ids_and_the_top_of_the_book(tmp_path: Path) -> None:
    log = log_at(tmp_path / "truth.jsonl")
    update = DepthUpdate(100, 5, 9, 4, [(1, 0), (2, 5)], [], Top(9, 2, 5, 3, 6))
    log.event(ABOUT, "btcusdt@depth@100ms", update, frames.event(ABOUT, update, NOW), NOW, sent=True)
    await log.flush()
    event = msgspec.json.decode((tmp_path / "truth.jsonl").read_bytes())["event"]
    assert (event["U"], event["u"], event["levels"]) == (5, 9, [2, 0])
    assert event["top"] == {"b": "0.02000000", "B": "0.00005000", "a": "0.03000000", "A": "0.00006000"}


async def test_unsent_events_are_left_out_unless_wanted(tmp_path: Path) -> None:
    for unsent in (False, True):
        log = log_at(tmp_path / f"{unsent}", unsent=unsent)
        note(log, 1, sent=False)
        await log.flush()
        assert (tmp_path / f"{unsent}").exists() == unsent


async def test_the_log_never_outgrows_its_share_of_the_disk(tmp_path: Path) -> None:
    log = log_at(tmp_path / "truth.jsonl", most_bytes=1_000, kept=2)
    for number in range(50):
        note(log, number)
        await log.flush()
    sizes = {entry.name: entry.stat().st_size for entry in os.scandir(tmp_path)}
    assert sizes.keys() <= {"truth.jsonl", "truth.jsonl.1", "truth.jsonl.2"}
    assert max(sizes.values()) < 1_500
    newest = (tmp_path / "truth.jsonl.1").read_bytes()
    oldest = (tmp_path / "truth.jsonl.2").read_bytes()
    ids = [msgspec.json.decode(line)["event"]["t"] for line in (oldest + newest).splitlines()]
    assert ids == list(range(ids[0], ids[0] + len(ids)))


async def test_a_disk_that_refuses_is_counted_not_hidden(tmp_path: Path) -> None:
    log = log_at(tmp_path)  # a directory cannot be appended to
    note(log, 1)
    note(log, 2)
    await log.flush()
    assert log.lost == 2
