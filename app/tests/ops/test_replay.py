"""Recorded sessions rebuild to the exchange's own numbers."""

import gzip
import json
from decimal import Decimal
from pathlib import Path

import pytest
import zstandard

from marketprism.contract.events import Trade
from marketprism.errors import ConfigurationError
from marketprism.ops.replay import read_lines, replay
from marketprism.pipeline.feed import Feed
from marketprism.pipeline.outputs import Record
from marketprism.venues.binance.adapter import Binance
from marketprism.venues.binance.markets import MARKETS, instrument
from marketprism.venues.protocol import RestRequest
from tests.recordings import RECORDINGS, needs_recording

needs_sessions = needs_recording("hftbacktest")
LINES = [
    b'1723161253937085768 {"stream":"btcusdt@trade","data":{}}',
    b'1723161253937085769 {"lastUpdateId":1,"bids":[]}',
]
SESSIONS = [
    ("binance-spot", ["spot/btcusdt_20240808.gz"], 9_757, 564),
    ("binance-spot", ["spot/btcusdt_20240808.gz", "spot/btcusdt_20240809.gz"], 19_904, 564),
    ("binance-usdm", ["usdm/btcusdt_20240808.gz"], 21_313, 503),
]


@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstandard.compress])
def test_recordings_are_read_whatever_their_packing(tmp_path: Path, pack: type[bytes]) -> None:
    path = tmp_path / "recording"
    path.write_bytes(pack(b"\n".join(LINES) + b"\n"))
    assert list(read_lines(path)) == [
        (1723161253937085768, LINES[0].partition(b" ")[2]),
        (1723161253937085769, LINES[1].partition(b" ")[2]),
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no recording\n", "line 1 is b'no recording"),
        (gzip.compress(b"1 {}\n" * 1000)[:-9], "cannot be read"),
        (zstandard.compress(b"1 {}\n" * 1000)[:-9] + b"\0" * 9, "cannot be read|line"),
    ],
    ids=["no recording", "cut gzip", "damaged zstd"],
)
def test_a_damaged_recording_is_a_clear_error(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "recording"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=message):
        list(read_lines(path))


@needs_sessions
@pytest.mark.parametrize(("venue", "files", "trades", "comparisons"), SESSIONS)
def test_a_recorded_session_has_every_trade_and_an_exact_book(
    venue: str, files: list[str], trades: int, comparisons: int
) -> None:
    feed, _ = _run(venue, files)
    counters = feed.counters
    assert counters.events["trade"] == trades
    assert (counters.gaps.total(), dict(counters.refused)) == (0, {})
    checks = counters.book_checks
    assert checks.compared >= comparisons
    assert (checks.equal, checks.crossed) == (checks.compared, 0)


@needs_sessions
def test_trades_equal_the_frames_text() -> None:
    files = ["usdm/btcusdt_20240808.gz"]
    _, found = _run("binance-usdm", files)
    sent = []
    for receive_ns, frame in read_lines(RECORDINGS / "hftbacktest" / files[0]):
        data = json.loads(frame, parse_float=Decimal).get("data", {})
        if data.get("e") == "trade":
            side = "sell" if data["m"] else "buy"
            sent.append((data["t"], data["p"], data["q"], data["T"] * 1000, data["E"] * 1000, side, receive_ns))
    assert [
        (t.trade_id, t.price, t.quantity, t.timestamp_us, t.event_us, t.side.value, t.receive_ns) for t in found
    ] == sent


@needs_sessions
def test_one_lost_delta_in_a_recorded_session_is_noticed() -> None:
    """The proof that the checks can fail: without one frame the feed must report exactly one gap."""
    adapter = Binance(MARKETS["binance-spot"], [instrument(MARKETS["binance-spot"], "BTCUSDT")], ("trade", "orderbook"))
    lines = list(read_lines(RECORDINGS / "hftbacktest" / "spot/btcusdt_20240808.gz"))
    lost = [index for index, (_, frame) in enumerate(lines) if b"@depth" in frame[:40]][500]
    feed = Feed(adapter)
    for _ in replay(lines[:lost] + lines[lost + 1 :], feed, book_request(adapter)):
        pass
    assert feed.counters.gaps == {"orderbook": 1}
    assert list(feed.book_states().values()) == ["buffering"]


def book_request(adapter: Binance) -> RestRequest:
    (request,) = adapter.book_request(adapter.instruments()["BTCUSDT"])
    assert isinstance(request, RestRequest)
    return request


def _run(venue: str, files: list[str]) -> tuple[Feed, list[Trade]]:
    adapter = Binance(MARKETS[venue], [instrument(MARKETS[venue], "BTCUSDT")], ("trade", "orderbook"))
    feed = Feed(adapter)
    lines = (line for name in files for line in read_lines(RECORDINGS / "hftbacktest" / name))
    outputs = replay(lines, feed, book_request(adapter))
    found = [out.event for _, out in outputs if isinstance(out, Record) and isinstance(out.event, Trade)]
    return feed, found
