"""How long to wait before the next attempt: exponential, capped, with full jitter."""

from dataclasses import dataclass


@dataclass(slots=True)
class Backoff:
    """One peer's waits.

    Full jitter keeps many clients of a peer that comes back from arriving at the same moment.

    Attributes:
        first: Upper bound of the first wait, in seconds; it doubles with each attempt.
        cap: Upper bound of every wait, in seconds.
        floor: Shortest wait, in seconds.
    """

    first: float = 0.5
    cap: float = 15.0
    floor: float = 0.1
    attempts: int = 0

    def next(self, roll: float) -> float:
        """Count one attempt and return the seconds to wait before it.

        Args:
            roll: Random, from 0 to 1.
        """
        bound = min(self.cap, self.first * 2.0 ** min(self.attempts, 30))
        self.attempts += 1
        return max(self.floor, bound * roll)

    def reset(self) -> None:
        """Start over after a success."""
        self.attempts = 0
