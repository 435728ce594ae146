"""Commands that look at the contract and the configuration, and need no server."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from marketprism import settings as settings_module
from marketprism.cli import render
from marketprism.contract import catalog
from marketprism.contract.venues import VENUES


def contract(as_json: render.Json = False) -> None:
    """Show the contract: data types, streams, ports and rights, as every part of the deployment uses them."""
    if as_json:
        render.as_json(
            {
                "data_types": {
                    t.name: {
                        "table": t.table,
                        "stream": t.stream,
                        "freshness_seconds": t.freshness_seconds,
                    }
                    for t in catalog.DATA_TYPES.values()
                },
                "databases": [catalog.HOT_DATABASE, catalog.COLD_DATABASE],
                "clickhouse_users": catalog.CLICKHOUSE_USERS,
                "streams": {name: asdict(stream) for name, stream in catalog.STREAMS.items()},
                "ports": catalog.PORTS,
                "venues": {name: {"enabled": True, "symbols": venue.symbols} for name, venue in VENUES.items()},
                "nats_users": {name: asdict(rights) for name, rights in catalog.NATS_USERS.items()},
            }
        )
        return
    for data_type in catalog.DATA_TYPES.values():
        limit = data_type.freshness_seconds
        fresh = "may be silent" if limit is None else f"fresh within {limit:g} s"
        typer.echo(f"{data_type.name:17} {data_type.stream:16} {data_type.table:19} {fresh}")


def config_check(path: Annotated[Path, typer.Argument(help="YAML file to check.")]) -> None:
    """Check a configuration file; its environment file and variables count too."""
    settings_module.load(path)
    typer.echo(f"{path} is valid")
