"""Events in the tables of the real engine, put there as a storage service that has just started would do it."""

from collections import defaultdict
from collections.abc import Iterable
from itertools import count

from marketprism.contract import wire
from marketprism.contract.catalog import CLICKHOUSE_USERS, DATA_TYPES, HOT_DATABASE, STREAMS, subject
from marketprism.contract.instruments import Source
from marketprism.pipeline.outputs import Record
from marketprism.storage.clickhouse import ClickHouse
from marketprism.storage.consumer import Message
from marketprism.storage.decoding import decode
from marketprism.storage.writer import Writer
from tests.integration.servers import PASSWORDS, ClickHouseServer

_sequences = count(1)


def store(server: ClickHouseServer, records: Iterable[Record]) -> None:
    """Store what a feed gave out, in its order."""
    clickhouse = ClickHouse(
        host="127.0.0.1",
        native_port=server.native_port,
        http_port=server.http_port,
        user=CLICKHOUSE_USERS["writer"],
        password=PASSWORDS["clickhouse-writer"],
    )
    messages = defaultdict(list)
    for record in records:
        sequence = next(_sequences)
        payload = wire.encode(record.data_type, Source.SIMULATED, record.instrument, [record.event])
        stream = DATA_TYPES[record.data_type].stream
        place = f"$JS.ACK.{stream}.storage-hot.1.{sequence}.{sequence}.0.0"
        name = subject(record.data_type, record.instrument)
        messages[stream].append(Message(name, payload, sequence, sequence, 1, 0, place))
    try:
        for stream, batch in messages.items():
            writer = Writer(clickhouse, HOT_DATABASE, STREAMS[stream], sleep=lambda _: None)
            writer.begin(7, 0)
            stored = writer.store(decode(batch, 7))
            assert not stored.dead, [letter.detail for letter in stored.dead]
    finally:
        clickhouse.close()
