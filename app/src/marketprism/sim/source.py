"""Where the events come from: markets generated here, or a recording. The server knows only this."""

from typing import Protocol


class Source(Protocol):
    """Publishes events to a hub."""

    async def start(self) -> None:
        """Prepare everything that the first client may ask for."""
        ...

    async def run(self) -> None:
        """Publish until cancelled or at the end."""
        ...

    async def stop(self) -> None:
        """Publish and save what is pending; called once, after `run`."""
        ...

    def idle_seconds(self) -> float:
        """Tell how long ago the source last made progress; what waits for clients makes progress."""
        ...
