"""Serve ClickHouse from its embedded engine (libchdb) under systemd.

The library's entry point runs `clickhouse-local` with any arguments. That program can open server ports and does so
when its first queries ask for it; the last query sleeps for as long as the service runs. A second thread tells systemd
when the ports really answer, feeds the watchdog while they do, and shows in `systemctl status` what is served.
"""

import argparse
import ctypes
import os
import socket
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

SERVE = (
    "SYSTEM START LISTEN TCP; SYSTEM START LISTEN HTTP; "
    "SELECT sleepEachRow(3) FROM numbers(100000000) "
    "SETTINGS function_sleep_max_microseconds_per_block = 0, max_block_size = 1 FORMAT Null"
)
PROBE_SECONDS = 0.1
STATUS_SECONDS = 5.0
ANSWER_SECONDS = 10.0


def main() -> int:
    options = parse(sys.argv[1:])
    if options.check:
        return check(options)
    threading.Thread(target=report, args=(options,), daemon=True).start()
    _, error = run_engine(
        options.library,
        f"--config-file={options.config}",
        f"--path={options.path}",
        f"--log-level={options.log_level}",
        f"--tcp_port={options.native_port}",
        f"--http_port={options.http_port}",
        f"--query={SERVE}",
    )
    print(f"the engine stopped serving: {error}", file=sys.stderr)
    return 1


def run_engine(library: str, *arguments: str) -> tuple[bytes, str]:
    """Run clickhouse-local with these arguments in this process; returns its output and its error, or empty ones."""
    engine = ctypes.CDLL(library)
    engine.chdb_query_cmdline.restype = ctypes.c_void_p
    for name, result_type in (("buffer", ctypes.c_void_p), ("length", ctypes.c_size_t), ("error", ctypes.c_char_p)):
        function = getattr(engine, f"chdb_result_{name}")
        function.argtypes, function.restype = [ctypes.c_void_p], result_type
    # A wrong password on the native port aborts the engine. With its own handlers that takes half a minute of writing
    # stack traces while it serves nobody; without them it dies at once and systemd starts it again.
    engine.chdb_set_signal_handlers_enabled(0)
    encoded = [b"clickhouse", *(argument.encode() for argument in arguments)]
    result = engine.chdb_query_cmdline(len(encoded), (ctypes.c_char_p * (len(encoded) + 1))(*encoded, None))
    if not result:
        return b"", "the engine gave no result"
    length = engine.chdb_result_length(result)
    output = ctypes.string_at(engine.chdb_result_buffer(result), length) if length else b""
    return output, (engine.chdb_result_error(result) or b"").decode(errors="replace")


def check(options: argparse.Namespace) -> int:
    """Load a configuration or users file as the engine would, in a directory of its own; 0 when it is accepted."""
    with tempfile.TemporaryDirectory() as scratch:
        config = options.config
        if options.check == "users":
            config = os.path.join(scratch, "config.xml")
            with open(config, "w", encoding="utf-8") as file:
                file.write(f"<clickhouse><users_config>{options.config}</users_config></clickhouse>")
        output, error = run_engine(
            options.library,
            f"--config-file={config}",
            f"--path={scratch}",
            "--log-level=none",
            "--query=SELECT 'accepted'",
        )
    # The engine prints some reasons itself and returns neither output nor error.
    if output.strip() == b"accepted" and not error:
        return 0
    print(error or "the engine does not accept it", file=sys.stderr)
    return 1


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--library", required=True, help="path of libchdb.so")
    parser.add_argument("--config", required=True, help="configuration file")
    parser.add_argument("--check", choices=["config", "users"], help="only check the file given as --config")
    parser.add_argument("--path", help="data directory")
    parser.add_argument("--address", help="address on which both ports are probed")
    parser.add_argument("--native-port", type=int, default=9000)
    parser.add_argument("--http-port", type=int, default=8123)
    parser.add_argument("--log-level", default="information")
    return parser.parse_args(arguments)


def report(options: argparse.Namespace) -> None:
    """Say READY once both ports answer, then keep the status line and the watchdog going while they do."""
    started = time.monotonic()
    while not (accepts(options.address, options.native_port) and answers(options)):
        time.sleep(PROBE_SECONDS)
    notify(f"READY=1\nSTATUS=serving since {time.monotonic() - started:.1f} s after the start")
    while True:
        if answers(options):
            notify(f"WATCHDOG=1\nSTATUS={describe(options)}")
        time.sleep(STATUS_SECONDS)


def accepts(address: str, port: int) -> bool:
    try:
        with socket.create_connection((address, port), timeout=ANSWER_SECONDS):
            return True
    except OSError:
        return False


def answers(options: argparse.Namespace) -> bool:
    host = f"[{options.address}]" if ":" in options.address else options.address
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://{host}:{options.http_port}/ping", timeout=ANSWER_SECONDS) as answer:
            # Read to its end: the server would log an answer that nobody takes as an error.
            return answer.read() == b"Ok.\n"
    except (OSError, urllib.error.URLError):
        return False


def describe(options: argparse.Namespace) -> str:
    """What the service holds: resident memory and open connections are what an operator asks first."""
    resident = 0
    with open("/proc/self/status", encoding="ascii") as lines:
        for line in lines:
            if line.startswith("VmRSS:"):
                resident = int(line.split()[1]) // 1024
    return f"serving native {options.native_port}, HTTP {options.http_port}; {resident} MB resident"


def notify(message: str) -> None:
    path = os.environ.get("NOTIFY_SOCKET")
    if not path:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.connect("\0" + path[1:] if path.startswith("@") else path)
        channel.sendall(message.encode())


if __name__ == "__main__":
    sys.exit(main())
