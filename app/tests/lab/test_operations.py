"""A second run changes nothing, and a replay survives the death of every service."""

import json
import re
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tests.lab.conftest import CLONE, ask, run

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("lab")]

TRADES = 20_000
START_MS = 1_723_161_255_000
PRICE, QUANTITY = "{whole}.{part:08}", "0.{part:08}"
IN_LAB = ".venv/bin/ansible -i inventories/lab all --limit '!localhost' -m ansible.builtin.command -a"


def sent(trade_id: int) -> tuple[str, str, int, str]:
    """Price, quantity, time and side of a trade of the recording."""
    price = PRICE.format(whole=60_000 + trade_id % 977, part=trade_id * 7919 % 100_000_000)
    quantity = QUANTITY.format(part=1 + trade_id * 104_729 % 99_999_999)
    return price, quantity, START_MS + trade_id * 3, "sell" if trade_id % 3 else "buy"


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "solusdt"
    with path.open("w", encoding="utf-8") as lines:
        for trade_id in range(1, TRADES + 1):
            price, quantity, time_ms, side = sent(trade_id)
            data = {"e": "trade", "E": time_ms + 1, "s": "SOLUSDT", "t": trade_id, "p": price, "q": quantity}
            data |= {"T": time_ms, "m": side == "sell"}
            lines.write(f"{time_ms * 1_000_000} {json.dumps({'stream': 'solusdt@trade', 'data': data})}\n")
    return path


def test_a_second_run_of_the_site_changes_nothing() -> None:
    done = run(".venv/bin/ansible-playbook -i inventories/lab site.yml", seconds=600)
    assert done.returncode == 0, done.stdout
    assert set(re.findall(r"changed=(\d+)", done.stdout.partition("PLAY RECAP")[2])) == {"0"}


def test_a_replay_survives_the_death_of_every_service(recording: Path) -> None:
    """Values are compared one by one: none missing, none twice, each as the frame said."""
    command = [".venv/bin/marketprism", "replay", str(recording), "--venue", "binance-spot", "--symbol", "SOLUSDT"]
    command += ["--sink", "nats", "--speed", "realtime", "--json"]
    with subprocess.Popen(command, cwd=CLONE, stdout=subprocess.PIPE, text=True) as replay:
        for unit in ("marketprism-storage@hot", "clickhouse-server", "nats-server"):
            time.sleep(8)
            assert run(f"{IN_LAB} 'systemctl kill --signal=KILL {unit}'").returncode == 0
            assert replay.poll() is None, "the replay ended before all kills"
        result = json.loads(replay.communicate(timeout=180)[0])
    assert (result["events"], result["published"], result["gaps"]) == ({"trade": TRADES}, TRADES, 0)
    rows = stored(wanted=TRADES)
    assert len(rows) == TRADES
    assert {row["trade_id"]: (row["price"], row["quantity"], row["ms"], row["side"]) for row in rows} == {
        trade_id: sent(trade_id) for trade_id in range(1, TRADES + 1)
    }


def stored(wanted: int) -> list[dict[str, Any]]:
    """Return the replayed rows once they are all there; the last word is the caller's comparison."""
    query = (
        "SELECT toInt64(trade_id) AS trade_id, toDecimalString(price, 8) AS price, toString(side) AS side,"
        " toDecimalString(quantity, 8) AS quantity, toUnixTimestamp64Milli(timestamp) AS ms"
        " FROM marketprism_hot.trades WHERE source = 'replayed' AND symbol = 'SOL-USDT'"
    )
    deadline = time.monotonic() + 60
    rows = ask(query)
    while len(rows) < wanted and time.monotonic() < deadline:
        time.sleep(2)
        rows = ask(query)
    time.sleep(3)  # rows that are stored twice may come late
    return [{**row, "trade_id": int(row["trade_id"]), "ms": int(row["ms"])} for row in ask(query)]
