"""The publisher's account: what came in and what became of it.

``received = published + coalesced + refused + spooled + in flight`` holds at any time, per stream and in sum. Messages
of an earlier run are outside of it: they were received there, and here they are `recovered`.
"""

from dataclasses import dataclass


@dataclass(slots=True)
class Counters:
    """What a lane did. Events, except where messages are named.

    Attributes:
        published: JetStream has acknowledged them.
        coalesced: A newer one of their subject replaced them before they were sent.
        refused: Could not be made into a message that the server takes, or the disk gave them back damaged.
        recovered: An earlier run left them in the spool, and JetStream has acknowledged them now.
        resent: Messages that were handed to the connection once more.
        duplicates: Messages that the stream already held when they came once more.
    """

    received: int = 0
    published: int = 0
    coalesced: int = 0
    refused: int = 0
    recovered: int = 0
    resent: int = 0
    duplicates: int = 0
