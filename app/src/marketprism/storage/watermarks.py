"""How far each table is copied, kept in the cold database for everybody to read.

It says what was proven, it decides nothing: what has to be copied is told by the rows.
"""

import json
from collections.abc import Mapping

from marketprism.clickhouse_http import ClickHouseHttp
from marketprism.contract.catalog import COLD_DATABASE
from marketprism.contract.tables import WATERMARKS

_NAME = f"{COLD_DATABASE}.{WATERMARKS.name}"


def read(clickhouse: ClickHouseHttp) -> dict[str, int]:
    """Return seconds since 1970 by table name.

    Raises:
        QueryRefusedError: The server refuses it.
        UnavailableError: The server does not answer.
    """
    rows = clickhouse.rows(f"SELECT table_name, toUnixTimestamp(max(watermark)) AS seconds FROM {_NAME} GROUP BY 1")
    return {row["table_name"]: row["seconds"] for row in rows}


def record(clickhouse: ClickHouseHttp, watermarks: Mapping[str, int]) -> None:
    """Record watermarks that have risen.

    Raises:
        QueryRefusedError: The server refuses it.
        UnavailableError: The server does not answer.
    """
    lines = (
        json.dumps({"table_name": name, "watermark": seconds}).encode() + b"\n" for name, seconds in watermarks.items()
    )
    clickhouse.insert(f"INSERT INTO {_NAME} (table_name, watermark) FORMAT JSONEachRow", lines, async_insert="0")
