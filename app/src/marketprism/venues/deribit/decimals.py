"""Deribit's JSON numbers as the contract's decimal text, exactly: the digits as sent, no binary float takes part."""

import re

from msgspec import Raw

from marketprism.contract.numbers import FRACTION_DIGITS, is_decimal, require_decimal, to_text
from marketprism.errors import ContractError

_LONG = re.compile(rf"(-?)(\d{{1,20}})\.(\d{{{FRACTION_DIGITS}}})(\d{{1,60}})", re.ASCII)
_EXPONENT = re.compile(r"(-?)(\d{1,40})(?:\.(\d{1,40}))?[eE]([+-]?\d{1,2})", re.ASCII)


def signed(field: str, number: Raw) -> str:
    """Return a number as plain decimal text; ``2.081e-05`` becomes ``0.00002081``.

    Args:
        field: Its name, for the error.
        number: The JSON value as sent, whatever it is.

    Raises:
        ContractError: It is no number, or has too many digits.
    """
    text = str(number, "ascii", "replace")
    return text if is_decimal(text) else require_decimal(field, _expand(text))


def computed(field: str, number: Raw) -> str:
    """Return a number that the exchange computes in binary, rounded half away from zero to what a column keeps.

    Raises:
        ContractError: As for `signed`.
    """
    match = _LONG.fullmatch(_expand(str(number, "ascii", "replace")))
    if match is None:
        return signed(field, number)
    sign, whole, kept, cut = match.groups()
    magnitude = int(whole + kept) + (cut[0] >= "5")
    return to_text(-magnitude if sign else magnitude)


def unsigned(field: str, number: Raw) -> str:
    """Return a number that is not negative; see `signed`.

    Raises:
        ContractError: It is negative, or as for `signed`.
    """
    text = signed(field, number)
    if text.startswith("-"):
        raise ContractError(f"{field} {text} is negative", remedy="it is refused and counted")
    return text


def positive(field: str, number: Raw) -> str:
    """Return a number above zero; see `signed`.

    Raises:
        ContractError: It is not above zero, or as for `signed`.
    """
    text = unsigned(field, number)
    if not text.strip("0."):
        raise ContractError(f"{field} is zero", remedy="it is refused and counted")
    return text


def optional(field: str, number: Raw) -> str | None:
    """Return a number above zero, or None where the field is absent or null; see `positive`."""
    return None if bytes(number) in {b"", b"null"} else positive(field, number)


def _expand(text: str) -> str:
    """Write a number with an exponent without one; any other text is returned as it is."""
    match = _EXPONENT.fullmatch(text)
    if match is None:
        return text
    sign, whole, fraction, exponent = match.groups(default="")
    point = len(whole) + int(exponent)
    digits = "0" * (1 - point) + whole + fraction
    point = max(point, 1)
    digits = digits.ljust(point, "0")
    head, tail = digits[:point].lstrip("0") or "0", digits[point:]
    return f"{sign}{head}.{tail}" if tail else f"{sign}{head}"
