"""Numbers stay exact from text to integer and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketprism.contract import numbers
from marketprism.errors import ContractError

decimal_texts = st.builds(
    lambda sign, whole, fraction: f"{sign}{whole}" + (f".{fraction}" if fraction else ""),
    st.sampled_from(["", "-"]),
    st.integers(0, 10**13).map(str),
    st.text("0123456789", max_size=18),
)


@given(decimal_texts)
def test_parse_is_exact(text: str) -> None:
    whole, _, fraction = text.lstrip("-").partition(".")
    expected = int(whole + fraction) * 10 ** (18 - len(fraction))
    assert numbers.parse(text) == (-expected if text.startswith("-") else expected)


@given(st.lists(st.integers(0, 10**9).map(lambda n: f"{n // 1000}.{n % 1000:03}"), max_size=50))
def test_int64_and_scale_give_the_text_back(texts: list[str]) -> None:
    integers, scale = numbers.to_int64("price", texts)
    assert [integer * 10 ** (18 - scale) for integer in integers] == [numbers.parse(text) for text in texts]


@given(st.lists(st.tuples(st.integers(-(10**9), 10**9), st.integers(0, 8)), min_size=1, max_size=20))
def test_texts_need_not_have_the_same_number_of_decimals(pairs: list[tuple[int, int]]) -> None:
    texts = [numbers.to_text(number * 10 ** (18 - decimals)) for number, decimals in pairs]
    integers, scale = numbers.to_int64("price", texts)
    assert [integer * 10 ** (18 - scale) for integer in integers] == [numbers.parse(text) for text in texts]
    assert scale == max(len(text.partition(".")[2]) for text in texts), "to_text leaves no zeros at the end"


def test_the_scale_ignores_trailing_zeros() -> None:
    assert numbers.to_int64("price", ["61837.63000000", "0.50000000"]) == ([6183763, 50], 2)


def test_a_tick_of_1e_minus_12_keeps_its_digits() -> None:
    assert numbers.to_int64("price", ["0.000000000001", "0.000000000013"]) == ([1, 13], 12)


def test_a_spread_beyond_64_bits_is_refused_with_a_remedy() -> None:
    with pytest.raises(ContractError, match=r"do not fit 64 bits.*dead letters"):
        numbers.to_int64("price", ["10000000000000", "0.00000001"])


@pytest.mark.parametrize(
    "text", ["1e-5", "", ".5", "5.", "+1", "1_000", " 1", "NaN", "0x1", "1.0000000000000000001", "٣"]
)
def test_what_is_not_plain_decimal_text_is_refused(text: str) -> None:
    assert not numbers.is_decimal(text)
    with pytest.raises(ContractError, match=r"price .* is not a decimal number"):
        numbers.require_decimal("price", text)
    with pytest.raises(ContractError, match=r"price .* is not a decimal number"):
        numbers.require_decimals("price", ["1", text, "2"])


@pytest.mark.parametrize(
    "text", ["0", "-1.5", "0.000000000001", "10000000000000", "0.0001000000000000", "1." + "0" * 30]
)
def test_plain_decimal_text_passes_unchanged(text: str) -> None:
    assert numbers.require_decimal("price", text) == text
    assert numbers.require_decimals("price", [text, "1"]) == [text, "1"]


@pytest.mark.parametrize(
    ("left", "right", "product"),
    [
        ("34.95", "0.01", "0.3495"),
        ("1", "1000", "1000"),
        ("0", "5", "0"),
        ("-2.50", "4", "-10"),
        ("0.1", "0.1", "0.01"),
    ],
)
def test_products_are_exact(left: str, right: str, product: str) -> None:
    assert numbers.multiply(left, right) == product


def test_a_product_with_too_many_digits_is_refused() -> None:
    for left, right in (("0.0000000001", "0.0000000001"), ("99999999999", "99999999999")):
        with pytest.raises(ContractError, match="too many digits"):
            numbers.multiply(left, right)


@pytest.mark.parametrize(
    ("dividend", "divisor", "quotient"),
    [
        ("20", "63344.5", "0.000315733804829149"),
        ("1", "3", "0.333333333333333333"),
        ("2", "3", "0.666666666666666667"),
        ("-2", "3", "-0.666666666666666667"),
        ("1.5", "0.5", "3"),
    ],
)
def test_quotients_are_rounded_to_eighteen_decimals(dividend: str, divisor: str, quotient: str) -> None:
    assert numbers.divide(dividend, divisor) == quotient


def test_nothing_is_divided_by_zero() -> None:
    with pytest.raises(ContractError, match="divided by zero"):
        numbers.divide("1", "0.00")


@pytest.mark.parametrize("text", ["9" * 5000, "9" * 5000 + ".5", "-" + "9" * 5000, "0" * 5000, "0" * 21])
def test_more_digits_than_a_column_has_are_refused(text: str) -> None:
    """Python itself refuses to make an integer of more than 4,300 digits, and with another exception."""
    with pytest.raises(ContractError, match=r"price .* is not a decimal number"):
        numbers.to_int64("price", [text, "1"])
    with pytest.raises(ContractError, match=r"price .* is not a decimal number"):
        numbers.to_int64("price", [text])


def test_leading_zeros_and_zeros_at_the_end_are_no_digits_too_many() -> None:
    assert numbers.to_int64("price", ["00000000000000000012.50", "1.25"]) == ([1250, 125], 2)
    assert numbers.to_int64("price", ["1.5" + "0" * 5000, "2"]) == ([15, 20], 1)
