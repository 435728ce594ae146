"""How OKX counts: base currency on spot, contracts elsewhere, each worth a fixed amount of base or of quote currency.

Source: www.okx.com/docs-v5/en, "Get instruments": a contract is worth ``ctVal`` times ``ctMult`` of ``ctValCcy``.
"""

from marketprism.contract.instruments import ContractUnit, Instrument, Market
from marketprism.contract.numbers import divide, multiply, require_decimal
from marketprism.errors import ContractError


def unsigned(field: str, text: str) -> str:
    """Return a decimal text unchanged.

    Raises:
        ContractError: It is none that can be stored exactly, or it is negative.
    """
    if text.startswith("-"):
        raise ContractError(f"{field} {text[:60]!r} is negative", remedy="it is refused and counted")
    return require_decimal(field, text)


def measure(instrument: Instrument, size: str, price: str) -> tuple[str, str | None]:
    """Return base quantity and contracts of a size at a price.

    Raises:
        ContractError: One of them is no number, or the quantity cannot be stored.
    """
    unsigned("size", size)
    unsigned("price", price)
    if instrument.market is Market.SPOT:
        return size, None
    worth = multiply(size, instrument.contract_size)
    return (divide(worth, price) if instrument.contract_unit is ContractUnit.QUOTE else worth), size
