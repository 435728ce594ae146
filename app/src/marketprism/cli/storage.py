"""Commands that run storage, bring the servers forward to the contract, and ask ClickHouse."""

import asyncio
import sys
from enum import StrEnum
from typing import Annotated

import msgspec
import typer

from marketprism import settings as configuration
from marketprism.cli.reload import reload_on_hangup
from marketprism.clickhouse_http import ClickHouseHttp
from marketprism.contract.catalog import HOT_DATABASE
from marketprism.errors import ConfigurationError
from marketprism.ops import apply
from marketprism.settings import Settings
from marketprism.storage import cold_service, service
from marketprism.telemetry import logs

streams = typer.Typer(help="Streams and consumers of the contract.", no_args_is_help=True)
schema = typer.Typer(help="Databases and tables of the contract.", no_args_is_help=True)

Check = Annotated[bool, typer.Option("--check", help="Change nothing; print the drift and exit 1 when there is any.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object: check, changed, refused.")]


class Mode(StrEnum):
    """Which database a storage service writes."""

    HOT = "hot"
    COLD = "cold"


class OutputFormat(StrEnum):
    """How rows are printed."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    TSV = "tsv"


_FORMATS = {
    OutputFormat.TABLE: "PrettyCompactMonoBlock",
    OutputFormat.JSON: "JSON",
    OutputFormat.CSV: "CSVWithNames",
    OutputFormat.TSV: "TabSeparated",
}


def storage(
    mode: Annotated[Mode, typer.Option(help="hot: from NATS; cold: from the hot database.")] = Mode.HOT,
) -> None:
    """Write what NATS carries into ClickHouse, or copy it into the cold database; each event exactly once."""
    settings = configuration.load()
    if mode is Mode.COLD and not settings.storage.cold_enabled:
        raise ConfigurationError(
            "storage.cold_enabled is false, so hot storage drops old days itself",
            remedy="set it to true before cold storage runs",
        )
    logs.configure(settings.log_level)
    asyncio.run(_store(settings, mode))


@streams.command("apply")
def apply_streams(*, check: Check = False, as_json: Json = False) -> None:
    """Make or update what the contract says; never deletes, changes nothing the second time."""
    _show(asyncio.run(apply.apply_streams(configuration.load(), check=check)), as_json=as_json)


@schema.command("apply")
def apply_schema(*, check: Check = False, as_json: Json = False) -> None:
    """Make databases and tables, and add what existing tables lack; never deletes."""
    _show(apply.apply_schema(configuration.load(), check=check), as_json=as_json)


def sql(
    query: Annotated[str, typer.Argument(help="One statement; the database is marketprism_hot unless it names one.")],
    output: Annotated[OutputFormat, typer.Option("--format", help="How rows are printed.")] = OutputFormat.TABLE,
) -> None:
    """Ask ClickHouse as the reader, who may change nothing."""
    clickhouse = ClickHouseHttp(configuration.load(), "reader")
    for piece in clickhouse.stream(query, _FORMATS[output], database=HOT_DATABASE):
        sys.stdout.buffer.write(piece)
    sys.stdout.buffer.flush()


async def _store(settings: Settings, mode: Mode) -> None:
    reload_on_hangup()
    await (service if mode is Mode.HOT else cold_service).run(settings)


def _show(result: apply.Result, *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(msgspec.json.encode(result).decode() + "\n")
    else:
        for text in result.changed:
            sys.stdout.write(f"{'differs' if result.check else 'corrected'}: {text}\n")
        for refused in result.refused:
            sys.stdout.write(f"refused: {refused.what}; {refused.remedy}\n")
        if not result.changed and not result.refused:
            sys.stdout.write("nothing to change\n")
    raise typer.Exit(result.exit_code)
