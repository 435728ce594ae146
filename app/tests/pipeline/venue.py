"""A venue that says what a test tells it to."""

from marketprism.contract.events import Trade
from marketprism.contract.instruments import Exchange, Instrument, Market
from marketprism.venues.protocol import Connection, Poll, Purpose, RestRequest, Send, VenueEvent

BTC = Instrument(exchange=Exchange.OKX, market=Market.PERPETUAL, symbol="BTC-USDT", name="BTC-USDT-SWAP")


class TestVenue:
    """Books come in the stream; trades cover ranges of fills and are healed a few at a time."""

    __test__ = False
    weight_per_minute = 1000
    books_in_band = True

    def __init__(self, events: list[VenueEvent] | None = None, *, heals: bool = True) -> None:
        self.events = events or []
        self.heals = heals

    def connections(self) -> list[Connection]:
        return [Connection("public", "/", books=(BTC.name,))]

    def instruments(self) -> dict[str, Instrument]:
        return {BTC.name: BTC}

    def feeds(self) -> list[tuple[str, Instrument]]:
        return [("trade", BTC)]

    def feed(self, frame: bytes, receive_ns: int) -> list[VenueEvent]:
        return self.events

    def book_request(self, instrument: Instrument) -> list[RestRequest | Send]:
        return [Send(b"unsubscribe", "public"), Send(b"subscribe", "public")]

    def chain(self, trade: Trade) -> tuple[int, int]:
        return trade.first_fill_id, trade.last_fill_id

    def heal_request(self, instrument: Instrument, first_id: int, last_id: int) -> RestRequest | None:
        return RestRequest(Purpose.HEAL, "trade", instrument, "/", 1, first_id, last_id) if self.heals else None

    def history_request(self, data_type: str, instrument: Instrument, start_us: int, end_us: int) -> RestRequest | None:
        return None

    def polls(self) -> list[Poll]:
        return []

    def read(self, request: RestRequest, body: bytes, receive_ns: int) -> list[VenueEvent]:
        return self.events
