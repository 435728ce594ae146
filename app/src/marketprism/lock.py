"""One process per piece of work: a lock on a file of a directory that it alone works in."""

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from marketprism.errors import ConfigurationError, UnavailableError

DEFAULT_DIRECTORY = Path("/var/lib/marketprism")


def state_directory(environ: Mapping[str, str]) -> Path:
    """Return systemd's state directory, else the installed one."""
    first = environ.get("STATE_DIRECTORY", "").partition(":")[0]
    return Path(first) if first else DEFAULT_DIRECTORY


@contextmanager
def only_one(
    directory: Path,
    name: str,
    *,
    unwritable: str = "let $STATE_DIRECTORY name a writable folder, as the systemd unit does",
    held: str = "stop it first: two writers would break the order",
) -> Iterator[None]:
    """Hold a lock; the kernel frees it when the process ends, however it ends.

    Args:
        directory: Holds the lock's file.
        name: Of the work that only one may do.
        unwritable: Remedy where the directory is missing or not writable.
        held: Remedy where another process holds the lock.

    Raises:
        ConfigurationError: The directory does not exist or is not writable.
        UnavailableError: Another process holds the lock.
    """
    path = directory / f"{name}.lock"
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    except OSError as error:
        raise ConfigurationError(f"lock file {path} cannot be opened: {error.strerror}", remedy=unwritable) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UnavailableError(f"another {name} writer holds {path}", remedy=held) from error
        yield
    finally:
        os.close(descriptor)
