"""Messages to rows, each exactly once.

The rows are the offset store: every row carries `stream_epoch`, `stream_seq` and `item`. At the start and after any
unknown outcome the writer asks for the highest sequence stored since the acknowledged one; up to it, it asks which rows
are there and inserts the difference. Above it nothing can be there, so the normal flow costs no query.
"""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import reduce
from operator import xor

from marketprism.contract.catalog import Stream
from marketprism.contract.instruments import Source
from marketprism.contract.tables import TABLES
from marketprism.errors import ContractError, UnavailableError
from marketprism.storage.clickhouse import SEND_RECEIVE_SECONDS, ClickHouse
from marketprism.storage.columns import Rows
from marketprism.storage.consumer import Message
from marketprism.storage.dead_letters import DeadLetter
from marketprism.storage.decoding import Decoded, data_types
from marketprism.storage.identities import Identities

_SETTLE_SECONDS = 0.5
_POLL_SECONDS = 0.1
_ITEM_BITS = 16
_PLACE = f"bitShiftLeft(stream_seq, {_ITEM_BITS}) + item"

Feed = tuple[str, str, str, str]
"""Source, data type, exchange and market."""


@dataclass(slots=True)
class Stored:
    """What became of a batch; each message counts in one batch only, however often it is delivered.

    Attributes:
        stored: Rows by data type; those included that an insert with an unknown outcome had stored.
        inserted: Rows by data type that were not there before, however often their message was delivered.
        duplicates: Events by data type that were dropped because their identity was stored before.
        dead: Messages to lay aside.
        dead_events: Events in them, by reason.
        newest_us: Newest event time by feed.
        oldest_receipt_us: When the first row that was not replayed had reached the collector.
    """

    stored: Counter[str] = field(default_factory=Counter)
    inserted: Counter[str] = field(default_factory=Counter)
    duplicates: Counter[str] = field(default_factory=Counter)
    dead: list[DeadLetter] = field(default_factory=list)
    dead_events: Counter[str] = field(default_factory=Counter)
    newest_us: dict[Feed, int] = field(default_factory=dict)
    oldest_receipt_us: int | None = None


@dataclass(slots=True)
class Probes:
    """How often outcomes were unknown and the table was asked."""

    unknown_outcomes: int = 0
    queries: int = 0
    rows_present: int = 0


