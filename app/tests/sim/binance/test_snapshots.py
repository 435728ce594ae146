from typing import Any

import pytest


async def test_spot_snapshot_is_deep_sorted_and_not_crossed(get: Any) -> None:
    status, book, weight = await get("/spot/api/v3/depth?symbol=BTCUSDT&limit=5000")
    bids, asks = [float(price) for price, _ in book["bids"]], [float(price) for price, _ in book["asks"]]
    assert (status, weight) == (200, 250)
    assert min(len(bids), len(asks)) >= 500
    assert bids == sorted(bids, reverse=True)
    assert asks == sorted(asks)
    assert bids[0] < asks[0]
    assert set(book) == {"lastUpdateId", "bids", "asks"}


@pytest.mark.parametrize(
    ("path", "levels", "weight"),
    [
        ("/spot/api/v3/depth?symbol=BTCUSDT", 100, 5),
        ("/spot/api/v3/depth?symbol=BTCUSDT&limit=7", 7, 5),
        ("/spot/api/v3/depth?symbol=BTCUSDT&limit=500", 500, 25),
        ("/usdm/fapi/v1/depth?symbol=BTCUSDT", 500, 1),
        ("/usdm/fapi/v1/depth?symbol=BTCUSDT&limit=100", 100, 5),
    ],
)
async def test_levels_and_weight_follow_the_limit(get: Any, path: str, levels: int, weight: int) -> None:
    status, book, used = await get(path)
    assert (status, len(book["bids"]), used) == (200, levels, weight)


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/spot/api/v3/depth?symbol=NOSUCHUSDT", -1121),
        ("/spot/api/v3/depth?symbol=btcusdt", -1121),
        ("/spot/api/v3/depth", -1102),
        ("/spot/api/v3/depth?symbol=BTCUSDT&limit=x", -1130),
        ("/usdm/fapi/v1/depth?symbol=BTCUSDT&limit=7", -4021),
        ("/usdm/fapi/v1/exchangeInfo?symbol=NOSUCHUSDT", -1121),
    ],
)
async def test_a_wrong_request_is_refused_and_still_costs_weight(get: Any, path: str, code: int) -> None:
    status, error, used = await get(path)
    assert (status, error["code"]) == (400, code)
    assert used > 0


async def test_metadata_lists_all_symbols_of_a_market(get: Any) -> None:
    _, spot, weight = await get("/spot/api/v3/exchangeInfo")
    _, futures, _ = await get("/usdm/fapi/v1/exchangeInfo?symbol=ETHUSDT")
    assert [each["symbol"] for each in spot["symbols"]] == ["BTCUSDT", "ETHUSDT"]
    assert [each["symbol"] for each in futures["symbols"]] == ["ETHUSDT"]
    assert weight == 20
