"""Whether the last run ended as it should, or in a crash that may have taken rows along."""

from collections.abc import Mapping
from pathlib import Path

from marketprism.errors import ConfigurationError

_KERNEL = Path("/proc/sys/kernel/random/boot_id")


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


class CleanStop:
    """A mark in the state directory that only a clean stop leaves, and only in this boot counts.

    Args:
        directory: The service's state directory.
        boot: See `boot_id`.
    """

    def __init__(self, directory: Path, boot: str) -> None:
        self._path = directory / "clean-stop"
        self._boot = boot

    def take(self) -> bool:
        """Tell whether the mark was there, and remove it: whatever ends this run from now on is no clean stop."""
        try:
            found = self._path.read_text(encoding="ascii").strip()
        except FileNotFoundError:
            return False
        self._path.unlink()
        return found == self._boot

    def leave(self) -> None:
        """Leave the mark; everything that was acknowledged is stored."""
        self._path.write_text(self._boot + "\n", encoding="ascii")
