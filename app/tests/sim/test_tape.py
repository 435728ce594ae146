from marketprism.sim.facts import Aggregate, Fill, Volatility
from marketprism.sim.tape import Tape


def tape(most: int = 100, count: int = 10) -> Tape:
    """Fills 1 to 10, published at 1000, 1010, …"""
    found = Tape(most)
    for number in range(1, count + 1):
        found.note(Fill(number, 5, 1, buyer_is_maker=True), 990 + 10 * number)
    return found


def test_trades_are_found_by_id_by_time_and_from_the_end() -> None:
    fills = tape().fills
    assert [each.trade.trade_id for each in fills.since(4, 3)] == [4, 5, 6]
    assert [each.trade.trade_id for each in fills.latest(2)] == [9, 10]
    assert [each.trade.trade_id for each in fills.between(1010, 1030, 100)] == [2, 3, 4]
    assert [each.at_ms for each in fills.since(10, 5)] == [1090]


def test_what_is_forgotten_or_still_to_come_is_not_made_up() -> None:
    fills = tape(most=3).fills
    assert [each.trade.trade_id for each in fills.since(1, 100)] == [8, 9, 10]
    assert fills.since(11, 100) == []
    assert tape(count=0).fills.latest(5) == []


def test_aggregates_have_a_reel_of_their_own_and_other_facts_none() -> None:
    found = tape()
    found.note(Aggregate(7, 5, 1, 0, 1, 2, buyer_is_maker=True), 2_000)
    found.note(Volatility(5_000), 2_000)
    assert [each.trade.aggregate_id for each in found.aggregates.since(7, 9)] == [7]
    assert len(found.fills.latest(99)) == 10
