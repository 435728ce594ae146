"""Are the levels of a book message numbers? Shared by the venues that send them as decimal text."""

import re
from itertools import chain

# Possessive: what a number has taken is never given back, so that the check of a whole message is one run.
_NUMBERS = re.compile(r"(?:\d{1,20}+(?:\.\d{1,18}+0*+)?+;)*+", re.ASCII)


def are_numbers(bids: list[tuple[str, str]], asks: list[tuple[str, str]]) -> bool:
    """Check all prices and quantities in one pass; a call per number would cost more than decoding the message."""
    text = ";".join((*chain.from_iterable(bids), *chain.from_iterable(asks), ""))
    return _NUMBERS.fullmatch(text) is not None and text.count(";") == 2 * (len(bids) + len(asks))
