"""Messages to the service manager, as described in sd_notify(3)."""

import contextlib
import os
import socket

SEND_SECONDS = 0.2
"""A manager that does not read must not stop us: the message is lost then, and a later one tells the same."""


def notify(message: str) -> None:
    """Send one message, such as ``READY=1`` or ``STATUS=…``; without a service manager nothing happens."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.settimeout(SEND_SECONDS)
        with contextlib.suppress(TimeoutError, ConnectionError):
            channel.connect(address)
            channel.send(message.encode())
