from dataclasses import replace
from typing import Any

import msgspec

from marketprism.sim.deribit import frames
from marketprism.sim.deribit.listings import listing
from marketprism.sim.facts import DepthUpdate, Fill, Mark, OpenInterest, Top, Volatility
from marketprism.sim.instruments import Pair

NOW_MS = 1_786_563_104_514
FOUND = listing(Pair("BTC", "USD"))
assert FOUND
BITCOIN = FOUND
MARK = Mark(
    mark=126_683_740,
    average=0,
    index=126_650_380,
    settle=127_599_920,
    rate=208_100_000_000,
    funding_ms=0,
    interval_ms=0,
)
TOP = Top(1, 126_688, 5_806, 126_689, 998)


def wire(data: Any) -> Any:
    return msgspec.json.decode(msgspec.json.encode(data))


def test_a_trade_is_in_dollars_and_contracts_with_a_sequence_of_its_instrument() -> None:
    row = wire(frames.trade(BITCOIN, Fill(296_152_987, 126_689, 2, buyer_is_maker=False), MARK, NOW_MS))
    assert row == {
        "timestamp": 1_786_563_104_514,
        "price": 63_344.5,
        "direction": "buy",
        "index_price": 63_325.19,
        "trade_id": "440192723",
        "instrument_name": "BTC-PERPETUAL",
        "trade_seq": 296_152_987,
        "amount": 20,
        "mark_price": 63_341.87,
        "tick_direction": 1,
        "starbase_match_id": "178656310451452987",
        "contracts": 2,
        "starbase_timestamp": 1_786_563_104_514_000_000,
    }


def test_a_forced_trade_says_that_its_taker_was_liquidated() -> None:
    row = frames.trade(BITCOIN, Fill(1, 126_689, 2, buyer_is_maker=True, forced=True), None, NOW_MS)
    assert (row["liquidation"], row["direction"]) == ("T", "sell")


def test_a_book_starts_with_new_levels() -> None:
    data = wire(frames.snapshot(BITCOIN, 169_600_103_289, [(126_649, 37_228)], [(126_650, 773)], NOW_MS))
    assert (data["type"], data["change_id"], "prev_change_id" in data) == ("snapshot", 169_600_103_289, False)
    assert (data["bids"], data["asks"]) == ([["new", 63_324.5, 372_280]], [["new", 63_325, 7_730]])


def test_a_change_says_what_happened_to_each_level() -> None:
    update = DepthUpdate(
        100, 5, 9, 4, [(126_649, 0), (126_640, 1), (126_630, 0)], [(126_650, 3)], TOP, frozenset({126_640, 126_630})
    )
    data = wire(frames.change(BITCOIN, update, 4, NOW_MS))
    assert (data["type"], data["change_id"], data["prev_change_id"]) == ("change", 9, 4)
    assert data["bids"] == [["delete", 63_324.5, 0], ["new", 63_320, 10]]  # the third came and went unseen
    assert data["asks"] == [["change", 63_325, 30]]


def test_the_ticker_tells_funding_and_open_interest_as_numbers() -> None:
    encoded = msgspec.json.encode(
        frames.ticker(BITCOIN, MARK, OpenInterest(71_600_475), TOP, last_price=126_688, now_ms=NOW_MS)
    )
    assert b'"current_funding":2.081e-05' in encoded
    data = msgspec.json.decode(encoded)
    assert (data["open_interest"], data["mark_price"], data["last_price"]) == (716_004_750, 63_341.87, 63_344)
    assert (data["best_bid_price"], data["best_bid_amount"]) == (63_344, 58_060)
    negative = frames.ticker(
        BITCOIN, replace(MARK, rate=-1_003_600_000_000), OpenInterest(1), TOP, last_price=1, now_ms=NOW_MS
    )
    assert bytes(negative["current_funding"]) == b"-0.00010036"


def test_volatility_is_in_percent() -> None:
    assert wire(frames.volatility("btc_usd", Volatility(12_936), 1_619_777_946_007)) == {
        "volatility": 129.36,
        "timestamp": 1_619_777_946_007,
        "index_name": "btc_usd",
    }


def test_metadata_tells_the_contract_apart() -> None:
    linear = listing(Pair("BTC", "USDC"))
    assert linear
    told = [wire(frames.instrument(each)) for each in (BITCOIN, linear)]
    names = ("instrument_type", "tick_size", "contract_size", "min_trade_amount", "settlement_currency", "kind")
    assert [[row[name] for name in names] for row in told] == [
        ["reversed", 0.5, 10, 10, "BTC", "future"],
        ["linear", 0.5, 0.0001, 0.0001, "USDC", "future"],
    ]


def test_the_truth_log_notes_ids_counts_and_the_best_levels() -> None:
    data = frames.change(BITCOIN, DepthUpdate(100, 5, 9, 4, [(1, 1)], [], TOP), 4, NOW_MS)
    assert wire(frames.shortened_book(BITCOIN, data, TOP)) == {
        "timestamp": NOW_MS,
        "type": "change",
        "change_id": 9,
        "instrument_name": "BTC-PERPETUAL",
        "prev_change_id": 4,
        "levels": [1, 0],
        "bid": [63_344, 58_060],
        "ask": [63_344.5, 9_980],
    }
