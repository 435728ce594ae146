"""What the venues said against what is stored: the simulator's own log is the witness.

Trades are compared by the smallest thing that a venue numbers: fills, on Binance's futures aggregates. A row stands for
all of its fills. Changes of books are compared by the id that they lead to.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from marketprism.contract.catalog import DATA_TYPES, HOT_DATABASE

Ask = Callable[[str], str]
Series = tuple[str, str]
"""Venue and the venue's own name of the instrument."""

_VENUES = {
    ("binance", "spot"): "binance-spot",
    ("binance", "perpetual"): "binance-usdm",
    ("okx", "spot"): "okx-spot",
    ("okx", "perpetual"): "okx-swap",
    ("deribit", "perpetual"): "deribit",
}


class _Said(msgspec.Struct):
    kind: str
    venue: str
    symbol: str
    stream: str
    sent: bool
    event: dict[str, Any]


@dataclass(slots=True)
class Truth:
    """What one instrument's venue did.

    Attributes:
        trades: Price and size of every trade by id, whether anybody was told of it or not.
        told: Ids of the trades that a client was sent.
        changes: Ids of the book's changes that a client was sent, in order, with the best prices after it.
    """

    trades: dict[int, tuple[Decimal, Decimal]] = field(default_factory=dict)
    told: set[int] = field(default_factory=set)
    changes: dict[int, tuple[Decimal, Decimal]] = field(default_factory=dict)


@dataclass(slots=True)
class Verdict:
    """How a run ended.

    Attributes:
        sent: Trades and changes of books that had to arrive.
        stored: Rows of all tables.
        missing: Of what was sent, what is not there.
        twice: Rows too many: of one place in a stream, of one identity, or of a fill that another row has.
        wrong: Rows with another price or size than the venue's, or of something that it never did.
        resynced: Changes that no row has because the book was started anew after them.
    """

    sent: int = 0
    stored: int = 0
    missing: int = 0
    twice: int = 0
    wrong: int = 0
    resynced: int = 0
    examples: list[str] = field(default_factory=list)

    def example(self, text: str) -> None:
        """Keep the first few, for whoever has to find out."""
        if len(self.examples) < 10:
            self.examples.append(text)


def judge(truth_file: Path, ask: Ask) -> Verdict:
    """Compare everything."""
    verdict = Verdict()
    truths = read(truth_file)
    _count(verdict, ask)
    rows: dict[Series, list[list[str]]] = defaultdict(list)
    for series, row in _rows(ask, "trades", "first_fill_id, last_fill_id, trade_id, price, quantity, contracts"):
        rows[series].append(row)
    for series, truth in truths.items():
        _judge_trades(series, truth, rows[series], verdict)
    _judge_books(truths, verdict, ask)
    return verdict


def read(path: Path) -> dict[Series, Truth]:
    """Read the simulator's log."""
    truths: dict[Series, Truth] = defaultdict(Truth)
    decode = msgspec.json.Decoder(_Said).decode
    with path.open("rb") as file:
        for line in file:
            said = decode(line)
            reader = _READERS.get((said.kind, said.venue.partition("-")[0]))
            if reader is not None:
                reader(truths[said.venue, said.symbol], said)
    return truths


def _note(truth: Truth, number: int, price: object, size: object) -> None:
    truth.trades[number] = (Decimal(str(price)), Decimal(str(size)))


def _binance_fill(truth: Truth, said: _Said) -> None:
    if said.venue == "binance-spot":
        _note(truth, said.event["t"], said.event["p"], said.event["q"])
        truth.told |= {said.event["t"]} if said.sent else set()


def _binance_aggregate(truth: Truth, said: _Said) -> None:
    if said.venue == "binance-usdm":
        _note(truth, said.event["a"], said.event["p"], said.event["q"])
        truth.told |= {said.event["a"]} if said.sent else set()


def _okx_fill(truth: Truth, said: _Said) -> None:
    _note(truth, int(said.event["tradeId"]), said.event["px"], said.event["sz"])


def _okx_told(truth: Truth, said: _Said) -> None:
    last = int(said.event["tradeId"])
    if said.sent:
        truth.told.update(range(last - int(said.event["count"]) + 1, last + 1))


def _deribit_trades(truth: Truth, said: _Said) -> None:
    for each in said.event["trades"]:
        _note(truth, each["trade_seq"], each["price"], each["amount"])
        if said.sent:
            truth.told.add(each["trade_seq"])


def _change(key: str, best: Callable[[dict[str, Any]], tuple[object, object]]) -> Callable[[Truth, _Said], None]:
    def note(truth: Truth, said: _Said) -> None:
        if said.sent:
            bid, ask = best(said.event)
            truth.changes[said.event[key]] = (Decimal(str(bid)), Decimal(str(ask)))

    return note


