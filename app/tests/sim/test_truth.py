import asyncio
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec

from marketprism.sim.instruments import MarketKind
from marketprism.sim.truth import Row, TruthLog

NOW = 1_700_000_000_000


def log_at(path: Path, *, most_bytes: int = 10**6, kept: int = 2, unsent: bool = False) -> TruthLog:
    return TruthLog(path, most_bytes=most_bytes, kept_files=kept, unsent_too=unsent)


def note(log: TruthLog, trade_id: int, *, sent: bool = True, fault: str = "") -> None:
    event = {"t": trade_id, "p": "65000.00"}
    log.note(
        Row("trade", MarketKind.BINANCE_SPOT, "BTCUSDT", "btcusdt@trade", NOW, sent=sent, event=event, fault=fault)
    )


async def test_an_event_is_logged_with_its_venue_and_all_its_fields(tmp_path: Path) -> None:
    log = log_at(tmp_path / "truth.jsonl")
    note(log, 7)
    await log.flush()
    assert msgspec.json.decode((tmp_path / "truth.jsonl").read_bytes()) == {
        "kind": "trade",
        "venue": "binance-spot",
        "symbol": "BTCUSDT",
        "stream": "btcusdt@trade",
        "at_ms": NOW,
        "sent": True,
        "event": {"t": 7, "p": "65000.00"},
    }


async def test_what_was_taken_is_written_even_when_its_flush_is_cancelled(tmp_path: Path) -> None:
    log, busy = log_at(tmp_path / "truth.jsonl"), threading.Event()
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(max_workers=1))
    blocking = loop.run_in_executor(None, busy.wait)
    note(log, 7)
    flushing = asyncio.create_task(log.flush())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    flushing.cancel()
    await asyncio.wait([flushing])
    busy.set()
    await blocking
    note(log, 8)
    await log.flush()
    lines = (tmp_path / "truth.jsonl").read_bytes().splitlines()
    assert [msgspec.json.decode(line)["event"]["t"] for line in lines] == [7, 8]


async def test_what_a_fault_swallowed_is_always_logged_with_its_name(tmp_path: Path) -> None:
    log = log_at(tmp_path / "truth.jsonl")
    note(log, 7, sent=False, fault="lost-trades")
    await log.flush()
    row = msgspec.json.decode((tmp_path / "truth.jsonl").read_bytes())
    assert (row["sent"], row["fault"], row["event"]["t"]) == (False, "lost-trades", 7)


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
