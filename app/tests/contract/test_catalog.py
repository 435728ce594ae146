"""The catalogue agrees with itself: every subject has one stream, every implemented type a table and a reader."""

from marketprism.contract import catalog
from marketprism.contract.tables import TABLES


def test_every_data_type_is_captured_by_exactly_one_stream() -> None:
    for data_type in catalog.DATA_TYPES.values():
        capturing = [s.name for s in catalog.STREAMS.values() if f"{data_type.name}.>" in s.subjects]
        assert capturing == [data_type.stream]


def test_every_data_type_has_a_table_and_a_reader() -> None:
    assert set(catalog.DATA_TYPES) == set(TABLES)
    for data_type in catalog.DATA_TYPES.values():
        assert TABLES[data_type.name].name == data_type.table
        assert catalog.STREAMS[data_type.stream].consumer is not None


def test_identities_are_columns() -> None:
    for data_type in catalog.DATA_TYPES.values():
        columns = {column.name for column in TABLES[data_type.name].columns}
        assert {*data_type.identity, *data_type.series, data_type.growing} <= columns


def test_ports_are_distinct() -> None:
    assert len(set(catalog.PORTS.values())) == len(catalog.PORTS)


def test_streams_never_promise_more_than_the_store() -> None:
    assert sum(stream.share for stream in catalog.STREAMS.values()) <= 1


def test_storage_may_acknowledge_and_purge_what_it_reads_but_not_make_or_delete_anything() -> None:
    allowed = catalog.NATS_USERS["storage"].publish
    read = [stream.name for stream in catalog.STREAMS.values() if stream.consumer is not None]
    assert "$JS.ACK.MARKET_DATA.storage-hot.>" in allowed
    assert [subject for subject in allowed if "PURGE" in subject] == [f"$JS.API.STREAM.PURGE.{name}" for name in read]
    made = [subject for subject in allowed if any(verb in subject for verb in ("CREATE", "DELETE", "UPDATE"))]
    assert made
    assert all(subject.endswith(f".{catalog.REWIND_CONSUMER}") for subject in made), "its own ephemeral consumer alone"


def test_the_collector_publishes_market_data_alone() -> None:
    assert "dead_letter.>" not in catalog.NATS_USERS["collector"].publish
    assert all(f"{name}.>" in catalog.NATS_USERS["collector"].publish for name in catalog.DATA_TYPES)
