import gzip
from pathlib import Path

import pytest
import zstandard

from marketprism.errors import ConfigurationError
from marketprism.sim.binance.recording import read, summarize
from marketprism.sim.instruments import MarketKind

TRADE = '{"stream":"bnbbtc@trade","data":{"e":"trade","s":"BNBBTC","t":1,"p":"0.0010","q":"100","m":true,"M":true}}'
SNAPSHOT = '{"lastUpdateId":160,"bids":[["0.0024","10"]],"asks":[["0.0026","100"]]}'
LINES = f"1723161253937085768 {TRADE}\n1723161253937085769 {SNAPSHOT}\n".encode()


@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstandard.compress], ids=["plain", "gzip", "zstd"])
def test_every_packing_is_read_and_events_keep_their_bytes(tmp_path: Path, pack: type[bytes]) -> None:
    (tmp_path / "frames").write_bytes(pack(LINES))
    [trade, snapshot] = read(tmp_path / "frames")
    assert (trade.received_ns, trade.stream) == (1723161253937085768, "bnbbtc@trade")
    assert trade.event.decode() == TRADE.partition('"data":')[2][:-1]
    assert (snapshot.stream, snapshot.event.decode()) == ("", SNAPSHOT)


@pytest.mark.parametrize(
    ("frame", "market"),
    [
        ('{"stream":"a@trade","data":{"m":true,"M":true}}', MarketKind.BINANCE_SPOT),
        ('{"stream":"a@trade","data":{"m":true,"X":"MARKET"}}', MarketKind.BINANCE_USDM),
        ('{"stream":"a@aggTrade","data":{"m":true,"st":1}}', MarketKind.BINANCE_USDM),
        ('{"stream":"a@bookTicker","data":{"u":1}}', MarketKind.BINANCE_SPOT),
        ('{"stream":"a@bookTicker","data":{"e":"bookTicker"}}', MarketKind.BINANCE_USDM),
        ('{"stream":"a@depth@100ms","data":{"U":1}}', MarketKind.BINANCE_SPOT),
        ('{"stream":"a@depth@0ms","data":{"pu":1}}', MarketKind.BINANCE_USDM),
    ],
)
def test_the_market_is_told_by_fields_that_only_one_has(tmp_path: Path, frame: str, market: MarketKind) -> None:
    (tmp_path / "frames").write_text(f"1 {frame}\n")
    summary = summarize(tmp_path / "frames")
    assert (summary.market, summary.symbol) == (market, "A")


@pytest.mark.parametrize(
    "content",
    [b"", b"no frames\n", b"1 {}\n", gzip.compress(LINES)[:-20], LINES + b"17 {broken\n"],
    ids=["empty", "text", "no stream", "truncated", "broken line"],
)
def test_what_is_no_recording_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "frames"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=str(path)):
        _use(path)


def _use(path: Path) -> None:
    summarize(path)
    list(read(path))


def test_acknowledgements_among_the_frames_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "frames").write_bytes(b'1 {"result":null,"id":1}\n' + LINES)
    assert len(list(read(tmp_path / "frames"))) == 2
