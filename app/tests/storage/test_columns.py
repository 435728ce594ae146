"""Envelopes become columns exactly, or are refused."""

import msgspec
import pytest

from marketprism.contract.instruments import ContractUnit
from marketprism.contract.tables import TABLES
from marketprism.errors import ContractError
from marketprism.storage.columns import Rows, identity
from tests.storage.envelopes import NOON_US, SAMPLES, book, envelope, trade


def rows_of(*events, data_type: str = "trade") -> Rows:
    rows = Rows(data_type)
    rows.extend([envelope(*events, data_type=data_type)], 7, [42])
    return rows


@pytest.mark.parametrize("data_type", sorted(TABLES))
def test_every_inserted_column_has_a_value_for_every_row(data_type: str):
    event = SAMPLES[data_type]
    rows = rows_of(event, event, data_type=data_type)
    assert {name: len(column) for name, column in rows.columns.items()} == dict.fromkeys(
        [column.name for column in TABLES[data_type].inserted], 2
    )


def test_a_trade_keeps_its_text_its_times_and_its_place():
    row = {name: column[0] for name, column in rows_of(trade(5, price="0.10")).columns.items()}
    assert row["price"] == "0.10"
    assert row["timestamp"] == NOON_US
    assert row["event_delay_us"] == 3
    assert row["receive_delay_us"] == 5_000
    assert (row["stream_epoch"], row["stream_seq"], row["item"]) == (7, 42, 0)


def test_items_count_the_events_of_a_message():
    assert rows_of(trade(1), trade(2), trade(3)).columns["item"] == [0, 1, 2]


def test_a_book_shares_one_scale_between_its_sides():
    row = {name: column[0] for name, column in rows_of(book(), data_type="orderbook").columns.items()}
    assert (row["price_scale"], row["bid_price_integers"], row["ask_price_integers"]) == (1, [995, 990], [1005])
    assert (row["quantity_scale"], row["bid_quantity_integers"], row["ask_quantity_integers"]) == (3, [1250, 3000], [1])


def test_an_empty_side_is_an_empty_array():
    row = rows_of(book(asks=[]), data_type="orderbook").columns
    assert row["ask_price_integers"] == [[]]


@pytest.mark.parametrize(
    "changes",
    [
        {"price": "NaN"},
        {"price": "1e5"},
        {"price": ""},
        {"price": "0.0000000000000000001"},
        {"price": "123456789012345678901"},
        {"quantity": "-1"},
        {"quantity": "\uff11"},
        {"trade_id": 2**64},
        {"trade_id": -1},
        {"timestamp_us": 0},
        {"timestamp_us": 2**62},
        {"event_us": 2**63},
        {"receive_ns": 0},
    ],
)
def test_what_a_column_cannot_hold_is_refused_and_nothing_is_added(changes: dict[str, object]):
    rows = rows_of(trade(1))
    with pytest.raises(ContractError):
        rows.extend([envelope(trade(2), trade(**{"trade_id": 3, **changes}))], 7, [43])
    assert {len(column) for column in rows.columns.values()} == {1}


@pytest.mark.parametrize(
    "changes", [{"bids": [("x", "1")]}, {"bids": [("1", "-1")]}, {"asks": [("9" * 20, "1")]}, {"update_id": -1}]
)
def test_a_book_that_does_not_fit_is_refused(changes: dict[str, object]):
    with pytest.raises(ContractError):
        rows_of(book(**changes), data_type="orderbook")


def test_an_identity_always_has_its_time():
    assert identity("trade")[-1] == "timestamp"
    assert identity("orderbook").count("timestamp") == 1


def test_rows_are_told_apart_by_message():
    rows = rows_of(trade(1), trade(2), trade(3))
    rows.extend([envelope(trade(4))], 7, [50])
    rows.extend([envelope(trade(5), trade(6))], 7, [51])
    assert [(each.start, each.stop) for each in rows.messages()] == [(0, 3), (3, 4), (4, 6)]
    assert list(Rows("trade").messages()) == []


def test_rows_split_before_a_message():
    rows = rows_of(trade(1), trade(2))
    rows.extend([envelope(trade(3))], 7, [43])
    before, rest = rows.split(43)
    assert (before.columns["trade_id"], rest.columns["trade_id"]) == ([1, 2], [3])


@pytest.mark.parametrize(("after", "expected"), [(41, 3), (42, 1), (43, 0)])
def test_rows_are_counted_after_a_sequence(after: int, expected: int):
    rows = rows_of(trade(1), trade(2))
    rows.extend([envelope(trade(3))], 7, [43])
    assert rows.count_after(after) == expected


def test_a_funding_rate_keeps_sixteen_decimals_and_what_is_unknown_stays_unknown():
    row = {
        name: column[0] for name, column in rows_of(SAMPLES["funding_rate"], data_type="funding_rate").columns.items()
    }
    assert (row["rate"], row["mark_price"], row["index_price"]) == ("-0.0004270396398519", "64000.5", None)
    assert (row["funding_time"], row["interval_seconds"]) == (NOON_US + 3_600_000_000, 28_800)


def test_a_healed_hole_keeps_when_it_was_filled_in_microseconds():
    healed = msgspec.structs.replace(SAMPLES["gap"], healed_by="rest", healed_ns=NOON_US * 1000 + 7_000_999)
    row = {name: column[0] for name, column in rows_of(healed, data_type="gap").columns.items()}
    assert (row["after_id"], row["before_id"], row["size"]) == (5, 9, 3)
    assert (row["healed_by"], row["healed_at"]) == ("rest", NOON_US + 7_000)


def test_a_book_of_contracts_says_what_one_is_worth():
    rows = Rows("orderbook")
    sent = envelope(book(), data_type="orderbook")
    rows.extend([msgspec.structs.replace(sent, contract_size="100", contract_unit=ContractUnit.QUOTE)], 7, [42])
    assert (rows.columns["contract_size"], rows.columns["contract_unit"]) == (["100"], ["quote"])
