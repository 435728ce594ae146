"""Are the levels of a book message numbers? Shared by the venues that send them as decimal text."""

import re

_LEVELS = re.compile(r"(?:\d{1,20}(?:\.\d{1,18}0*)?:\d{1,20}(?:\.\d{1,18}0*)?;)*", re.ASCII)


def are_numbers(bids: list[tuple[str, str]], asks: list[tuple[str, str]]) -> bool:
    """Check all prices and quantities in one pass; a call per number would cost more than decoding the message."""
    text = "".join([f"{price}:{quantity};" for side in (bids, asks) for price, quantity in side])
    return _LEVELS.fullmatch(text) is not None and text.count(";") == len(bids) + len(asks)