class Writer:
    """Stores the messages of one stream. Its methods block; one thread at a time.

    Args:
        clickhouse: Used by this writer alone.
        database: Database of the tables.
        stream: Whose messages they are.
        sleep: Blocks for a number of seconds.
    """

    def __init__(
        self, clickhouse: ClickHouse, database: str, stream: Stream, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._clickhouse = clickhouse
        self._database = database
        self._data_types = data_types(stream.subjects)
        self._identities = Identities(clickhouse, database)
        self._sleep = sleep
        self._epoch = 0
        self._stored_up_to: dict[str, int] = {}
        self._counted_up_to = 0
        self._unknown = True
        self.probes = Probes()

    def begin(self, epoch: int, ack_floor: int) -> None:
        """Learn what is stored of the messages that come next.

        Args:
            epoch: See `wire.stream_epoch`.
            ack_floor: Sequence up to which everything was acknowledged.

        Raises:
            UnavailableError: ClickHouse cannot be asked.
        """
        if self._unknown:
            self._settle()
            # What may be stored was not learned: a repeat of it would be taken for new.
            self._identities = Identities(self._clickhouse, self._database)
        if epoch != self._epoch:
            self._counted_up_to = 0
        self._epoch = epoch
        for data_type in self._data_types:
            rows = self._clickhouse.query(
                f"SELECT max(stream_seq) FROM {self._table(data_type)}"
                " WHERE stream_epoch = %(epoch)s AND stream_seq > %(floor)s",
                {"epoch": epoch, "floor": ack_floor},
            )
            self._stored_up_to[data_type] = rows[0][0]
        self._unknown = False

    def store(self, decoded: Decoded) -> Stored:
        """Store what a batch of messages holds.

        Args:
            decoded: At least one message of the epoch that the writer has begun.

        Raises:
            UnavailableError: It is unknown what was stored; call `begin`, then this with the same messages.
        """
        assert not self._unknown, "after an unknown outcome the writer has to begin again"
        result = Stored(dead=[*decoded.dead])
        by_sequence = {message.stream_seq: message for message in decoded.messages}
        try:
            for rows in decoded.rows.values():
                self._store_rows(rows, by_sequence, result)
        except UnavailableError:
            self._unknown = True
            self.probes.unknown_outcomes += 1
            raise
        for letter in result.dead:
            if letter.message.stream_seq > self._counted_up_to:
                result.dead_events[letter.reason] += letter.events
        self._counted_up_to = max(self._counted_up_to, decoded.messages[-1].stream_seq)
        return result

    def newest(self, source: str, since_seconds: int) -> dict[Feed, int]:
        """Return the newest event times in microseconds by feed, of one source, among recent rows.

        Raises:
            UnavailableError: ClickHouse cannot be asked.
        """
        found: dict[Feed, int] = {}
        for data_type in self._data_types:
            rows = self._clickhouse.query(
                f"SELECT exchange, market, toUnixTimestamp64Micro(max(timestamp)) FROM {self._table(data_type)}"
                " WHERE source = %(source)s AND timestamp > now() - %(since)s GROUP BY exchange, market",
                {"source": source, "since": since_seconds},
            )
            found.update({(source, data_type, exchange, market): newest for exchange, market, newest in rows})
        return found

    def server_started(self) -> int:
        """Return when ClickHouse was started, in seconds, give or take one.

        Raises:
            UnavailableError: ClickHouse cannot be asked.
        """
        started: int = self._clickhouse.query("SELECT toUnixTimestamp(now()) - uptime()")[0][0]
        return started

    def rewind_start(self, epoch: int, seconds: float) -> int:
        """Return the first sequence whose rows may have been inserted in the last seconds before a crash.

        Messages are stored in order, so everything up to the newest row that is older was inserted before it. The crash
        came no earlier than the insert of the stream's last row; one that seems newer is of a clock that ran ahead.

        Raises:
            UnavailableError: ClickHouse cannot be asked.
        """
        tables = [self._table(data_type) for data_type in self._data_types]
        places = " UNION ALL ".join(
            f"SELECT stream_seq, inserted_at FROM {table} WHERE stream_epoch = %(epoch)s" for table in tables
        )
        last: int = self._clickhouse.query(
            f"WITH (SELECT argMax(inserted_at, stream_seq) FROM ({places})) AS newest"
            f" SELECT maxIf(stream_seq, inserted_at < newest - toIntervalSecond(%(seconds)s)) FROM ({places})",
            {"epoch": epoch, "seconds": int(seconds)},
        )[0][0]
        return last + 1

    def close(self) -> None:
        """Disconnect."""
        self._clickhouse.close()

    def _store_rows(self, rows: Rows, messages: dict[int, Message], result: Stored) -> None:
        """Insert rows; where the server refuses them, find the message that is to blame by halving."""
        try:
            self._insert(rows, result)
        except ContractError as error:
            self._may_be_stored(rows)
            sequences = sorted(set(rows.columns["stream_seq"]))
            if len(sequences) == 1:
                letter = DeadLetter(messages[sequences[0]], "refused", error.message, len(rows))
                result.dead.append(letter)
                return
            for part in rows.split(sequences[len(sequences) // 2]):
                self._store_rows(part, messages, result)

    def _insert(self, rows: Rows, result: Stored) -> None:
        missing = self._missing(rows)
        fresh = missing.select(self._identities.new(missing))
        if len(fresh):
            self._clickhouse.insert(self._database, rows.table, fresh.columns)
        self._may_be_stored(rows)
        self._identities.learn(rows)
        result.inserted[rows.data_type] += len(fresh)
        counted = self._counted_up_to
        of_missing, of_fresh = missing.count_after(counted), fresh.count_after(counted)
        result.stored[rows.data_type] += rows.count_after(counted) - of_missing + of_fresh
        result.duplicates[rows.data_type] += of_missing - of_fresh
        _note_times(rows, result)

    def _may_be_stored(self, rows: Rows) -> None:
        last = rows.columns["stream_seq"][-1]
        self._stored_up_to[rows.data_type] = max(self._stored_up_to[rows.data_type], last)

    def _missing(self, rows: Rows) -> Rows:
        """Return the rows that the table does not have yet, by their place in the stream."""
        sequences, times = rows.columns["stream_seq"], rows.columns["timestamp"]
        if sequences[0] > self._stored_up_to[rows.data_type]:
            return rows
        source = (
            f"FROM {self._table(rows.data_type)}"
            " WHERE stream_epoch = %(epoch)s AND stream_seq BETWEEN %(first)s AND %(last)s"
            " AND timestamp BETWEEN fromUnixTimestamp64Micro(%(first_us)s, 'UTC')"
            " AND fromUnixTimestamp64Micro(%(last_us)s, 'UTC')"
        )
        bounds: dict[str, object] = {
            "epoch": self._epoch,
            "first": sequences[0],
            "last": sequences[-1],
            "first_us": min(times),
            "last_us": max(times),
        }
        self.probes.queries += 1
        places = [sequence << _ITEM_BITS | item for sequence, item in rows.keys(("stream_seq", "item"))]
        # Mostly all or nothing is there, and then one row tells.
        found = self._clickhouse.query(f"SELECT count(), sum({_PLACE}), groupBitXor({_PLACE}) {source}", bounds)[0]
        if found == (len(places), sum(places) % 2**64, reduce(xor, places)):
            self.probes.rows_present += len(places)
            return rows.select([])
        present = set(self._clickhouse.columns(f"SELECT {_PLACE} {source}", bounds)[0]) if found[0] else set()
        self.probes.rows_present += len(present)
        return rows.select([index for index, place in enumerate(places) if place not in present])

    def _settle(self) -> None:
        """Wait until no earlier insert can still come true: a lost connection does not end it on the server.

        Raises:
            UnavailableError: One is still running after the longest time that a query may be silent.
        """
        self._clickhouse.query("SELECT 1")
        self._sleep(_SETTLE_SECONDS)
        for _ in range(int(SEND_RECEIVE_SECONDS / _POLL_SECONDS)):
            if not any(self._clickhouse.is_inserting(self._database, TABLES[name]) for name in self._data_types):
                return
            self._sleep(_POLL_SECONDS)
        raise UnavailableError(
            "an insert of unknown outcome is still running", remedy="look at system.processes and the disk"
        )

    def _table(self, data_type: str) -> str:
        return f"{self._database}.{TABLES[data_type].name}"


def _note_times(rows: Rows, result: Stored) -> None:
    columns, newest_us = rows.columns, result.newest_us
    source, exchange, market = (columns[name] for name in ("source", "exchange", "market"))
    for place in rows.messages():
        feed = (source[place.start], rows.data_type, exchange[place.start], market[place.start])
        newest_us[feed] = max(newest_us.get(feed, 0), *columns["timestamp"][place])
    if columns["source"][0] != Source.REPLAYED:
        receipt_us = columns["timestamp"][0] + columns["receive_delay_us"][0]
        result.oldest_receipt_us = min(receipt_us, result.oldest_receipt_us or receipt_us)
