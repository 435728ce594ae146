"""What a rule concludes."""

from dataclasses import dataclass
from enum import StrEnum

from marketprism.ops.doctor.catalogue import PROBLEMS, Severity


class Certainty(StrEnum):
    """How sure a finding is."""

    SURE = "sure"  # seen itself
    LIKELY = "likely"  # seen by its traces


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A problem that is there.

    Attributes:
        evidence: Sentences with figures, journal lines and owners.
        consequences: What it explains; None takes the catalogue's.
        venues: The venues concerned; None for all of them.
        severity: None takes the catalogue's.
        by_itself: Whether nothing else explains it, such as a unit that somebody stopped.
    """

    problem: str
    evidence: tuple[str, ...]
    certainty: Certainty = Certainty.SURE
    consequences: frozenset[str] | None = None
    venues: frozenset[str] | None = None
    severity: Severity | None = None
    by_itself: bool = False

    @property
    def explains(self) -> frozenset[str]:
        """Names of the problems that this one brings about."""
        return PROBLEMS[self.problem].consequences if self.consequences is None else self.consequences

    @property
    def weight(self) -> Severity:
        """How bad it is."""
        return PROBLEMS[self.problem].severity if self.severity is None else self.severity
