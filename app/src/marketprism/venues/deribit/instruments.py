"""Deribit's perpetuals and volatility indices: their names, and what Deribit counts.

Deribit counts *amounts*: US dollars on inverse instruments (``BTC-PERPETUAL``), base currency on linear ones
(``BTC_USDC-PERPETUAL``). Books, trades, liquidations and open interest all come in amounts, so that one amount is our
contract: `Instrument.contract_size` is ``1``, of quote currency where the instrument is inverse, and ``contracts`` of
every event is the amount as sent. The field ``contracts`` of Deribit's trades (amount divided by its contract size,
10 dollars for ``BTC-PERPETUAL``) is optional, is in no other message and is not read.
"""

from marketprism.contract import numbers
from marketprism.contract.instruments import ContractUnit, Exchange, Instrument, Market, require_symbol
from marketprism.contract.venues import place
from marketprism.errors import ConfigurationError

_INVERSE_QUOTE = "USD"


def perpetual(symbol: str) -> Instrument:
    """Make the perpetual for a canonical symbol: ``BTC-USD`` is ``BTC-PERPETUAL``, inverse; other quotes are linear.

    Raises:
        ConfigurationError: The symbol has an expiry.
        ContractError: The symbol is not canonical.
    """
    base, quote, *expiry = require_symbol(symbol).split("-")
    if expiry:
        raise ConfigurationError(f"{symbol!r} is no perpetual", remedy="of Deribit, collect perpetuals: BTC-USD")
    inverse = quote == _INVERSE_QUOTE
    return Instrument(
        exchange=Exchange.DERIBIT,
        market=Market.PERPETUAL,
        symbol=symbol,
        name=f"{base}-PERPETUAL" if inverse else f"{base}_{quote}-PERPETUAL",
        contract_unit=ContractUnit.QUOTE if inverse else ContractUnit.BASE,
    )


def volatility_index(instrument: Instrument) -> Instrument:
    """Make the volatility index (DVOL) of an instrument's base currency: ``BTC-USD``, by Deribit's name ``btc_usd``."""
    market, symbol = place("deribit", "volatility_index", instrument.symbol)
    name = symbol.lower().replace("-", "_")
    return Instrument(exchange=Exchange.DERIBIT, market=market, symbol=symbol, name=name)


def base_quantity(instrument: Instrument, amount: str, price: str) -> str:
    """Return an amount in base currency.

    Raises:
        ContractError: The quotient has too many digits.
    """
    return amount if instrument.contract_unit is ContractUnit.BASE else numbers.divide(amount, price)


def contracts(instrument: Instrument, amount: str) -> str | None:
    """Return an amount as the number of contracts; None where it is base currency."""
    return None if instrument.contract_unit is ContractUnit.BASE else amount
