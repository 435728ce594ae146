"""Drift is found column by column, and only what loses nothing is changed."""

from dataclasses import replace

from marketprism.contract.catalog import STREAMS
from marketprism.contract.schema import consumer_config
from marketprism.contract.tables import TABLES
from marketprism.ops.drift import LiveColumn, LiveTable, config_drift, engine_settings, table_drift

TRADES = TABLES["trade"]


def live() -> LiveTable:
    """The contract's trades as a server prints them."""
    columns = [
        LiveColumn(
            name=column.name,
            type=column.type,
            default_kind="ALIAS" if column.alias else "DEFAULT" if column.default else "",
            default_expression=column.alias or column.default,
            codec=f"CODEC({column.codec.replace('Delta', 'Delta(8)').replace('GCD', 'GCD(16)')})"
            if column.codec
            else "",
        )
        for column in TRADES.columns
    ]
    settings = engine_settings(f"MergeTree SETTINGS index_granularity = 8192, {', '.join(TRADES.settings)}")
    return LiveTable(
        engine="MergeTree",
        partition_by="toDate(timestamp)",
        order_by=", ".join(TRADES.order_by),
        settings=settings,
        columns=columns,
        indices=["by_stream_seq"],
    )


def changed(name: str, **changes: str) -> LiveTable:
    table = live()
    columns = [replace(c, **changes) if c.name == name else c for c in table.columns]
    return replace(table, columns=columns)


def test_the_contract_itself_has_no_drift():
    assert table_drift(TRADES, "hot", live()) == []


def test_a_missing_table_is_made():
    (change,) = table_drift(TRADES, "hot", None)
    assert change.statement.startswith("CREATE TABLE IF NOT EXISTS hot.trades")


def test_a_missing_column_is_added_at_its_place():
    table = live()
    without = replace(table, columns=[c for c in table.columns if c.name != "trade_id"])
    (change,) = table_drift(TRADES, "hot", without)
    assert change.statement == (
        "ALTER TABLE hot.trades ADD COLUMN `trade_id` UInt64 CODEC(DoubleDelta, ZSTD(1)) AFTER `id_kind`"
    )


def test_a_changed_type_is_refused():
    (change,) = table_drift(TRADES, "hot", changed("price", type="Float64"))
    assert change.statement is None
    assert "'Float64', the contract says 'Decimal(38, 18)'" in change.text
    assert change.remedy


def test_a_changed_codec_is_corrected():
    (change,) = table_drift(TRADES, "hot", changed("price", codec="CODEC(NONE)"))
    assert change.statement == "ALTER TABLE hot.trades MODIFY COLUMN `price` Decimal(38, 18) CODEC(GCD, ZSTD(1))"


def test_a_changed_alias_is_corrected():
    (change,) = table_drift(TRADES, "hot", changed("event_time", default_expression="timestamp"))
    assert "ALIAS timestamp + toIntervalMicrosecond(event_delay_us)" in change.statement


def test_a_column_that_became_an_alias_is_refused():
    (change,) = table_drift(TRADES, "hot", changed("trade_id", default_kind="ALIAS", default_expression="1"))
    assert change.statement is None


def test_another_sorting_key_is_refused():
    (change,) = table_drift(TRADES, "hot", replace(live(), order_by="timestamp"))
    assert change.statement is None
    assert "ORDER BY" in change.text


def test_a_changed_setting_is_corrected():
    settings = {**live().settings, "fsync_after_insert": "0"}
    (change,) = table_drift(TRADES, "hot", replace(live(), settings=settings))
    assert change.statement == "ALTER TABLE hot.trades MODIFY SETTING fsync_after_insert = 1"


def test_a_missing_index_is_added():
    (change,) = table_drift(TRADES, "hot", replace(live(), indices=[]))
    assert change.statement.startswith("ALTER TABLE hot.trades ADD INDEX by_stream_seq")


def test_a_consumer_that_gives_up_is_drift():
    wanted = consumer_config(STREAMS["MARKET_DATA"])
    assert config_drift("c", wanted, wanted) == []
    assert config_drift("c", wanted, {**wanted, "max_deliver": 5}) == ["c: max_deliver is 5, wanted -1"]


def test_what_the_server_leaves_out_is_false():
    assert config_drift("s", {"deny_delete": False}, {}) == []
    assert config_drift("s", {"deny_delete": False}, {"deny_delete": True}) != []
