"""One writer per consumer: a lock on a file of the service's state directory."""

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
def only_one(directory: Path, name: str) -> Iterator[None]:
    """Hold a lock; the kernel frees it when the process ends, however it ends.

    Raises:
        ConfigurationError: The directory does not exist or is not writable.
        UnavailableError: Another process holds the lock.
    """
    path = directory / f"{name}.lock"
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    except OSError as error:
        raise ConfigurationError(
            f"lock file {path} cannot be opened: {error.strerror}",
            remedy="let $STATE_DIRECTORY name a writable folder, as the systemd unit does",
        ) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UnavailableError(
                f"another {name} writer holds {path}", remedy="stop it first: two writers would break the order"
            ) from error
        yield
    finally:
        os.close(descriptor)
