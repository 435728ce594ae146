"""Points in time as an operator writes them."""

import re
from datetime import UTC, datetime, timedelta

from marketprism.errors import ConfigurationError

_DURATION = re.compile(r"(\d{1,9})([smhd])")
_UNITS_US = {"s": 1_000_000, "m": 60_000_000, "h": 3_600_000_000, "d": 86_400_000_000}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def moment(option: str, text: str, now_us: int) -> int:
    """Return the UTC microseconds of a time, or of a duration before now.

    Args:
        option: Where it was given, for the error.
        text: ``2026-01-01T12:00:00.5``, with a zone or in UTC; or ``90m``, of ``s``, ``m``, ``h`` and ``d``.
        now_us: UTC microseconds.

    Raises:
        ConfigurationError: It is neither.
    """
    duration = _DURATION.fullmatch(text)
    if duration is not None:
        return now_us - int(duration[1]) * _UNITS_US[duration[2]]
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        remedy = "write a time such as 2026-01-01T12:00:00 (UTC), or a duration before now such as 90m, 6h or 2d"
        raise ConfigurationError(f"{option} {text!r} is no time", remedy=remedy) from error
    return ((time if time.tzinfo else time.replace(tzinfo=UTC)) - _EPOCH) // timedelta(microseconds=1)


def utc(time_us: int) -> str:
    """Write UTC microseconds as ISO 8601."""
    return (_EPOCH + timedelta(microseconds=time_us)).isoformat().replace("+00:00", "Z")
