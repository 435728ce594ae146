"""The command line. Here an error becomes one line on standard error and an exit code."""

import sys

import typer

from marketprism.cli import check
from marketprism.cli.audit import audit
from marketprism.cli.backfill import backfill
from marketprism.cli.backup import backup, drill, restore
from marketprism.cli.book_at import book_at
from marketprism.cli.collector import capture, collector
from marketprism.cli.dead_letters import dead_letters
from marketprism.cli.doctor import doctor
from marketprism.cli.probe import probe
from marketprism.cli.replay import replay
from marketprism.cli.sim import sim
from marketprism.cli.storage import schema, sql, storage, streams
from marketprism.cli.trial import trial
from marketprism.errors import MarketPrismError

app = typer.Typer(
    name="marketprism",
    help="Exact crypto market data from the exchange's socket to your own ClickHouse.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
    add_completion=False,
)
app.command("status")(check.status)
app.command("health")(check.health)
app.command("audit")(audit)
app.command("backfill")(backfill)
app.command("doctor")(doctor)
app.add_typer(trial, name="test")
app.command("sql")(sql)
app.command("book-at")(book_at)
app.command("replay")(replay)
app.command("capture")(capture)
app.command("probe")(probe)
app.command("backup")(backup)
app.command("restore")(restore)
app.command("drill")(drill)
app.command("contract")(check.contract)
app.command("config-check")(check.config_check)
app.command("collector")(collector)
app.command("storage")(storage)
app.command("sim")(sim)
app.add_typer(streams, name="streams")
app.add_typer(schema, name="schema")
app.add_typer(dead_letters, name="dead-letters")


def main() -> None:
    """Run one command; the process ends here."""
    try:
        app()
    except MarketPrismError as error:
        sys.stderr.write(f"marketprism: {error}\n")
        sys.exit(error.exit_code)
