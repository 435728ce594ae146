"""Trades come in lists; some are liquidations, of the taker, the maker or both."""

import msgspec
import pytest

from marketprism.contract.events import Liquidation, Side, Trade, TradeIdKind
from marketprism.contract.instruments import Instrument
from marketprism.venues.deribit.trades import Trades
from marketprism.venues.protocol import Observed, Refusal, VenueEvent
from tests.venues.deribit.frames import BTC, BTC_USDC, RECEIVE_NS, raw, trade

BOTH = ("trade", "liquidation")


def read(*trades: str, instrument: Instrument = BTC, wanted: tuple[str, ...] = BOTH) -> list[VenueEvent]:
    return Trades(instrument, wanted).read(raw(f"[{','.join(trades)}]"), RECEIVE_NS)


def events(found: list[VenueEvent]) -> list[object]:
    return [each.event for each in found if isinstance(each, Observed)]


def test_a_trade_of_an_inverse_perpetual_keeps_every_value() -> None:
    (seen,) = read(trade())
    assert seen == Observed(
        "trade",
        BTC,
        Trade(
            id_kind=TradeIdKind.FILL,
            trade_id=296152987,
            first_fill_id=296152987,
            last_fill_id=296152987,
            price="63344.5",
            quantity="0.000315733804829149",
            contracts="20",
            side=Side.BUY,
            timestamp_us=1_786_563_104_514_000,
            event_us=1_786_563_104_514_000,
            receive_ns=RECEIVE_NS,
        ),
    )


def test_a_trade_of_a_linear_perpetual_counts_base_currency() -> None:
    (seen,) = events(read(trade(amount="1.5e-3", direction="sell"), instrument=BTC_USDC))
    assert isinstance(seen, Trade)
    assert (seen.quantity, seen.contracts, seen.side) == ("0.0015", None, Side.SELL)


def test_a_list_is_read_in_the_order_of_its_ids() -> None:
    found = events(read(trade(9), trade(7), trade(8)))
    assert [each.trade_id for each in found if isinstance(each, Trade)] == [7, 8, 9]


@pytest.mark.parametrize(
    ("whose", "direction", "sides"),
    [
        ("T", "buy", [Side.BUY]),
        ("T", "sell", [Side.SELL]),
        ("M", "buy", [Side.SELL]),
        ("M", "sell", [Side.BUY]),
        ("MT", "buy", [Side.BUY, Side.SELL]),
        ("MT", "sell", [Side.SELL, Side.BUY]),
    ],
)
def test_a_liquidation_has_the_side_of_the_liquidated_order(whose: str, direction: str, sides: list[Side]) -> None:
    seen, *liquidations = events(read(trade(direction=direction, more=f',"liquidation":"{whose}"')))
    assert isinstance(seen, Trade)
    assert liquidations == [
        Liquidation(
            side=side,
            price="63344.5",
            quantity="0.000315733804829149",
            contracts="20",
            ordinal=ordinal,
            timestamp_us=1_786_563_104_514_000,
            receive_ns=RECEIVE_NS,
        )
        for ordinal, side in enumerate(sides)
    ]


def test_liquidations_of_one_list_are_counted() -> None:
    forced = ',"liquidation":"T"'
    found = events(read(trade(1, more=',"liquidation":"MT"'), trade(2), trade(3, more=forced)))
    assert [each.ordinal for each in found if isinstance(each, Liquidation)] == [0, 1, 2]


def test_only_wanted_types_come_out() -> None:
    forced = trade(more=',"liquidation":"T"')
    assert [type(each) for each in events(read(forced, wanted=("trade",)))] == [Trade]
    assert [type(each) for each in events(read(forced, wanted=("liquidation",)))] == [Liquidation]


def test_an_unknown_liquidation_is_refused_and_its_trade_kept() -> None:
    seen, refusal = read(trade(more=',"liquidation":"X"'))
    assert isinstance(seen, Observed)
    assert isinstance(refusal, Refusal)
    assert refusal.reason == "liquidation_unknown"


@pytest.mark.parametrize("number", ["0", "-5", "1e30", "null", '"5"'])
@pytest.mark.parametrize("field", ["price", "amount"])
def test_a_trade_with_an_unusable_number_is_refused_alone(field: str, number: str) -> None:
    fields = {"price": "63344.5", "amount": "20", field: number}
    refusal, seen = read(trade(1, price=fields["price"], amount=fields["amount"]), trade(2))
    assert isinstance(refusal, Refusal)
    assert refusal.reason == "trades_number"
    assert field in refusal.detail
    assert isinstance(seen, Observed)


@pytest.mark.parametrize("data", ["{}", "[1]", f"[{trade(-1)}]", f"[{trade(2**63)}]", f"[{trade(direction='hold')}]"])
def test_what_is_no_list_of_trades_raises(data: str) -> None:
    with pytest.raises(msgspec.DecodeError):
        Trades(BTC, BOTH).read(raw(data), RECEIVE_NS)
