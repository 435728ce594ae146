"""The command line. Here an error becomes one line on standard error and an exit code.

A command's module is imported when that command is asked for: a damaged installation must not silence ``doctor``, which
is there to say so, and a timer does not pay for what it does not use.
"""

import sys
from collections import UserDict
from importlib import import_module
from typing import Any, Final

import typer
from typer.core import TyperGroup

from marketprism.errors import MARK, MarketPrismError, UnavailableError

COMMANDS: Final = {
    "status": "status:status",
    "health": "status:health",
    "audit": "audit:audit",
    "backfill": "backfill:backfill",
    "doctor": "doctor:doctor",
    "test": "trial:trial",
    "sql": "storage:sql",
    "book-at": "book_at:book_at",
    "replay": "replay:replay",
    "capture": "collector:capture",
    "probe": "probe:probe",
    "backup": "backup:backup",
    "restore": "backup:restore",
    "drill": "backup:drill",
    "optimize": "optimize:optimize",
    "contract": "check:contract",
    "alert-rules": "alerts:alert_rules",
    "config-check": "check:config_check",
    "collector": "collector:collector",
    "storage": "storage:storage",
    "sim": "sim:sim",
    "streams": "storage:streams",
    "schema": "storage:schema",
    "dead-letters": "dead_letters:dead_letters",
}


class LazyCommands(UserDict[str, Any]):
    """Commands by name, each imported by the one who asks for it."""

    def __getitem__(self, name: str) -> Any:
        """Import a command.

        Raises:
            KeyError: There is no such command.
            UnavailableError: A module that it needs is missing or broken.
        """
        module, _, attribute = self.data[name].partition(":")
        try:
            found = getattr(import_module(f"{__name__}.{module}"), attribute)
        except ImportError as error:
            message = f"{name} cannot start, {error}"
            raise UnavailableError(message, remedy="mend the installation: ./scripts/manage_all.sh repair") from error
        if isinstance(found, typer.Typer):
            found.info.name = name
            return typer.main.get_group(found)
        alone = typer.Typer(add_completion=False)
        alone.command(name)(found)
        return typer.main.get_command(alone)


class Root(TyperGroup):
    """The group of all commands."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = LazyCommands(COMMANDS)


app = typer.Typer(cls=Root, no_args_is_help=True, pretty_exceptions_show_locals=False, add_completion=False)


@app.callback()
def marketprism() -> None:
    """Exact crypto market data from the exchange's socket to your own ClickHouse."""


def main() -> None:
    """Run one command; the process ends here."""
    try:
        app()
    except MarketPrismError as error:
        sys.stderr.write(f"{MARK}{error}\n")
        sys.exit(error.exit_code)
