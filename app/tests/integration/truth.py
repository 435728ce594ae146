"""What each row has to be, worked out from the truth log of the simulated exchanges without help of the adapters."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

Frame = dict[str, Any]
Row = tuple[str, object, Frame]
"""Table, the key within its series, and the values."""

PLACES = {
    "binance-spot": ("binance", "spot"),
    "binance-usdm": ("binance", "perpetual"),
    "okx-spot": ("okx", "spot"),
    "okx-swap": ("okx", "perpetual"),
    "deribit": ("deribit", "perpetual"),
}
SYMBOLS = {
    f"{base}{name}": f"{base}-{quote}"
    for base in ("BTC", "ETH")
    for name, quote in (("USDT", "USDT"), ("-USDT", "USDT"), ("-USDT-SWAP", "USDT"), ("-PERPETUAL", "USD"))
}
CONTRACTS = {"BTC-USDT-SWAP": Decimal("0.01"), "ETH-USDT-SWAP": Decimal("0.1")}
"""Coins per contract; elsewhere the exchange counts coins, and Deribit dollars."""
EIGHT_HOURS = 28_800
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def moment(milliseconds: object) -> str:
    """Write a time as ClickHouse does."""
    return (EPOCH + timedelta(milliseconds=int(str(milliseconds)))).strftime("%Y-%m-%d %H:%M:%S.%f")


def coins(symbol: str, contracts: str) -> Frame:
    """Return quantity and contracts of an OKX size."""
    if symbol not in CONTRACTS:
        return {"quantity": Decimal(contracts), "contracts": None}
    return {"quantity": Decimal(contracts) * CONTRACTS[symbol], "contracts": Decimal(contracts)}


def dollars(amount: object, price: object) -> Frame:
    """Return quantity and contracts of a Deribit amount."""
    return {"quantity": Decimal(str(amount)) / Decimal(str(price)), "contracts": Decimal(str(amount))}


def binance_fill(_: str, e: Frame) -> Iterator[Row]:
    fills = {"trade_id": e["t"], "first_fill_id": e["t"], "last_fill_id": e["t"], "id_kind": "fill"}
    yield "trades", e["t"], _binance_trade(e) | fills


def binance_aggregate(_: str, e: Frame) -> Iterator[Row]:
    fills = {"trade_id": e["a"], "first_fill_id": e["f"], "last_fill_id": e["l"], "id_kind": "aggregate"}
    yield "trades", e["a"], _binance_trade(e) | fills


def _binance_trade(e: Frame) -> Frame:
    return {
        "price": Decimal(e["p"]),
        "quantity": Decimal(e["q"]),
        "contracts": None,
        "side": "sell" if e["m"] else "buy",
        "timestamp": moment(e["T"]),
        "event_time": moment(e["E"]),
    }


def binance_depth(_: str, e: Frame) -> Iterator[Row]:
    top = e["top"]
    at = moment(e.get("T", e["E"]))
    change = {"first_update_id": e["U"], "last_update_id": e["u"], "timestamp": at, "levels": e["levels"]}
    yield "orderbook_deltas", e["u"], change
    yield "orderbooks", e["u"], _top((top["b"], top["B"]), (top["a"], top["A"])) | {"timestamp": at}


def okx_book(_: str, e: Frame) -> Iterator[Row]:
    at, update_id = moment(e["ts"]), e["seqId"]
    if e["action"] == "update":
        change = {"first_update_id": update_id, "last_update_id": update_id, "timestamp": at, "levels": e["levels"]}
        yield "orderbook_deltas", update_id, change
    yield "orderbooks", update_id, _top(e["bid"], e["ask"]) | {"timestamp": at}


def deribit_book(_: str, e: Frame) -> Iterator[Row]:
    at, update_id = moment(e["timestamp"]), e["change_id"]
    if e["type"] == "change":
        change = {"first_update_id": update_id, "last_update_id": update_id, "timestamp": at, "levels": e["levels"]}
        yield "orderbook_deltas", update_id, change
    yield "orderbooks", update_id, _top(e["bid"], e["ask"]) | {"timestamp": at}


def _top(bid: Any, ask: Any) -> Frame:
    return {"best": [Decimal(str(number)) for number in (*bid, *ask)]}


def okx_trade(symbol: str, e: Frame) -> Iterator[Row]:
    last = int(e["tradeId"])
    yield (
        "trades",
        last,
        coins(symbol, e["sz"])
        | {
            "trade_id": last,
            "first_fill_id": last - int(e["count"]) + 1,
            "last_fill_id": last,
            "id_kind": "aggregate",
            "price": Decimal(e["px"]),
            "side": e["side"],
            "timestamp": moment(e["ts"]),
            "event_time": moment(e["ts"]),
        },
    )


def deribit_trades(_: str, e: Frame) -> Iterator[Row]:
    for each in e["trades"]:
        number, at = each["trade_seq"], moment(each["timestamp"])
        common = dollars(each["amount"], each["price"]) | {"price": Decimal(str(each["price"])), "timestamp": at}
        ids = {"trade_id": number, "first_fill_id": number, "last_fill_id": number, "id_kind": "fill"}
        yield "trades", number, common | ids | {"side": each["direction"], "event_time": at}
        if "liquidation" in each:
            yield (
                "liquidations",
                (at, common["price"], common["contracts"]),
                common | {"side": liquidated(each["direction"], each["liquidation"])},
            )


def liquidated(taker: str, role: str) -> str:
    """Return the side of the liquidated order: ``T`` was the taker, ``M`` the maker."""
    return taker if role == "T" else {"buy": "sell", "sell": "buy"}[taker]


def binance_funding(_: str, e: Frame) -> Iterator[Row]:
    yield (
        "funding_rates",
        moment(e["E"]),
        {
            "rate": Decimal(e["r"]),
            "funding_time": moment(e["T"]),
            "interval_seconds": None,
            "mark_price": Decimal(e["p"]),
            "index_price": Decimal(e["i"]),
        },
    )


def okx_funding(_: str, e: Frame) -> Iterator[Row]:
    yield (
        "funding_rates",
        moment(e["ts"]),
        {
            "rate": Decimal(e["fundingRate"]),
            "funding_time": moment(e["fundingTime"]),
            "interval_seconds": EIGHT_HOURS,
            "mark_price": None,
            "index_price": None,
        },
    )


def deribit_ticker(_: str, e: Frame) -> Iterator[Row]:
    at, mark = moment(e["timestamp"]), Decimal(str(e["mark_price"]))
    yield (
        "funding_rates",
        at,
        {
            "rate": Decimal(str(e["current_funding"])),
            "funding_time": None,
            "interval_seconds": EIGHT_HOURS,
            "mark_price": mark,
            "index_price": Decimal(str(e["index_price"])),
        },
    )
    yield "open_interests", at, dollars(e["open_interest"], mark)


def binance_interest(_: str, e: Frame) -> Iterator[Row]:
    yield "open_interests", moment(e["time"]), {"quantity": Decimal(e["openInterest"]), "contracts": None}


def okx_interest(_: str, e: Frame) -> Iterator[Row]:
    yield "open_interests", moment(e["ts"]), {"quantity": Decimal(e["oiCcy"]), "contracts": Decimal(e["oi"])}


def binance_liquidation(_: str, e: Frame) -> Iterator[Row]:
    o = e["o"]
    values = {"side": o["S"].lower(), "price": Decimal(o["ap"]), "quantity": Decimal(o["z"]), "contracts": None}
    yield "liquidations", (moment(o["T"]), values["price"], values["quantity"]), values


def okx_liquidation(symbol: str, e: Frame) -> Iterator[Row]:
    for each in e["details"]:
        values = coins(symbol, each["sz"]) | {"side": each["side"], "price": Decimal(each["bkPx"])}
        yield "liquidations", (moment(each["ts"]), values["price"], values["contracts"]), values


def binance_ratio(table: str) -> Callable[[str, Frame], Iterator[Row]]:
    def rows(_: str, e: Frame) -> Iterator[Row]:
        names = {"ratio": "longShortRatio", "long_share": "longAccount", "short_share": "shortAccount"}
        yield table, moment(e["timestamp"]), {ours: Decimal(e[theirs]) for ours, theirs in names.items()}

    return rows


def okx_ratio(table: str) -> Callable[[str, Frame], Iterator[Row]]:
    def rows(_: str, e: Frame) -> Iterator[Row]:
        ratio = Decimal(e["ratio"])
        yield (
            table,
            moment(e["ts"]),
            {"ratio": ratio, "long_share": ratio / (1 + ratio), "short_share": 1 / (1 + ratio)},
        )

    return rows


def volatility(_: str, e: Frame) -> Iterator[Row]:
    yield "volatility_indices", moment(e["timestamp"]), {"value": Decimal(str(e["volatility"]))}


RULES: dict[tuple[str, str], Callable[[str, Frame], Iterator[Row]]] = {
    ("binance-spot", "trade"): binance_fill,
    ("binance-spot", "depthUpdate"): binance_depth,
    ("binance-usdm", "aggTrade"): binance_aggregate,
    ("binance-usdm", "depthUpdate"): binance_depth,
    ("binance-usdm", "markPriceUpdate"): binance_funding,
    ("binance-usdm", "openInterest"): binance_interest,
    ("binance-usdm", "forceOrder"): binance_liquidation,
    ("binance-usdm", "topLongShortPositionRatio"): binance_ratio("lsr_top_positions"),
    ("binance-usdm", "globalLongShortAccountRatio"): binance_ratio("lsr_all_accounts"),
    ("okx-spot", "trades"): okx_trade,
    ("okx-spot", "books"): okx_book,
    ("okx-spot", "snapshot"): okx_book,
    ("okx-swap", "trades"): okx_trade,
    ("okx-swap", "books"): okx_book,
    ("okx-swap", "snapshot"): okx_book,
    ("okx-swap", "funding-rate"): okx_funding,
    ("okx-swap", "open-interest"): okx_interest,
    ("okx-swap", "liquidation-orders"): okx_liquidation,
    ("okx-swap", "long-short-position-ratio-contract-top-trader"): okx_ratio("lsr_top_positions"),
    ("okx-swap", "long-short-account-ratio-contract"): okx_ratio("lsr_all_accounts"),
    ("deribit", "trades"): deribit_trades,
    ("deribit", "book"): deribit_book,
    ("deribit", "snapshot"): deribit_book,
    ("deribit", "ticker"): deribit_ticker,
    ("deribit", "volatility"): volatility,
}

Key = tuple[str, str, str, str, object]
"""Table, exchange, market, symbol, and the key within the series."""


def expected(log: Path) -> dict[Key, Frame]:
    """Read a truth log; every row that its frames must become."""
    found: dict[Key, Frame] = {}
    for line in log.read_text().splitlines():
        noted = json.loads(line, parse_float=Decimal)
        rule = RULES.get((noted["venue"], noted["kind"]))
        if rule is None:
            continue
        exchange, market = PLACES[noted["venue"]]
        for table, key, values in rule(noted["symbol"], noted["event"]):
            here = "index" if table == "volatility_indices" else market
            found[table, exchange, here, SYMBOLS[noted["symbol"]], key] = values
    return found
