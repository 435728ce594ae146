"""The form of the texts: the same words in every language."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Words:
    """What people read about one problem.

    Attributes:
        title: A few words.
        symptom: How it shows.
        remedy: What its repair does; for a problem of the deployment, what to type.
    """

    title: str
    symptom: str
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Phrases:
    """The words of the report itself. Braces are filled in.

    Attributes:
        verdicts: By `verdict.State`.
        hops: By `catalogue.Hop`.
        certainties: By `findings.Certainty`.
    """

    verdicts: dict[str, str]
    hops: dict[str, str]
    certainties: dict[str, str]
    chain: str
    root: str
    consequence: str
    fix: str
    from_host: str
    does: str
    read: str
    unexplained: str
    unseen: str
    columns: tuple[str, str, str]
