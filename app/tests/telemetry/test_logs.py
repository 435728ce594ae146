"""Logs are JSON lines on standard error, and standard output stays free for data."""

import json
import subprocess
import sys

PROGRAM = """
from marketprism.telemetry import logs
logs.configure("{level}")
log = logs.get("publisher")
log.debug("quiet", venue="binance-spot")
try:
    1 / 0
except ZeroDivisionError:
    log.exception("book.broken", missing_ids=3)
"""


def run(level: str) -> tuple[str, list[dict[str, object]]]:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(level=level)], capture_output=True, text=True, check=True
    )
    return done.stdout, [json.loads(line) for line in done.stderr.splitlines()]


def test_one_event_is_one_json_line_with_its_traceback() -> None:
    stdout, (event,) = run("INFO")
    assert stdout == ""
    assert (event["event"], event["component"], event["missing_ids"]) == ("book.broken", "publisher", 3)
    assert event["level"] == "error"
    assert "ZeroDivisionError" in str(event["exception"])


def test_what_a_library_reports_is_a_line_of_the_same_form() -> None:
    program = """
import logging
from marketprism.telemetry import logs
logs.configure("INFO")
logging.getLogger("nats.aio.client").info("of no interest")
logging.getLogger("clickhouse_driver.connection").warning("Failed to connect", exc_info=OSError("refused"))
logging.getLogger("nats.aio.client").error("nats: encountered %s", "error", exc_info=OSError("reset"))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    event = json.loads(done.stderr)
    assert (event["event"], event["component"], event["level"]) == (
        "nats: encountered error", "nats.aio.client", "error",
    )  # fmt: skip
    assert "OSError: reset" in event["exception"]
    assert event["timestamp"].endswith("Z")


def test_the_level_decides_what_is_written() -> None:
    assert [event["event"] for event in run("DEBUG")[1]] == ["quiet", "book.broken"]
