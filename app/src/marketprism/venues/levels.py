"""Are the levels of a book message numbers? Shared by the venues that send them as decimal text."""

import re

import msgspec

# Possessive: what a number has taken is never given back, so that the check of a whole message is one run. Characters
# alone, no groups: see contract.numbers.
_LEVEL = r'\["{number}","{number}"\],?+'.format(number=r"\d{1,20}+(?:\.\d{1,18}+0*+)?")
_BOTH_SIDES = re.compile(rf"\[\[(?:{_LEVEL})*\],\[(?:{_LEVEL})*\]\]".encode())
_encode = msgspec.json.Encoder().encode


def are_numbers(bids: list[tuple[str, str]], asks: list[tuple[str, str]]) -> bool:
    """Check all prices and quantities in one pass; a call per number would cost more than decoding the message."""
    return _BOTH_SIDES.fullmatch(_encode((bids, asks))) is not None
