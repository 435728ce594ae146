"""A delivery's place is read from both forms of its reply subject."""

import pytest

from marketprism.storage.consumer import _place


@pytest.mark.parametrize(
    "reply",
    [
        "$JS.ACK.MARKET_DATA.storage-hot.2.70.90.1700000000.5",
        "$JS.ACK.hub.HASH.MARKET_DATA.storage-hot.2.70.90.1700000000.5",
        "$JS.ACK.hub.HASH.MARKET_DATA.storage-hot.2.70.90.1700000000.5.token",
    ],
)
def test_place_of_a_delivery(reply: str):
    assert _place(reply) == (2, 70, 90, 1700000000, 5)
