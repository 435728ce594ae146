"""Order books: changes and witnesses from the stream, whole books from REST."""

from marketprism.contract.books import BookDelta, BookImage, BookTop
from marketprism.contract.instruments import Instrument
from marketprism.venues.binance import messages
from marketprism.venues.binance.channels import Channel
from marketprism.venues.levels import are_numbers
from marketprism.venues.protocol import Refusal, VenueEvent


def read_image(limit: int, body: bytes, instrument: Instrument, receive_ns: int) -> list[VenueEvent]:
    """Understand the best levels of a book, at most `limit` a side.

    Spot's has no time, and futures' ``T`` is that of the answer, not of the last change.
    """
    snapshot = messages.decode_snapshot(body)
    if not are_numbers(snapshot.bids, snapshot.asks):
        return [Refusal("book_number", repr(body[:200]))]
    return [BookImage(instrument, snapshot.update_id, receive_ns, snapshot.bids, snapshot.asks, limit=limit)]


def _change(message: messages.DepthMessage, instrument: Instrument, receive_ns: int) -> VenueEvent:
    if not are_numbers(message.bids, message.asks):
        return Refusal("depth_number", f"{instrument} {message.last_id}")
    milliseconds = message.event_ms if message.transaction_ms is None else message.transaction_ms
    return BookDelta(
        instrument,
        message.first_id,
        message.last_id,
        message.prev_id,
        milliseconds * messages.MICROSECONDS,
        receive_ns,
        message.bids,
        message.asks,
    )


def _top(message: messages.BookTickerMessage, instrument: Instrument, _receive_ns: int) -> VenueEvent:
    bid, ask = (message.bid_price, message.bid_quantity), (message.ask_price, message.ask_quantity)
    if not are_numbers([bid], [ask]):
        return Refusal("bookTicker_number", f"{instrument} bid {bid!r}, ask {ask!r}"[:200])
    return BookTop(instrument, message.update_id, bid, ask)


CHANGES = Channel("depth", messages.decode_depth, _change)
TOPS = Channel("bookTicker", messages.decode_book_ticker, _top)
