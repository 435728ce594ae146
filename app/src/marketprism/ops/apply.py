"""``streams apply`` and ``schema apply``: bring the servers forward to the contract, or say what differs.

Both are idempotent, delete nothing, and can be run again after an interruption.
"""

from dataclasses import dataclass, field

from marketprism.clickhouse_http import ClickHouseHttp, QueryRefusedError
from marketprism.contract.catalog import COLD_DATABASE, HOT_DATABASE
from marketprism.ops import schema, streams
from marketprism.settings import Settings


@dataclass(frozen=True, slots=True)
class Refused:
    """A difference that stays, and the operator's next step."""

    what: str
    remedy: str


@dataclass(slots=True)
class Result:
    """What an application did; what it would do, with `check`.

    Attributes:
        check: Whether nothing was to be changed.
        changed: One sentence per difference that was removed, or would be.
        refused: Differences that cannot be removed without losing data.
    """

    check: bool
    changed: list[str] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        """1 when something is wrong: with `check` any difference, otherwise what was refused."""
        return int(bool(self.refused) or (self.check and bool(self.changed)))


async def apply_streams(settings: Settings, *, check: bool) -> Result:
    """Make or update the streams and consumers of the contract.

    Args:
        settings: Name the server; `nats.store_bytes` is divided among the streams.
        check: Change nothing, only list the differences.

    Raises:
        UnavailableError: NATS does not answer or refuses the user.
        ConfigurationError: The credential cannot be read.
    """
    result = Result(check)
    async with streams.connect(settings) as jetstream:
        for step in await streams.steps(jetstream, settings.nats.store_bytes):
            error = None if check else (await jetstream.call(step.subject, step.body)).get("error")
            if error is None:
                result.changed += step.texts
            else:
                result.refused += [Refused(text, _stream_remedy(error)) for text in step.texts]
    return result


def _stream_remedy(error: dict[str, object]) -> str:
    hints = {
        10047: "lower nats.store_bytes, or raise the server's max_file_store",
        10065: "another stream holds these subjects; move its messages, then delete it with the nats tool",
    }
    code = error.get("err_code")
    hint = hints.get(code) if isinstance(code, int) else None
    advice = hint or "it cannot be changed in place; let storage drain the stream, then delete it with the nats tool"
    return f"the server says {error.get('description')!r}; {advice}"


def apply_schema(settings: Settings, *, check: bool) -> Result:
    """Make the databases and tables of the contract, and add what existing tables lack.

    Args:
        settings: Name the server.
        check: Change nothing, only list the differences.

    Raises:
        QueryRefusedError: The administrator may not look.
        UnavailableError: ClickHouse does not answer.
        ConfigurationError: The credential cannot be read.
    """
    result = Result(check)
    _apply_database(ClickHouseHttp(settings, "admin"), HOT_DATABASE, result)
    _apply_database(ClickHouseHttp(settings, "admin", settings.cold), COLD_DATABASE, result)
    return result


def _apply_database(clickhouse: ClickHouseHttp, database: str, result: Result) -> None:
    for change in schema.drift(clickhouse, database):
        if change.statement is None:
            result.refused.append(Refused(change.text, change.remedy))
            continue
        if not result.check:
            try:
                clickhouse.execute(change.statement)
                if change.record:
                    clickhouse.execute(change.record)
            except QueryRefusedError as error:
                result.refused.append(Refused(change.text, str(error)))
                continue
        result.changed.append(change.text)
