"""ClickHouse over HTTP, for statements and for rows that pass through: bytes in a format of the server's, untouched.

A wrong password is an answer here, not a lost server.
"""

import http.client
import json
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import urlencode

from marketprism.contract.catalog import CLICKHOUSE_USERS
from marketprism.errors import MarketPrismError, UnavailableError
from marketprism.settings import ClickHouseSettings, Settings

_CONNECT_SECONDS = 5.0
_ANSWER_SECONDS = 300.0
_CHUNK_BYTES = 64 * 1024
_READ_ONLY, _NOT_ALLOWED, _WRONG_PASSWORD, _DAMAGED = 164, 497, (192, 193, 194, 516), (40, 246)


def quoted(text: str) -> str:
    """Write a text as a string literal of a statement."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


class QueryRefusedError(MarketPrismError):
    """The server answered a statement with an error; `code` is its number."""


class ClickHouseHttp:
    """Runs statements as one of the contract's users.

    Args:
        settings: Name the server and keep the password.
        role: Key of `catalog.CLICKHOUSE_USERS`.
        server: Another server than ``settings.clickhouse``, with the same users and passwords.
        answer_seconds: Longest silence of the server within one statement.
    """

    def __init__(
        self,
        settings: Settings,
        role: str,
        server: ClickHouseSettings | None = None,
        *,
        answer_seconds: float = _ANSWER_SECONDS,
    ) -> None:
        server = server or settings.clickhouse
        self._host = server.host
        self._port = server.http_port
        self._role = role
        self._answer_seconds = answer_seconds
        self._user = CLICKHOUSE_USERS[role]
        self._password = settings.credential(f"clickhouse-{role}")

    def execute(self, sql: str, **settings: str) -> None:
        """Run a statement that returns nothing.

        Args:
            sql: One statement.
            settings: As for `stream`.

        Raises:
            QueryRefusedError: The server refuses it.
            UnavailableError: The server does not answer.
        """
        for _ in self.stream(sql, "Null", **settings):
            pass

    def insert(self, sql: str, pieces: Iterable[bytes], **settings: str) -> None:
        """Run an INSERT; how much of it is stored is unknown when it fails.

        Args:
            sql: The statement up to its FORMAT.
            pieces: The rows in that format.
            settings: As for `stream`.

        Raises:
            QueryRefusedError: The server refuses it.
            UnavailableError: The server does not answer, or the pieces break off.
        """
        for _ in self._answer(pieces, {"query": sql, "wait_end_of_query": "1", **settings}):
            pass

    def rows(self, sql: str) -> list[dict[str, Any]]:
        """Return the rows of a query by column name; 64-bit integers come as integers.

        Raises:
            QueryRefusedError: The server refuses it.
            UnavailableError: The server does not answer.
        """
        body = b"".join(self.stream(sql, "JSONEachRow", output_format_json_quote_64bit_integers="0"))
        return [json.loads(line) for line in body.splitlines()]

    def stream(self, sql: str, default_format: str, **settings: str) -> Iterator[bytes]:
        """Yield the answer in pieces, in a format of the server's unless the statement names one.

        Args:
            sql: One statement.
            default_format: ``Null``, ``TabSeparated`` and so on.
            settings: The server's settings for this statement, such as ``database``.

        Raises:
            QueryRefusedError: The server refuses it.
            UnavailableError: The server does not answer.
        """
        return self._answer(sql.encode(), {"default_format": default_format, "wait_end_of_query": "1", **settings})

    def _answer(self, body: bytes | Iterable[bytes], query: dict[str, str]) -> Iterator[bytes]:
        headers = {"X-ClickHouse-User": self._user, "X-ClickHouse-Key": self._password}
        connection = http.client.HTTPConnection(self._host, self._port, timeout=_CONNECT_SECONDS)
        try:
            connection.connect()
            connection.sock.settimeout(self._answer_seconds)
            connection.request("POST", f"/?{urlencode(query)}", body=body, headers=headers)
            answer = connection.getresponse()
            if answer.status != http.HTTPStatus.OK:
                raise self._refused(answer)
            while piece := answer.read(_CHUNK_BYTES):
                yield piece
        except (OSError, http.client.HTTPException) as error:
            raise UnavailableError(
                f"ClickHouse at {self._host}:{self._port} does not answer: {error}",
                remedy="see 'systemctl status clickhouse-server' and the settings clickhouse.host and .http_port",
            ) from error
        finally:
            connection.close()

    def _refused(self, answer: http.client.HTTPResponse) -> QueryRefusedError:
        code = int(answer.headers.get("X-ClickHouse-Exception-Code", "0"))
        text = answer.read().decode(errors="replace").strip() or answer.reason
        if code in _WRONG_PASSWORD:
            remedy = f"the credential clickhouse-{self._role} is not the server's; run the deployment again"
        elif code in (_READ_ONLY, _NOT_ALLOWED):
            remedy = f"user {self._user} may not do this; 'marketprism sql' reads only"
        elif code in _DAMAGED:
            remedy = (
                "a part of the table is damaged: 'systemctl restart clickhouse-server' lays it aside,"
                " then 'marketprism audit' names what it held and 'marketprism backfill --gaps' fetches trades again"
            )
        else:
            remedy = "correct the statement"
        return QueryRefusedError(text, remedy=remedy, code=code)
