"""The only home of the ClickHouse driver: columnar inserts, queries, and what its errors mean.

How numbers travel, measured on 2 cores with 20,000 rows of `trades` a batch against the embedded engine 26.7: Python
``Decimal`` objects 249 k rows/s at 57 ms of client CPU (and the objects have to be made first), decimal text that the
server converts through ``INSERT … SELECT … FROM input(…)`` 429 k rows/s at 27 ms, tokens and enums as plain text
too 409 k rows/s at 22 ms. So the last form is used: the client's CPU is what the collector and NATS share.
"""

import http.client
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import clickhouse_driver
from clickhouse_driver import errors as driver_errors

from marketprism.contract.tables import Column, Table
from marketprism.errors import ContractError, MarketPrismError, UnavailableError

CONNECT_SECONDS = 5
SEND_RECEIVE_SECONDS = 30
"""Longest silence of the server within one query; then its outcome is unknown."""

SYNC_SECONDS = 5
INSERT_BLOCK_ROWS = 1_048_576
"""More than any batch: one insert is one block, and so one part per partition."""

_SETTINGS = {
    "async_insert": 0,  # on by default in 26.x; an answer must mean that the rows are stored
    "deduplicate_insert_select": "disable",  # tables remember no blocks; otherwise each insert is a line in the log
    "max_insert_threads": 1,
    "max_insert_block_size": INSERT_BLOCK_ROWS,
    "max_partitions_per_insert_block": 0,  # replayed history may span many days
    "insert_block_size": INSERT_BLOCK_ROWS,
}

_DATA_CODES = {
    6: "cannot parse text",
    27: "cannot parse input",
    38: "cannot parse date",
    41: "cannot parse time",
    53: "type mismatch",
    69: "argument out of bound",
    70: "cannot convert type",
    72: "cannot parse number",
    117: "incorrect data",
    321: "value out of range of the type",
    349: "null in a column that has none",
    407: "decimal overflow",
    691: "unknown enum element",
}
"""Server errors that the data cause; the same rows would fail for ever."""

_REMEDIES = {
    16: "a column is missing: run 'marketprism schema apply'",
    47: "a column is missing: run 'marketprism schema apply'",
    60: "the table is missing: run 'marketprism schema apply'",
    81: "the database is missing: run 'marketprism schema apply'",
    164: "the user may only read: check its profile",
    192: "the user does not exist: run the deployment again",
    193: "the password is wrong: run the deployment again",
    194: "the password is missing: run the deployment again",
    241: "the server is out of memory: raise max_server_memory_usage or wait for merges",
    243: "the disk is full: free space",
    252: "too many parts: merges do not keep up, look at system.merges and the disk",
    497: "the user lacks a right: run the deployment again",
    516: "user or password is wrong: run the deployment again",
}
_SAME_ID_IS_RUNNING = 216
_AWAY = "see 'systemctl status clickhouse-server'; what was read is kept and tried again"


def wire_type(column: Column) -> str:
    """Name the type in which values of a column are sent."""
    if column.sent_as:
        return column.sent_as
    return "String" if column.type.startswith(("LowCardinality(String)", "Enum")) else column.type


def insert_statement(database: str, table: Table) -> str:
    """Render the insert; the server turns what is sent into the columns' types, exactly."""
    structure = ", ".join(f"{c.name} {wire_type(c)}" for c in table.inserted).replace("'", r"\'")
    names = ", ".join(c.name for c in table.inserted)
    values = ", ".join(map(_converted, table.inserted))
    # Names, types and expressions come from the contract alone.
    return f"INSERT INTO {database}.{table.name} ({names}) SELECT {values} FROM input('{structure}') FORMAT Native"


def _converted(column: Column) -> str:
    if not column.sent_as:
        return column.name
    return (
        f"toDecimal128({column.name}, 18)" if "Decimal" in column.type else f"fromUnixTimestamp64Micro({column.name})"
    )


def _insert_id(database: str, table: Table) -> str:
    return f"marketprism-insert-{database}.{table.name}"


