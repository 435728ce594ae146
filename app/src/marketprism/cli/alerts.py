"""The command that prints what Prometheus and Alertmanager are to watch for."""

import sys
from typing import Annotated

import typer
import yaml

from marketprism.ops import alerts


def alert_rules(
    runbooks: Annotated[str, typer.Option(help="Address of the folder of runbooks.")] = alerts.RUNBOOKS,
    *,
    inhibitions: Annotated[
        bool, typer.Option("--inhibitions", help="Print Alertmanager's inhibition rules instead.")
    ] = False,
) -> None:
    """Print the alert rules as a rule file of Prometheus, made from the contract and the doctor's catalogue."""
    content = alerts.inhibitions() if inhibitions else alerts.rules(runbooks)
    sys.stdout.write(yaml.safe_dump(content, sort_keys=False, width=1000))
