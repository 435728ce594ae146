"""Which run of ClickHouse, in which boot of this machine, is known to hold every acknowledged row."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path

from marketprism.errors import ConfigurationError
from marketprism.telemetry import logs

_KERNEL = Path("/proc/sys/kernel/random/boot_id")
_log = logs.get("storage")
_SLACK_SECONDS = 3
"""The server tells its start to the second, and the clocks of both drift."""


def boot_id(environ: Mapping[str, str]) -> str:
    """Name this boot of the machine.

    Args:
        environ: The unit sets ``BOOT_ID``: hardened as it is, it does not see the kernel's own file.

    Raises:
        ConfigurationError: Neither tells.
    """
    named = environ.get("BOOT_ID")
    if named:
        return named.replace("-", "")
    try:
        return _KERNEL.read_text(encoding="ascii").strip().replace("-", "")
    except OSError as error:
        raise ConfigurationError(
            f"this boot cannot be named: {error}", remedy="set BOOT_ID, as the systemd unit does with %b"
        ) from error


class ServerMark:
    """The run of ClickHouse in which all acknowledged rows of one stream are known to be, kept in a file.

    An answered insert is in the server's hands: no end of this process can take its rows along. Only a crash of the
    server or of the machine can, and after it the server has been started anew.

    Args:
        directory: The service's state directory.
        boot: See `boot_id`.
        stream: Name of the stream.
        clock: Monotonic seconds.

    Attributes:
        since: When this run was marked, by the clock; 0 where that was before this process.
        until: When it was last known to go on.
    """

    def __init__(self, directory: Path, boot: str, stream: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = directory / f"clickhouse-of-{stream}"
        self._boot = boot
        self._clock = clock
        self._started = self._read()
        self.since = self.until = 0.0

    def is_for(self, started: int) -> bool:
        """Tell whether the server that was started then, in seconds, is the one that is marked."""
        return self._started is not None and abs(started - self._started) <= _SLACK_SECONDS

    def set(self, started: int) -> None:
        """Mark this server, for this boot.

        A disk that takes no mark is no reason to stop storing: without one, the next run reads again.
        """
        self.until = self._clock()
        if not self.is_for(started):
            self.since = self.until
        if started == self._started:
            return
        self._started = started
        try:
            self._path.write_text(f"{self._boot} {started}\n", encoding="ascii")
        except OSError as error:
            _log.warning(
                "mark not kept",
                path=str(self._path),
                reason=error.strerror,
                remedy="make room in the state directory; until then every start reads ten minutes again",
            )

    def _read(self) -> int | None:
        try:
            boot, _, started = self._path.read_text(encoding="ascii").partition(" ")
            return int(started) if boot == self._boot else None
        except (OSError, ValueError):  # the first start, or torn by a power cut
            return None
