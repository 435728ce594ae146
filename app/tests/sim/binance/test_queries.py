import pytest

from marketprism.sim.binance.queries import BadRequestError, InvalidSymbolError, limit, number, symbol


@pytest.mark.parametrize(("text", "value"), [("12", 12), ("0", 0), ("-1", None), ("x", None), ("", None), (None, None)])
def test_only_natural_numbers_are_numbers(text: str | None, value: int | None) -> None:
    assert number(text) == value


def test_a_limit_has_a_default_and_a_most() -> None:
    assert [limit(query, 30, 500) for query in ({}, {"limit": "7"}, {"limit": "9000"})] == [30, 7, 500]


@pytest.mark.parametrize("wrong", ["0", "x", "-5"])
def test_a_limit_that_is_none_is_refused(wrong: str) -> None:
    with pytest.raises(BadRequestError) as refused:
        limit({"limit": wrong}, 30, 500)
    assert refused.value.code == -1130


def test_a_symbol_must_be_named() -> None:
    assert symbol({"symbol": "BTCUSDT"}) == "BTCUSDT"
    with pytest.raises(BadRequestError) as refused:
        symbol({})
    assert (refused.value.code, InvalidSymbolError().code) == (-1102, -1121)
