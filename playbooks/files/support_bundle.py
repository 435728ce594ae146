"""Collect what a helper asks for into one archive, without secrets. Runs on the host with its own Python alone.

Usage: support_bundle.py ARCHIVE UNIT...
Every credential of the host, and every password in an address, is replaced by its name before a byte is written.
"""

import io
import re
import subprocess
import sys
import tarfile
import time
from pathlib import Path

CREDENTIALS = Path("/etc/marketprism/credentials")
LINES = "20000"
ANSWER_SECONDS = 60
# Settings alone: users.d of ClickHouse holds hashes of passwords and says little else.
FILES = (
    "/etc/marketprism/marketprism.yml",
    "/etc/marketprism/marketprism.env",
    "/etc/marketprism/installation.json",
    "/etc/nats/server.conf",
    "/etc/clickhouse-server/config.d/50-marketprism.xml",
    "/etc/os-release",
    "/proc/meminfo",
    "/proc/pressure/cpu",
    "/proc/pressure/io",
    "/proc/pressure/memory",
)
COMMANDS = {
    "host.txt": "uname -a; date -u; uptime; nproc; systemctl --version; timedatectl",
    "memory.txt": "free -m; cat /proc/swaps; ps -eo pid,user,rss,pcpu,etime,comm --sort=-rss | head -n 40",
    "disk.txt": "df -h; df -i; du -sh /var/lib/nats /var/lib/clickhouse /var/lib/marketprism /opt/marketprism",
    "network.txt": "ss -tlnp; ip -brief address",
    "releases.txt": "ls -l /opt/marketprism /opt/marketprism/releases /opt/nats /opt/clickhouse",
    "units.txt": "systemctl list-units --all --no-pager 'marketprism*' 'nats*' 'clickhouse*'",
    "timers.txt": "systemctl list-timers --all --no-pager",
    "status.json": "marketprism status --json",
    "health.json": "marketprism health --json",
    "doctor.json": "marketprism doctor --json",
    "streams.json": "marketprism streams apply --check --json",
    "schema.json": "marketprism schema apply --check --json",
    "kernel.txt": "journalctl --no-pager --dmesg --lines=500",
}
REPORT = """\
<!-- Text for an issue report: complete the first two sections, and attach the archive that this is from. -->
## What you did, what you expected, what happened instead

## What you have tried already

## Operating system
{system}
## Error messages
{errors}
## Logs
In the archive: journal/ has the last {lines} lines of each unit, doctor.json and health.json what the tools found.
"""
ADDRESS_WITH_PASSWORD = re.compile(rb"(://[^\s/:@]+):[^\s/@]+@")


def main() -> int:
    archive, *units = sys.argv[1:]
    secrets = read_secrets()
    name = Path(archive).name.removesuffix(".tar.gz")
    with tarfile.open(archive, "w:gz") as bundle:
        for path, content in collect(units):
            text = without_secrets(content, secrets)
            entry = tarfile.TarInfo(f"{name}/{path}")
            entry.size, entry.mtime, entry.mode = len(text), time.time_ns() // 1_000_000_000, 0o600
            bundle.addfile(entry, io.BytesIO(text))
    return 0


def read_secrets() -> dict[bytes, bytes]:
    """Return each secret and what stands in its place; the longest first, for one may hold another."""
    found = {path.read_bytes().strip(): b"[removed: %s]" % path.name.encode() for path in CREDENTIALS.glob("*")}
    return {secret: found[secret] for secret in sorted(found, key=len, reverse=True) if secret}


def without_secrets(content: bytes, secrets: dict[bytes, bytes]) -> bytes:
    for secret, name in secrets.items():
        content = content.replace(secret, name)
    return ADDRESS_WITH_PASSWORD.sub(rb"\1:[removed: password]@", content)


def collect(units: list[str]):
    yield "report.md", report()
    for path in FILES:
        if Path(path).is_file():
            yield f"files{path}", Path(path).read_bytes()
    for name, command in COMMANDS.items():
        yield name, output(["bash", "-c", command])
    for unit in units:
        yield (
            f"units/{unit}.txt",
            output(["systemctl", "status", "--no-pager", "--full", "--lines=0", unit])
            + output(["systemctl", "cat", unit]),
        )
        yield (
            f"journal/{unit}.txt",
            output(["journalctl", "--no-pager", "--output=short-iso", f"--lines={LINES}", "-u", unit]),
        )


def report() -> bytes:
    system = output(
        ["bash", "-c", ". /etc/os-release; echo $PRETTY_NAME; uname -srm; readlink /opt/marketprism/current"]
    )
    errors = output(["bash", "-c", "marketprism doctor; marketprism health"])
    return REPORT.format(system=indented(system), errors=indented(errors), lines=LINES).encode()


def indented(text: bytes) -> str:
    return "".join(f"    {line}\n" for line in text.decode(errors="replace").splitlines())


def output(command: list[str]) -> bytes:
    """Return what a command prints, and its errors too: that one cannot be asked is a finding."""
    try:
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=ANSWER_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{command[0]}: {error}\n".encode()
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
