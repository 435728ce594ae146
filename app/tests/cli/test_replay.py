"""The replay command: the JSON that other programs build on."""

import json
import subprocess
import sys
from pathlib import Path

MARKETPRISM = Path(sys.executable).with_name("marketprism")
LINES = """\
1000000000000000000 {"stream":"ethusdt@depth@100ms","data":{"e":"depthUpdate","E":1,"s":"ETHUSDT","U":5,"u":7,"b":[],"a":[]}}
1000000000100000000 {"lastUpdateId":6,"bids":[["10","1"]],"asks":[["11","1"]]}
1000000000200000000 {"stream":"ethusdt@bookTicker","data":{"u":8,"s":"ETHUSDT","b":"10","B":"2","a":"11","A":"1"}}
1000000000300000000 {"stream":"ethusdt@depth@100ms","data":{"e":"depthUpdate","E":2,"s":"ETHUSDT","U":8,"u":8,"b":[["10","2"]],"a":[]}}
1000000000400000000 {"stream":"ethusdt@trade","data":{"e":"trade","E":3,"s":"ETHUSDT","t":1,"p":"10","q":"1","T":3,"m":true}}
1000000000500000000 {"stream":"ethusdt@trade","data":{"e":"trade","E":4,"s":"ETHUSDT","t":3,"p":"10","q":"1","T":4,"m":true}}
1000000000600000000 {"stream":"ethusdt@trade","data":{"e":"trade","E":5,"s":"ETHUSDT","t":4,"p":"1e1","q":"1","T":5,"m":true}}
"""  # noqa: E501  # recorded lines are long


def replay(path: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [MARKETPRISM, "replay", path, "--venue", "binance-spot", *options]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_result_counts_everything(tmp_path: Path) -> None:
    path = tmp_path / "ethusdt"
    path.write_text(LINES)
    result = json.loads(replay(path, "--symbol", "ETHUSDT", "--json").stdout)
    seconds, rate = result.pop("seconds"), result.pop("events_per_second")
    assert seconds > 0
    assert rate > 0
    assert result == {
        "frames": 6,
        "events": {"orderbook": 1, "trade": 2, "gap": 1},
        "gaps": 1,
        "book_checks": {"compared": 1, "equal": 1, "crossed": 0},
        "published": 4,
        "refused": {"trade_number": 1},
    }


def test_an_unknown_venue_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    path = tmp_path / "ethusdt"
    path.write_text(LINES)
    command = [MARKETPRISM, "replay", path, "--venue", "binance", "--symbol", "ETHUSDT"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "binance-usdm" in done.stderr
