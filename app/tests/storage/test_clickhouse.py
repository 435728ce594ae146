"""What an error means is decided in one place, and the insert is rendered from the contract."""

import pytest
from clickhouse_driver import errors

from marketprism.contract.tables import TABLES
from marketprism.errors import ContractError, UnavailableError
from marketprism.storage.clickhouse import explain, insert_statement, wire_type


@pytest.mark.parametrize(
    ("error", "expected", "words"),
    [
        (errors.ServerException("x", code=407), ContractError, "decimal overflow"),
        (errors.ServerException("x", code=53), ContractError, "type mismatch"),
        (errors.TypeMismatchError("x"), ContractError, "driver refuses"),
        (errors.ServerException("x", code=60), UnavailableError, "marketprism schema apply"),
        (errors.ServerException("x", code=243), UnavailableError, "free space"),
        (errors.ServerException("x", code=999), UnavailableError, "error 999"),
        (errors.SocketTimeoutError("x"), UnavailableError, "away"),
        (ConnectionResetError("x"), UnavailableError, "away"),
        (EOFError("x"), UnavailableError, "away"),
    ],
)
def test_errors_are_sorted_by_what_can_be_done(error: Exception, expected: type[Exception], words: str):
    explained = explain(error, "127.0.0.1:9000")
    assert type(explained) is expected
    assert words in str(explained)


def test_a_servers_stack_trace_is_left_out():
    assert "frame" not in str(explain(errors.ServerException("bad. Stack trace: frame", code=60), "x"))


def test_numbers_travel_as_text_and_become_decimals_in_the_server():
    statement = insert_statement("marketprism_hot", TABLES["trade"])
    assert "price String" in statement
    assert "toDecimal128(price, 18)" in statement


def test_the_time_of_an_event_travels_as_a_number():
    statement = insert_statement("marketprism_hot", TABLES["trade"])
    assert "timestamp Int64" in statement
    assert "fromUnixTimestamp64Micro(timestamp)" in statement


def test_no_decimal_column_is_sent_as_decimal():
    sent = {wire_type(column) for table in TABLES.values() for column in table.inserted}
    assert not [name for name in sent if "Decimal" in name or "Enum" in name]
