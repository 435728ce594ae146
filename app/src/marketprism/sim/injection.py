"""The desk at which faults are injected, looked up and taken back.

A fault is about a market (``binance-usdm``) or all of them, one symbol or all, and lasts for a time, a count of
strikes, or both.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from http import HTTPStatus
from itertools import count
from time import monotonic
from typing import Any

import msgspec

from marketprism.errors import ConfigurationError
from marketprism.sim.faults import REFUSALS, FaultKind, Value
from marketprism.sim.instruments import MarketKind


class Order(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What is asked for; `venue` is a market's name or ``*``."""

    fault: str
    venue: str = "*"
    symbol: str = ""
    seconds: float | None = None
    count: int | None = None
    parameters: dict[str, Value] = msgspec.field(default_factory=dict)


@dataclass(slots=True)
class Fault:
    """An injected fault.

    Attributes:
        market: None for all.
        symbol: Empty for all.
        until: Monotonic time of its end.
        left: Strikes left.
        struck: Strikes done.
        id: Its number, once it is injected.
    """

    kind: FaultKind
    market: MarketKind | None
    symbol: str
    parameters: dict[str, Value]
    until: float | None
    left: int | None
    struck: int = 0
    id: int = 0

    def number(self, name: str) -> int:
        """Return a parameter that is a whole number."""
        return int(self.parameters[name])

    def seconds(self, name: str) -> float:
        """Return a parameter that is a time."""
        return float(self.parameters[name])

    def text(self, name: str) -> str:
        """Return a parameter that is a word."""
        return str(self.parameters[name])

    def meets(self, market: MarketKind, symbol: str) -> bool:
        """Tell whether it is about this symbol; an empty one is met by faults of the whole market only."""
        return self.market in {None, market} and self.symbol in {"", symbol}

    def over(self, now: float) -> bool:
        """Tell whether its time or its count is up."""
        return (self.until is not None and now >= self.until) or self.left == 0


@dataclass(frozen=True, slots=True)
class Refusal:
    """How a REST request is refused: the status, and for how many seconds where that is told."""

    status: int
    retry_after: int


_Fits = Callable[[Fault], bool]


def _always(_fault: Fault) -> bool:
    return True


class Faults:
    """The desk at which faults are injected, looked up and taken back.

    Args:
        kinds: Everything that can be injected.
    """

    def __init__(self, kinds: Iterable[FaultKind]) -> None:
        self.kinds = {kind.name: kind for kind in kinds}
        self.injected: list[Fault] = []
        self._numbers = count(1)

    def inject(self, order: Order) -> Fault:
        """Make a fault active.

        Raises:
            ConfigurationError: As for `checked`.
        """
        fault = self.checked(order)
        fault.id = next(self._numbers)
        if not fault.kind.once:
            self.injected.append(fault)
        return fault

    def checked(self, order: Order) -> Fault:
        """Build a fault that is not active yet.

        Raises:
            ConfigurationError: There is no such fault, or a parameter is not one of its own.
        """
        kind = self.kinds.get(order.fault)
        if kind is None:
            raise ConfigurationError(
                f"fault {order.fault!r} is unknown", remedy=f"available are {', '.join(sorted(self.kinds))}"
            )
        seconds = kind.seconds if order.seconds is None else order.seconds
        return Fault(
            kind=kind,
            market=_market(order.venue, kind),
            symbol=order.symbol,
            parameters=_parameters(order.parameters, kind),
            until=None if seconds is None else monotonic() + seconds,
            left=kind.count if order.count is None else order.count,
        )

    def alive(self) -> list[Fault]:
        """Return the faults that are not over."""
        now = monotonic()
        self.injected = [each for each in self.injected if not each.over(now)]
        return self.injected

    def active(self, name: str, market: MarketKind, symbol: str = "", *, fits: _Fits = _always) -> Fault | None:
        """Return the fault of this name that meets a symbol now, and that fits, without striking."""
        if not self.injected:
            return None
        met = (each for each in self.alive() if each.kind.name == name and each.meets(market, symbol))
        return next((each for each in met if fits(each)), None)

    def strike(self, name: str, market: MarketKind, symbol: str = "", *, fits: _Fits = _always) -> Fault | None:
        """Like `active`, and use up one of its strikes."""
        fault = self.active(name, market, symbol, fits=fits)
        if fault:
            fault.struck += 1
            if fault.left is not None:
                fault.left -= 1
        return fault

    def refusal(self, market: MarketKind, symbol: str = "") -> Refusal | None:
        """Tell whether a REST request is refused, and how."""
        for name, status in REFUSALS.items():
            fault = self.strike(name, market, symbol)
            if fault is None:
                continue
            if fault.struck > _ban_after(fault):
                return Refusal(HTTPStatus.IM_A_TEAPOT, fault.number("ban_seconds"))
            return Refusal(status, fault.number("retry_after"))
        return None

    def withdraw(self, number: int | None = None) -> int:
        """End one fault, or all of them, and return how many ended."""
        before = len(self.injected)
        self.injected = [each for each in self.injected if number is not None and each.id != number]
        return before - len(self.injected)


def _ban_after(fault: Fault) -> int:
    return fault.number("ban_after") if "ban_after" in fault.parameters else fault.struck


def order(fields: dict[str, Any]) -> Order:
    """Read what is asked for; fields that are not `Order`'s own are parameters of the fault.

    Raises:
        ConfigurationError: A field is missing or of the wrong type.
    """
    own = {name: value for name, value in fields.items() if name in Order.__struct_fields__ and name != "parameters"}
    parameters = {name: value for name, value in fields.items() if name not in own}
    try:
        return msgspec.convert({**own, "parameters": parameters}, type=Order)
    except msgspec.ValidationError as error:
        raise ConfigurationError(
            f"fault {fields} is not understood: {error}",
            remedy='give {"fault": NAME, "venue"?: MARKET, "symbol"?, "seconds"?, "count"?} and its parameters',
        ) from error


def _market(venue: str, kind: FaultKind) -> MarketKind | None:
    if venue == "*":
        return None
    markets = kind.markets or tuple(MarketKind)
    if venue not in markets:
        raise ConfigurationError(
            f"fault {kind.name!r} does not happen on venue {venue!r}", remedy=f"use one of {', '.join(markets)}, or *"
        )
    return MarketKind(venue)


def _parameters(given: dict[str, Value], kind: FaultKind) -> dict[str, Value]:
    for name, value in list(given.items()):
        known = kind.parameters.get(name)
        if isinstance(known, float) and type(value) is int:
            given = {**given, name: float(value)}
        elif type(value) is not type(known):
            described = ", ".join(f"{key}={default!r}" for key, default in kind.parameters.items()) or "none"
            raise ConfigurationError(
                f"fault {kind.name!r} has no parameter {name}={value!r}", remedy=f"its parameters are: {described}"
            )
    return {**kind.parameters, **given}
