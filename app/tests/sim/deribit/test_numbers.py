import pytest

from marketprism.sim.deribit.numbers import number


@pytest.mark.parametrize(
    ("units", "digits", "text"),
    [
        (633_445, 1, "63344.5"),
        (633_440, 1, "63344"),
        (20, 0, "20"),
        (0, 8, "0"),
        (10_036, 8, "0.00010036"),
        (2_081, 8, "2.081e-05"),
        (-9_230, 9, "-9.23e-06"),
        (-470, 9, "-4.7e-07"),
        (1, 12, "1e-12"),
        (-5, 1, "-0.5"),
        (716_004_750, 0, "716004750"),
    ],
)
def test_numbers_are_printed_exactly_and_short(units: int, digits: int, text: str) -> None:
    assert bytes(number(units, digits)).decode() == text
    assert float(text) == units / 10**digits
