"""Decimal text and scaled integers, exact in both directions.

Exchanges send decimal text. It stays text until ClickHouse parses it into ``Decimal(38, 18)``; order books turn it into
integers. Neither binary floats nor ``decimal.Decimal`` objects take part.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from math import gcd

from marketprism.errors import ContractError

FRACTION_DIGITS = 18
"""Digits after the point that every number column keeps: OKX ticks go down to 1e-12, funding rates to 16 digits."""

INTEGER_DIGITS = 20
"""Digits before the point that ``Decimal(38, 18)`` keeps."""

UNIT = 10**FRACTION_DIGITS
"""One, as a scaled integer."""

_INT64_LIMIT = 2**63
# Characters alone are possessive, groups are not: Python 3.11.2, Debian 12's, does not go back where a possessive group
# fails, and took "5." for a number (https://github.com/python/cpython/issues/106052).
_NUMBER = rf"-?+\d{{1,{INTEGER_DIGITS}}}+(?:\.\d{{1,{FRACTION_DIGITS}}}+0*+)?"
_DECIMAL = re.compile(_NUMBER, re.ASCII)
_DECIMALS = re.compile(rf"(?:{_NUMBER};)*", re.ASCII)


def is_decimal(text: str) -> bool:
    """Tell whether the text is a plain decimal number that ``Decimal(38, 18)`` holds without rounding."""
    return _DECIMAL.fullmatch(text) is not None


def require_decimal(field: str, text: str) -> str:
    """Return the text unchanged when it can be stored exactly.

    Raises:
        ContractError: It is no plain decimal number, or has too many digits.
    """
    if _DECIMAL.fullmatch(text) is None:
        raise ContractError(
            f"{field} {text[:60]!r} is not a decimal number of at most {INTEGER_DIGITS} digits before"
            f" and {FRACTION_DIGITS} after the point",
            remedy="it is refused and counted; nothing is rounded",
        )
    return text


def require_decimals(field: str, texts: Sequence[str]) -> Sequence[str]:
    """Return the texts unchanged when all can be stored exactly; one check of many costs a fraction of many checks.

    Raises:
        ContractError: As `require_decimal`, for the first that is none.
    """
    joined = ";".join((*texts, ""))
    if _DECIMALS.fullmatch(joined) is None or joined.count(";") != len(texts):
        for text in texts:
            require_decimal(field, text)
    return texts


def parse(text: str) -> int:
    """Turn decimal text into an integer count of 1e-18.

    Args:
        text: Text for which `is_decimal` holds.
    """
    whole, _, fraction = text.partition(".")
    return int(whole + fraction[:FRACTION_DIGITS].ljust(FRACTION_DIGITS, "0"))


def multiply(left: str, right: str) -> str:
    """Multiply two decimal texts.

    Raises:
        ContractError: The exact product has more digits than a number column keeps.
    """
    product, remainder = divmod(parse(left) * parse(right), UNIT)
    text = to_text(product)
    if remainder or not is_decimal(text):
        raise ContractError(f"{left} times {right} has too many digits", remedy="it is refused and counted")
    return text


def divide(dividend: str, divisor: str) -> str:
    """Divide two decimal texts, rounded half away from zero to the digits that a number column keeps.

    Raises:
        ContractError: The divisor is zero, or the quotient has too many digits before the point.
    """
    numerator, denominator = parse(dividend) * UNIT, parse(divisor)
    if denominator == 0:
        raise ContractError(f"{dividend} is divided by zero", remedy="it is refused and counted")
    magnitude = (2 * abs(numerator) + abs(denominator)) // (2 * abs(denominator))
    text = to_text(magnitude if (numerator < 0) == (denominator < 0) else -magnitude)
    if not is_decimal(text):
        raise ContractError(f"{dividend} by {divisor} has too many digits", remedy="it is refused and counted")
    return text


def to_text(scaled: int) -> str:
    """Write a count of 1e-18 as decimal text without trailing zeros."""
    whole, fraction = divmod(abs(scaled), UNIT)
    digits = f"{fraction:0{FRACTION_DIGITS}d}".rstrip("0")
    return ("-" if scaled < 0 else "") + (f"{whole}.{digits}" if digits else str(whole))


def to_int64(field: str, texts: Sequence[str]) -> tuple[list[int], int]:
    """Turn decimal texts into 64-bit integers that share the smallest sufficient scale.

    Returns:
        The integers and their scale: ``text == integer / 10**scale``, exactly.

    Raises:
        ContractError: As `require_decimals`, or the spread of magnitudes does not fit 64 bits.
    """
    if not texts:
        return [], 0
    digits, scale = _digits(field, texts)
    values = list(map(int, digits))
    common = gcd(*values)
    shared = next((zeros for zeros in range(scale) if common % 10 ** (zeros + 1)), scale)
    if shared:
        divisor = 10**shared
        values = [value // divisor for value in values]
    if max(values) >= _INT64_LIMIT or min(values) <= -_INT64_LIMIT:
        raise ContractError(
            f"numbers up to {max(texts, key=len)!r} with {scale - shared} decimals do not fit 64 bits",
            remedy="the event goes to the dead letters; widen the book columns if a venue really sends this",
        )
    return values, scale - shared


def _digits(field: str, texts: Sequence[str]) -> tuple[list[str], int]:
    """Return the digits of the texts with one number of decimals, and that number; a venue writes the same for all."""
    joined = ";".join(texts)
    scale = len(texts[0].partition(".")[2])
    if scale <= FRACTION_DIGITS and _of_scale(scale).fullmatch(joined) is not None:
        digits = joined.replace(".", "").split(";")
        if len(digits) == len(texts):
            return digits, scale
    parts = [text.partition(".") for text in require_decimals(field, texts)]
    # What comes after the digits that are kept is zeros.
    scale = min(max(len(fraction) for _, _, fraction in parts), FRACTION_DIGITS)
    return [whole + fraction[:scale].ljust(scale, "0") for whole, _, fraction in parts], scale


@lru_cache(maxsize=FRACTION_DIGITS + 1)
def _of_scale(scale: int) -> re.Pattern[str]:
    number = rf"-?+\d{{1,{INTEGER_DIGITS}}}+" + (rf"\.\d{{{scale}}}" if scale else "")
    return re.compile(rf"{number}(?:;{number})*", re.ASCII)
