"""Numbers as Deribit prints them: JSON numbers, shortest form, an exponent for tiny ones (``2.081e-05``)."""

import msgspec

_FEWEST_DIGITS_WITH_EXPONENT = 5


def number(units: int, digits: int = 0) -> msgspec.Raw:
    """Print `units` of 10 to the power of minus `digits` exactly."""
    sign, figures = "-" if units < 0 else "", str(abs(units))
    leading = digits - len(figures) + 1
    if units and leading >= _FEWEST_DIGITS_WITH_EXPONENT:
        first, rest = figures[0], figures[1:].rstrip("0")
        return msgspec.Raw(f"{sign}{first}{'.' if rest else ''}{rest}e-{leading:02d}".encode())
    padded = figures.zfill(digits + 1)
    whole, fraction = padded[: len(padded) - digits], padded[len(padded) - digits :].rstrip("0")
    return msgspec.Raw(f"{sign}{whole}{'.' if fraction else ''}{fraction}".encode())
