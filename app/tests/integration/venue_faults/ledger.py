"""The ledger of holes and the books as they were stored, against what was sent."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal

from marketprism.contract.catalog import HOT_DATABASE
from marketprism.contract.instruments import Exchange, Market
from marketprism.contract.venues import venue_of
from tests.integration.servers import ClickHouseServer
from tests.integration.venue_faults.wire import Hole, Place, Wire

STALE_MS = 60_000
"""From the exchange's change of a book to the row that shows it: batches and a busy machine are in it."""
_SLACK_MS = 500


@dataclass(frozen=True, slots=True)
class Entry:
    """One hole of the ledger; times in milliseconds, `healed_ms` None while it is open."""

    place: Place
    after_id: int
    before_id: int
    detected_ms: int
    healed_ms: int | None


@dataclass(slots=True)
class Comparison:
    """The holes of the wire against those of the ledger.

    Attributes:
        told: Holes that the ledger lists.
        nested: Holes that happened while an earlier one of the same chain was open: that one goes on.
        missed: Holes that the ledger does not know.
        invented: Entries of the ledger that never were.
    """

    told: list[Hole] = field(default_factory=list)
    nested: list[Hole] = field(default_factory=list)
    missed: list[Hole] = field(default_factory=list)
    invented: list[Entry] = field(default_factory=list)

    def worse_than(self, before: "Comparison") -> list[str]:
        """Say what is missed and what was invented since an earlier comparison."""
        missed = [f"missed: {hole}" for hole in self.missed if hole not in before.missed]
        return missed + [f"invented: {entry}" for entry in self.invented if entry not in before.invented]


def entries(server: ClickHouseServer) -> list[Entry]:
    """Read the ledger, in the order of detection."""
    rows = server.query(
        "SELECT exchange, market, instrument, data_type, after_id, before_id,"
        " toUnixTimestamp64Milli(toDateTime64(min(received_at), 3)),"
        " max(toUnixTimestamp64Milli(toDateTime64(healed_at, 3)))"
        f" FROM {HOT_DATABASE}.gap_events GROUP BY ALL ORDER BY 7"
    )
    found = []
    for line in rows.splitlines():
        exchange, market, instrument, data_type, after_id, before_id, detected, healed = line.split("\t")
        place = Place(venue_of(Exchange(exchange), Market(market)), instrument, data_type)
        healed_ms = None if healed == "\\N" else int(healed)
        found.append(Entry(place, int(after_id), int(before_id), int(detected), healed_ms))
    return found


def compare(holes: Iterable[Hole], ledger: Iterable[Entry]) -> Comparison:
    """Match holes and entries one to one."""
    found, left, known = Comparison(), list(ledger), list(ledger)
    unmatched = []
    for hole in holes:
        entry = next((each for each in left if _is(hole, each)), None)
        if entry is None:
            unmatched.append(hole)
        else:
            left.remove(entry)
            found.told.append(hole)
    for hole in unmatched:
        nested = any(_while_open(hole, each) for each in known)
        (found.nested if nested else found.missed).append(hole)
    found.invented = left
    return found


def _is(hole: Hole, entry: Entry) -> bool:
    """Tell whether an entry speaks of a hole.

    What was in flight when a connection broke belongs to the hole. A whole book, over REST or on a second connection,
    may end it at a later change than the first one that was sent.
    """
    if hole.place != entry.place:
        return False
    begins = entry.after_id == hole.after_id or entry.after_id in hole.in_flight
    by_image = hole.image or (hole.place.data_type == "orderbook" and hole.place.market.startswith("binance"))
    return begins and (entry.before_id == hole.before_id or (by_image and entry.before_id > hole.before_id))


def _while_open(hole: Hole, entry: Entry) -> bool:
    if hole.place != entry.place:
        return False
    inside = entry.after_id <= hole.after_id and hole.before_id <= entry.before_id
    end_ms = entry.healed_ms if entry.healed_ms is not None else hole.at_ms
    return inside or entry.detected_ms - _SLACK_MS <= hole.at_ms <= end_ms + _SLACK_MS


def wrong_books(server: ClickHouseServer, wire: Wire) -> tuple[int, list[str]]:
    """Compare every stored book with the exchange's at the same update id.

    Returns:
        How many were compared, and a sentence about each that is crossed, late, or not the exchange's.
    """
    rows = server.query(
        "SELECT exchange, market, instrument, update_id, bid_prices[1], bid_quantity_integers[1], ask_prices[1],"
        " ask_quantity_integers[1], quantity_scale, dateDiff('millisecond', timestamp, inserted_at)"
        f" FROM {HOT_DATABASE}.orderbooks ORDER BY inserted_at"
    ).splitlines()
    wire.read()  # only now: what is stored was sent before
    wrong = []
    for line in rows:
        exchange, market, instrument, update_id, bid, bids, ask, asks, scale, age_ms = line.split("\t")
        place = Place(venue_of(Exchange(exchange), Market(market)), instrument, "orderbook")
        stored = [Decimal(bid), _scaled(bids, scale), Decimal(ask), _scaled(asks, scale)]
        sent = wire.tops.get((place, int(update_id)))
        known = None if sent is None else [Decimal(value) for level in sent for value in level]
        if stored[0] >= stored[2]:
            wrong.append(f"{place} {update_id} is crossed: {stored}")
        elif stored != known:
            wrong.append(f"{place} {update_id} shows {stored}, sent was {known}")
        elif int(age_ms) > STALE_MS:
            wrong.append(f"{place} {update_id} is {age_ms} ms old")
    return len(rows), wrong


def _scaled(integer: str, scale: str) -> Decimal:
    return Decimal(integer).scaleb(-int(scale))
