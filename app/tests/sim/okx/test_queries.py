import pytest

from marketprism.sim.okx.queries import limit, number, required
from marketprism.sim.okx.refusals import RefusedQueryError


def test_numbers_are_natural_ones_or_left_out() -> None:
    assert (number({"after": "7"}, "after"), number({}, "after"), number({"after": ""}, "after")) == (7, None, None)
    with pytest.raises(RefusedQueryError) as refusal:
        number({"after": "-7"}, "after")
    assert refusal.value.code == "51000"


def test_a_limit_is_bounded() -> None:
    assert (limit({}, 100), limit({"limit": "5"}, 100), limit({"limit": "500"}, 100)) == (100, 5, 100)


def test_what_must_be_given_is_asked_for_by_name() -> None:
    with pytest.raises(RefusedQueryError, match="instId") as refusal:
        required({}, "instId")
    assert refusal.value.code == "50014"
