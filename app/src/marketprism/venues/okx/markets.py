"""What differs between OKX's markets, and how its instruments are named."""

from dataclasses import dataclass

from marketprism.contract.instruments import ContractUnit, Exchange, Instrument, Market, require_symbol


@dataclass(frozen=True, slots=True, kw_only=True)
class OkxMarket:
    """One market.

    Attributes:
        instrument_type: OKX's own word for it, ``instType``.
        suffix: What an ``instId`` has after base and quote.
    """

    market: Market
    instrument_type: str
    suffix: str


SPOT = OkxMarket(market=Market.SPOT, instrument_type="SPOT", suffix="")
SWAP = OkxMarket(market=Market.PERPETUAL, instrument_type="SWAP", suffix="-SWAP")
MARKETS: dict[str, OkxMarket] = {"okx-spot": SPOT, "okx-swap": SWAP}
"""Markets by the venue's name in the settings."""


def instrument(
    market: OkxMarket, symbol: str, *, contract_size: str = "1", contract_unit: ContractUnit = ContractUnit.BASE
) -> Instrument:
    """Make the instrument of a canonical symbol: ``BTC-USDT`` is ``BTC-USDT-SWAP`` among the swaps.

    Raises:
        ContractError: The symbol is not canonical.
    """
    return Instrument(
        exchange=Exchange.OKX,
        market=market.market,
        symbol=require_symbol(symbol),
        name=symbol + market.suffix,
        contract_size=contract_size,
        contract_unit=contract_unit,
    )