def _ends(event: dict[str, Any]) -> tuple[object, object]:
    return event["bid"][0], event["ask"][0]


_READERS: dict[tuple[str, str], Callable[[Truth, _Said], None]] = {
    ("trade", "binance"): _binance_fill,
    ("aggTrade", "binance"): _binance_aggregate,
    ("trades-all", "okx"): _okx_fill,
    ("trades", "okx"): _okx_told,
    ("trades", "deribit"): _deribit_trades,
    ("depthUpdate", "binance"): _change("u", lambda event: (event["top"]["b"], event["top"]["a"])),
    ("books", "okx"): _change("seqId", _ends),
    ("book", "deribit"): _change("change_id", _ends),
}


def _rows(ask: Ask, table: str, columns: str) -> Iterable[tuple[Series, list[str]]]:
    answer = ask(f"SELECT exchange, market, instrument, {columns} FROM {HOT_DATABASE}.{table}")
    for line in answer.splitlines():
        exchange, market, instrument, *values = line.split("\t")
        yield (_VENUES[exchange, market], instrument), values


def _count(verdict: Verdict, ask: Ask) -> None:
    for data_type in DATA_TYPES.values():
        names = ", ".join(("source", "exchange", "market", "symbol", *data_type.identity))
        answer = ask(
            "SELECT count(), uniqExact(stream_epoch, stream_seq, item),"
            f" uniqExact(tuple({names})) FROM {HOT_DATABASE}.{data_type.table}"
        )
        rows, places, identities = map(int, answer.split("\t"))
        verdict.stored += rows
        verdict.twice += rows - min(places, identities)
        if rows != min(places, identities):
            verdict.example(f"{data_type.table}: {rows} rows, {places} places, {identities} identities")


def _judge_trades(series: Series, truth: Truth, rows: list[list[str]], verdict: Verdict) -> None:
    ids = sorted(truth.trades)
    covered: set[int] = set()
    for first, last, trade_id, price, quantity, contracts in rows:
        aggregates = series[0] == "binance-usdm"
        ends = (int(trade_id), int(trade_id)) if aggregates else (int(first), int(last))
        numbers = ids[bisect_left(ids, ends[0]) : bisect_right(ids, ends[1])]
        size = Decimal(quantity if contracts == "\\N" else contracts)
        values = [truth.trades[number] for number in numbers]
        if not values or {each[0] for each in values} != {Decimal(price)} or sum(each[1] for each in values) != size:
            verdict.wrong += 1
            verdict.example(f"{series} trade {ends}: {price} {size}, the venue has {values}")
        again = covered.intersection(numbers)
        verdict.twice += len(again)
        if again:
            verdict.example(f"{series} trades {sorted(again)[:3]} in several rows")
        covered.update(numbers)
    span = set(ids[bisect_left(ids, min(covered)) : bisect_right(ids, max(covered))]) if covered else set()
    required = truth.told | span
    missing = required - covered
    verdict.sent += len(required)
    verdict.missing += len(missing)
    if missing:
        verdict.example(f"{series}: {len(missing)} trades missing, {min(missing)} to {max(missing)}")


def _judge_books(truths: dict[Series, Truth], verdict: Verdict, ask: Ask) -> None:
    changes: dict[Series, set[int]] = defaultdict(set)
    for series, row in _rows(ask, "orderbook_deltas", "last_update_id"):
        changes[series].add(int(row[0]))
    resyncs: dict[Series, list[int]] = defaultdict(list)
    best = "bid_prices[1], ask_prices[1]"
    for series, (number, reason, bid, ask_price) in _rows(ask, "orderbooks", f"update_id, reason, {best}"):
        if reason == "resync":
            resyncs[series].append(int(number))
        said = truths[series].changes.get(int(number))
        if said is not None and said != (Decimal(bid), Decimal(ask_price)):
            verdict.wrong += 1
            verdict.example(f"{series} book {number}: best prices {bid} {ask_price}, the venue has {said}")
    for series, truth in truths.items():
        _judge_changes(series, truth, changes[series], sorted(resyncs[series]), verdict)


def _judge_changes(series: Series, truth: Truth, stored: set[int], resyncs: list[int], verdict: Verdict) -> None:
    """Find changes that no row has; where the book was started anew after one, that is how it had to be."""
    verdict.sent += len(truth.changes)
    previous = 0
    for number in truth.changes:
        if number in stored:
            previous = number
        elif not previous:  # it led to what the first snapshot shows
            verdict.sent -= 1
        elif bisect_right(resyncs, previous) < len(resyncs):
            verdict.resynced += 1
        else:
            verdict.missing += 1
            verdict.example(f"{series}: change {number} of the book is missing")
