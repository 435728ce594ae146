import pytest

from marketprism.sim.ladder import Side


@pytest.fixture(params=[1, -1], ids=["asks", "bids"])
def sign(request: pytest.FixtureRequest) -> int:
    return int(request.param)


def test_best_level_is_the_lowest_ask_and_the_highest_bid() -> None:
    levels = [(10, 1), (12, 2), (11, 3)]
    assert (Side(1, levels).best, Side(-1, levels).best) == (10, 12)
    assert Side(-1, levels).top() == [(12, 2), (11, 3), (10, 1)]


def test_put_replaces_adds_and_removes(sign: int) -> None:
    side = Side(sign, [(10, 1), (20, 2)])
    side.put(15, 9)
    side.put(10, 4)
    side.put(20, 0)
    assert sorted(side.top()) == [(10, 4), (15, 9)]
    assert len(side) == 2


def test_removing_a_level_that_is_not_there_changes_nothing(sign: int) -> None:
    side = Side(sign, [(10, 1)])
    side.put(11, 0)
    assert side.top() == [(10, 1)]


def test_behind_moves_away_from_the_other_side() -> None:
    assert Side(1, [(10, 1)]).behind(3) == 13
    assert Side(-1, [(10, 1)]).behind(3) == 7