class ClickHouse:
    """One connection for one thread; it connects when it is first used and again after an error.

    Args:
        http_port: Used to check the password before the native port is: the embedded engine aborts on a wrong one.
    """

    def __init__(self, *, host: str, native_port: int, http_port: int, user: str, password: str) -> None:
        self._host = host
        self._native_port = native_port
        self._http_port = http_port
        self._user = user
        self._password = password
        self._client: clickhouse_driver.Client | None = None

    def insert(self, database: str, table: Table, columns: Mapping[str, Sequence[object]]) -> None:
        """Insert rows as one block.

        Args:
            database: Database of the table.
            table: Its contract.
            columns: Values by name of every column in `Table.inserted`, of equal length.

        Raises:
            ContractError: The server cannot store these values, now or later.
            UnavailableError: Anything else; whether rows were stored is unknown.
        """
        data = [columns[c.name] for c in table.inserted]
        with self._mapped():
            self._connected().execute(
                insert_statement(database, table), data, columnar=True, query_id=_insert_id(database, table)
            )

    def is_inserting(self, database: str, table: Table) -> bool:
        """Tell whether the server still works on an insert of ours; a lost connection does not end one.

        All inserts into a table carry the same query id, and the server runs no two queries of one id.

        Raises:
            UnavailableError: The server cannot be asked.
        """
        try:
            with self._mapped():
                self._connected().execute("SELECT 1", query_id=_insert_id(database, table))
        except UnavailableError as error:
            if error.code == _SAME_ID_IS_RUNNING:
                return True
            raise
        return False

    def query(self, sql: str, parameters: Mapping[str, object] | None = None) -> list[tuple[Any, ...]]:
        """Return the rows of a query.

        Raises:
            ContractError: As for `insert`.
            UnavailableError: As for `insert`.
        """
        with self._mapped():
            rows: list[tuple[Any, ...]] = self._connected().execute(sql, dict(parameters or {}))
            return rows

    def columns(self, sql: str, parameters: Mapping[str, object] | None = None) -> list[Sequence[Any]]:
        """Return the columns of a query; an empty list when there are no rows.

        Raises:
            ContractError: As for `insert`.
            UnavailableError: As for `insert`.
        """
        with self._mapped():
            columns: list[Sequence[Any]] = self._connected().execute(sql, dict(parameters or {}), columnar=True)
            return columns

    def close(self) -> None:
        """Disconnect; the next use connects again."""
        client, self._client = self._client, None
        if client is not None:
            client.disconnect()

    def _connected(self) -> clickhouse_driver.Client:
        if self._client is None:
            self._check_password()
            self._client = clickhouse_driver.Client(
                self._host,
                port=self._native_port,
                user=self._user,
                password=self._password,
                client_name="marketprism",
                connect_timeout=CONNECT_SECONDS,
                send_receive_timeout=SEND_RECEIVE_SECONDS,
                sync_request_timeout=SYNC_SECONDS,
                tcp_keepalive=(30, 5, 3),
                compression=False,
                settings=_SETTINGS,
            )
        return self._client

    def _check_password(self) -> None:
        connection = http.client.HTTPConnection(self._host, self._http_port, timeout=CONNECT_SECONDS)
        try:
            headers = {"X-ClickHouse-User": self._user, "X-ClickHouse-Key": self._password}
            connection.request("GET", "/?query=SELECT%201", headers=headers)
            answer = connection.getresponse()
            if answer.status in (401, 403):
                text = answer.read(500).decode(errors="replace")
                raise UnavailableError(f"ClickHouse refuses user {self._user!r}: {text}", remedy=_REMEDIES[516])
        finally:
            connection.close()

    @contextmanager
    def _mapped(self) -> Iterator[None]:
        try:
            yield
        except MarketPrismError:
            raise
        except (driver_errors.Error, OSError, EOFError, http.client.HTTPException) as error:
            self.close()
            raise explain(error, f"{self._host}:{self._native_port}") from error


def explain(error: Exception, address: str) -> ContractError | UnavailableError:
    """Decide by the driver's exception what can be done.

    Args:
        error: Exception of the driver, or of a socket.
        address: Whom the driver talked to.
    """
    text = str(error).partition("Stack trace:")[0].strip() or type(error).__name__
    if isinstance(error, driver_errors.ServerException):
        if error.code in _DATA_CODES:
            reason = _DATA_CODES[error.code]
            return ContractError(f"ClickHouse refuses the rows ({reason}): {text}", remedy="see the dead letters")
        return UnavailableError(
            f"ClickHouse answers with error {error.code}: {text}",
            remedy=_REMEDIES.get(error.code, "see the journal of clickhouse-server"),
            code=error.code,
        )
    if isinstance(error, driver_errors.TypeMismatchError):
        return ContractError(f"the driver refuses the rows: {text}", remedy="see the dead letters")
    return UnavailableError(f"ClickHouse at {address} is away: {text}", remedy=_AWAY)
