"""DDL and stream configurations say what the contract says."""

from marketprism.contract import catalog, schema
from marketprism.contract.tables import TABLES, tables_of


def test_prices_are_exact_decimals() -> None:
    ddl = schema.table_ddl(TABLES["trade"], "marketprism_hot")
    assert ddl.startswith("CREATE TABLE IF NOT EXISTS marketprism_hot.trades\n")
    assert "`price` Decimal(38, 18) CODEC(GCD, ZSTD(1))" in ddl
    assert "Float" not in ddl


def test_hot_tables_have_no_time_to_live() -> None:
    """An event-time TTL would drop replayed history at the first SELECT."""
    tables = tables_of(catalog.HOT_DATABASE)
    assert all("TTL" not in schema.table_ddl(table, catalog.HOT_DATABASE) for table in tables)


def test_every_row_knows_its_place_in_the_stream() -> None:
    for table in TABLES.values():
        assert {"stream_epoch", "stream_seq", "item"} <= {c.name for c in table.inserted}


def test_aliases_and_defaults_are_not_inserted() -> None:
    assert not {c.name for c in TABLES["orderbook"].inserted} & {"bid_prices", "received_at", "inserted_at"}


def test_a_stream_refuses_new_messages_rather_than_dropping_old_ones() -> None:
    config = schema.stream_config(catalog.STREAMS["MARKET_DATA"], store_bytes=1000)
    assert config["discard"] == "new"
    assert config["max_bytes"] == 400
    assert config["storage"] == "file"


def test_only_a_human_ends_a_dead_letter() -> None:
    """Days may pass until one looks; to JetStream no age is 0."""
    configs = {name: schema.stream_config(stream, 1000) for name, stream in catalog.STREAMS.items()}
    assert (configs["DEAD_LETTERS"]["max_age"], configs["DEAD_LETTERS"]["discard"]) == (0, "new")
    assert configs["MARKET_DATA"]["max_age"] == 48 * 3600 * schema.NANOSECONDS


def test_an_outage_cannot_exhaust_the_deliveries() -> None:
    config = schema.consumer_config(catalog.STREAMS["ORDERBOOK_SNAP"])
    assert (config["durable_name"], config["max_deliver"], config["ack_policy"]) == ("storage-hot", -1, "all")
