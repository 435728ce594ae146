"""What an added column cannot say: numbered steps that bring the rows of earlier releases forward, never back.

The tables of the contract are what must be, and ``schema apply`` adds what they lack. A step stands here where rows
that are there already would be misread. Each can be run again after an interruption, and a database records what was
done. A database without a record has version 1.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """One step.

    Attributes:
        version: What the database has afterwards; counts up by one.
        title: What changes for whom, without quotes.
        statement: With ``{database}``; changes nothing the second time.
    """

    version: int
    title: str
    statement: str


MIGRATIONS = (
    Migration(
        version=2,
        title="books from before there was a contract_size hold base currency",
        statement=(
            "ALTER TABLE {database}.orderbooks UPDATE contract_size = 1 WHERE contract_size = 0"
            " SETTINGS mutations_sync = 2"
        ),
    ),
)
VERSION = MIGRATIONS[-1].version
"""The newest version, which every database has after ``schema apply``."""
