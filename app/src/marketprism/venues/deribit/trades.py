"""``trades.{instrument}.100ms``: lists of trades, and the liquidations among them."""

from collections.abc import Sequence

from msgspec import Raw

from marketprism.contract.events import Liquidation, Side, Trade, TradeIdKind
from marketprism.contract.instruments import Instrument
from marketprism.errors import ContractError
from marketprism.venues.deribit import decimals, messages
from marketprism.venues.deribit.instruments import base_quantity, contracts
from marketprism.venues.protocol import Observed, Refusal, VenueEvent

_OPPOSITE = {Side.BUY: Side.SELL, Side.SELL: Side.BUY}


class Trades:
    """The trades of one instrument.

    The id is ``trade_seq``, which counts the trades of one instrument without a hole (``trade_id`` counts those of a
    currency). A trade is a liquidation where its ``liquidation`` says so; the side is that of the liquidated order:
    the trade's own where the taker was liquidated, the opposite where the maker was. Where both were, two positions
    were closed, and there are two liquidations, the taker's first.

    Args:
        wanted: ``trade``, ``liquidation`` or both.
    """

    def __init__(self, instrument: Instrument, wanted: Sequence[str]) -> None:
        self._instrument = instrument
        self._wants_trades, self._wants_liquidations = "trade" in wanted, "liquidation" in wanted

    def read(self, data: Raw, receive_ns: int) -> list[VenueEvent]:
        """Understand one list; a trade that cannot be used is refused alone.

        Raises:
            msgspec.DecodeError: It is no list of trades.
        """
        events: list[VenueEvent] = []
        liquidations = 0
        for message in sorted(messages.decode_trades(data), key=lambda message: message.sequence):
            try:
                trade = self._trade(message, receive_ns)
            except ContractError as error:
                events.append(Refusal("trades_number", f"{self._instrument} {message.sequence}: {error}"))
                continue
            if self._wants_trades:
                events.append(Observed("trade", self._instrument, trade))
            if self._wants_liquidations and message.liquidation is not None:
                found = self._liquidations(message.liquidation, trade, liquidations)
                liquidations += len(found)
                events += found
        return events

    def _liquidations(self, whose: str, trade: Trade, ordinal: int) -> list[VenueEvent]:
        taker, maker = trade.side, _OPPOSITE[trade.side]
        sides = {"T": (taker,), "M": (maker,), "MT": (taker, maker)}.get(whose)
        if sides is None:
            return [Refusal("liquidation_unknown", f"{self._instrument} {trade.trade_id}: {whose[:60]!r}")]
        return [
            Observed("liquidation", self._instrument, _liquidation(trade, side, place))
            for place, side in enumerate(sides, start=ordinal)
        ]

    def _trade(self, message: messages.TradeMessage, receive_ns: int) -> Trade:
        price = decimals.positive("price", message.price)
        amount = decimals.positive("amount", message.amount)
        return Trade(
            id_kind=TradeIdKind.FILL,
            trade_id=message.sequence,
            first_fill_id=message.sequence,
            last_fill_id=message.sequence,
            price=price,
            quantity=base_quantity(self._instrument, amount, price),
            contracts=contracts(self._instrument, amount),
            side=message.direction,
            timestamp_us=message.timestamp_us,
            event_us=message.timestamp_us,  # the frame has no time of its own
            receive_ns=receive_ns,
        )


def _liquidation(trade: Trade, side: Side, ordinal: int) -> Liquidation:
    return Liquidation(
        side=side,
        price=trade.price,
        quantity=trade.quantity,
        contracts=trade.contracts,
        ordinal=ordinal,
        timestamp_us=trade.timestamp_us,
        receive_ns=trade.receive_ns,
    )
