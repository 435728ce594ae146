"""A JSON number keeps its digits, and an exponent is written out exactly."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketprism.contract.numbers import is_decimal, parse
from marketprism.errors import ContractError
from marketprism.venues.deribit import decimals
from tests.venues.deribit.frames import raw


@pytest.mark.parametrize(
    ("sent", "text"),
    [
        ("63324.5", "63324.5"),
        ("63325", "63325"),
        ("4714.0", "4714.0"),
        ("-0.0095", "-0.0095"),
        ("2.081e-05", "0.00002081"),
        ("-9.23e-05", "-0.0000923"),
        ("4.7E-7", "0.00000047"),
        ("1e-18", "0.000000000000000001"),
        ("1.5e1", "15"),
        ("1.25e+1", "12.5"),
        ("1E5", "100000"),
        ("0.5e1", "5"),
        ("0e-8", "0.00000000"),
        ("0.1234567890123456", "0.1234567890123456"),
    ],
)
def test_a_number_becomes_plain_text_of_the_same_value(sent: str, text: str) -> None:
    assert decimals.signed("rate", raw(sent)) == text


@pytest.mark.parametrize(
    ("sent", "text"),
    [
        ("1.0000000000000000005", "1.000000000000000001"),
        ("1.0000000000000000004999", "1"),
        ("-1.5e-18", "-0.000000000000000002"),
        ("1e-19", "0"),
        ("0.0000004", "0.0000004"),
    ],
)
def test_a_computed_number_is_rounded_half_away_from_zero(sent: str, text: str) -> None:
    assert decimals.computed("rate", raw(sent)) == text


def test_a_computed_number_that_is_none_is_refused() -> None:
    with pytest.raises(ContractError, match="rate"):
        decimals.computed("rate", raw('"5"'))


@pytest.mark.parametrize(
    "sent",
    [
        "",
        "null",
        "true",
        '"5"',
        "[1]",
        '{"a":1}',
        "NaN",
        "Infinity",
        "1e-19",
        "1e20",
        "1e99",
        "1e400",
        "9" * 21,
        "é",
        "1_0",
    ],
)
def test_what_is_no_number_or_has_too_many_digits_is_refused(sent: str) -> None:
    with pytest.raises(ContractError, match="rate"):
        decimals.signed("rate", raw(sent))


@given(st.integers(-(10**20) + 1, 10**20 - 1), st.integers(0, 18))
def test_every_spelling_of_a_number_has_one_value(digits: int, places: int) -> None:
    text = decimals.signed("rate", raw(f"{digits}e-{places}"))
    assert is_decimal(text)
    assert parse(text) == digits * 10 ** (18 - places)


def test_signs_are_checked_where_they_matter() -> None:
    assert decimals.unsigned("amount", raw("0")) == "0"
    assert decimals.positive("price", raw("0.5")) == "0.5"
    with pytest.raises(ContractError, match="amount -1 is negative"):
        decimals.unsigned("amount", raw("-1"))
    for zero in ("0", "0.0", "0e-5"):
        with pytest.raises(ContractError, match="price is zero"):
            decimals.positive("price", raw(zero))


def test_a_missing_price_is_none() -> None:
    assert decimals.optional("mark_price", raw("")) is None
    assert decimals.optional("mark_price", raw("null")) is None
    assert decimals.optional("mark_price", raw("5.5")) == "5.5"
