import asyncio
import gzip
from pathlib import Path

import pytest
import zstandard

from marketprism.collector.capture import open_recording, record
from marketprism.errors import ConfigurationError, UnavailableError
from marketprism.settings import CollectorSettings, VenueSettings
from tests.collector.simulated import exchange


@pytest.mark.parametrize(("ending", "opener"), [(".gz", gzip.open), (".zst", zstandard.open)])
def test_the_ending_chooses_the_compression(tmp_path: Path, ending: str, opener: object) -> None:
    path = tmp_path / f"recording{ending}"
    with open_recording(path) as out:
        out.write(b"1 {}\n")
    with opener(path, "rb") as lines:
        assert lines.read() == b"1 {}\n"


def test_an_unknown_ending_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"neither \.gz nor \.zst"):
        open_recording(tmp_path / "recording.txt")


def test_an_existing_recording_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "a.gz").touch()
    with pytest.raises(ConfigurationError, match="File exists"):
        open_recording(tmp_path / "a.gz")


async def test_every_line_is_a_time_and_a_frame_as_received(tmp_path: Path) -> None:
    path, stop = tmp_path / "a.gz", asyncio.Event()
    async with exchange() as settings:
        asyncio.get_running_loop().call_later(1.5, stop.set)
        counters = await record("binance-spot", settings, CollectorSettings(), path, stop)
    with gzip.open(path, "rb") as recording:
        lines = [line.split(b" ", 1) for line in recording.read().splitlines()]
    times = [int(time) for time, _ in lines]
    assert times == sorted(times)
    kinds = {next(k for k in (b"@trade", b"@depth", b"@bookTicker", b"lastUpdateId") if k in line) for _, line in lines}
    assert kinds == {b"@trade", b"@depth", b"@bookTicker", b"lastUpdateId"}
    assert counters.frames == sum(b'"stream"' in line for _, line in lines)


async def test_a_recording_of_nothing_is_an_error_that_says_why(tmp_path: Path) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().call_later(1, stop.set)
    away = VenueSettings(
        ws_url="ws://127.0.0.1:1",
        rest_url="http://127.0.0.1:1",
        symbols=("BTC-USDT",),
        data_types=("trade", "orderbook"),
    )
    with pytest.raises(UnavailableError, match=r"nothing came from binance-spot: waits for .* Cannot connect"):
        await record("binance-spot", away, CollectorSettings(), tmp_path / "a.gz", stop)
    assert not (tmp_path / "a.gz").exists()


async def test_an_unknown_symbol_leaves_no_file_behind(tmp_path: Path) -> None:
    async with exchange() as settings:
        unknown = settings.model_copy(update={"symbols": ("BTC-USTD",)})
        with pytest.raises(ConfigurationError, match="does not list 'BTC-USTD'; did you mean BTC-USDT"):
            await record("binance-spot", unknown, CollectorSettings(), tmp_path / "a.gz", asyncio.Event())
    assert not (tmp_path / "a.gz").exists()
