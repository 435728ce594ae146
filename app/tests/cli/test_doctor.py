"""The command line of the doctor, on a computer without an installation."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

HOST = {"cpu-saturated", "memory-pressure", "disk-full"}
"""What the computer that runs the tests may have of its own."""
COMMAND = [sys.executable, "-m", "marketprism", "doctor"]
INTERRUPTIBLE = ("env", "--default-signal=INT")
"""What a shell starts in the background ignores Ctrl-C, and its children with it."""


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    if Path("/etc/marketprism").exists():
        pytest.skip("MarketPrism is installed on this very machine")
    (tmp_path / "marketprism.yml").write_text(
        "nats: {url: 'nats://127.0.0.1:1', monitor_url: 'http://127.0.0.1:1'}\nclickhouse: {http_port: 1}\n"
        "storage: {hot_port: 1}\ncollector: {health_port: 1}\n"
        "venues: {binance-usdm: &off {enabled: false}, okx-spot: *off, okx-swap: *off, deribit: *off,"
        " binance-spot: {ws_url: 'ws://127.0.0.1:1', rest_url: 'http://127.0.0.1:1'}}\n"
    )
    return {"MARKETPRISM_CONFIG": str(tmp_path / "marketprism.yml"), "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)} | {
        name: os.environ[name] for name in ("PYTHONPATH",) if name in os.environ
    }


def run(environ: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, env=environ, check=False, cwd="/")


def test_everything_dead_is_broken_with_exit_code_2(environ: dict[str, str]) -> None:
    done = run(environ, "--json")
    printed = json.loads(done.stdout)
    assert done.returncode == printed["exit_code"] == 2
    assert set(printed["roots"]) - HOST == {"collector-down", "nats-down", "storage-down", "clickhouse-down"}
    findings = [finding for finding in printed["findings"] if finding["problem"] not in HOST]
    assert {finding["certainty"] for finding in findings} == {"likely"}  # there is no systemd to ask


def test_a_problem_that_is_not_there_is_exit_code_0(environ: dict[str, str]) -> None:
    assert run(environ, "disk-full").returncode == 0


def test_an_unknown_problem_is_refused_with_the_nearest_name(environ: dict[str, str]) -> None:
    done = run(environ, "nats-dwon")
    assert (done.returncode, done.stderr) == (
        2,
        "marketprism: unknown problem 'nats-dwon'; did you mean 'nats-down'?\n",
    )


def test_watching_prints_one_json_object_a_line_until_it_is_stopped(environ: dict[str, str]) -> None:
    with subprocess.Popen(
        [*INTERRUPTIBLE, *COMMAND, "--watch", "--json", "--interval", "1"],
        stdout=subprocess.PIPE,
        text=True,
        env=environ,
        cwd="/",
    ) as process:
        assert process.stdout is not None
        looks = [json.loads(process.stdout.readline()) for _ in range(2)]
        process.send_signal(signal.SIGINT)
        process.wait(60)
    assert looks[0]["at"] < looks[1]["at"]
    assert looks[0].keys() == looks[1].keys()
