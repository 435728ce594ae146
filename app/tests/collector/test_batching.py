from hypothesis import given
from hypothesis import strategies as st

from marketprism.collector.batching import Batch, Batcher
from marketprism.contract.instruments import Source
from tests.collector.events import instrument, trade

SYMBOLS = ["A-USDT", "B-USDT", "C-USDT"]
ARRIVALS = st.lists(st.tuples(st.sampled_from(SYMBOLS), st.integers(0, 8)), max_size=200)


def drive(arrivals: list[tuple[str, int]], max_events: int, max_age: float) -> list[Batch]:
    """Feed arrivals (symbol, milliseconds since the one before), asking for due batches each millisecond."""
    batcher = Batcher(max_events=max_events, max_age=max_age)
    batches: list[Batch] = []
    now = 0.0
    for number, (symbol, wait) in enumerate(arrivals):
        for _ in range(wait):
            now += 0.001
            batches += batcher.due(now)
            assert batcher.next_due is None or batcher.next_due > now, "nothing waits longer than allowed"
        full = batcher.add("trade", Source.LIVE, instrument(symbol), trade(number), now)
        if full is not None:
            batches.append(full)
        held = sum(len(batch.events) for batch in batches) + batcher.events
        assert held == number + 1, "every event is in a batch or held"
    return batches + batcher.flush()


@given(arrivals=ARRIVALS, max_events=st.integers(1, 7))
def test_every_event_leaves_once_and_in_the_order_of_its_subject(
    arrivals: list[tuple[str, int]], max_events: int
) -> None:
    batches = drive(arrivals, max_events, 0.010)
    assert all(1 <= len(batch.events) <= max_events for batch in batches)
    for symbol in SYMBOLS:
        sent = [e.trade_id for b in batches if b.instrument.symbol == symbol for e in b.events]
        assert sent == [number for number, (name, _) in enumerate(arrivals) if name == symbol]


def test_a_full_batch_leaves_at_once() -> None:
    batcher = Batcher(max_events=2)
    assert batcher.add("trade", Source.LIVE, instrument(), trade(1), 0.0) is None
    full = batcher.add("trade", Source.LIVE, instrument(), trade(2), 0.0)
    assert full is not None
    assert [event.trade_id for event in full.events] == [1, 2]
    assert batcher.next_due is None


def test_a_batch_is_due_from_its_first_event_on() -> None:
    batcher = Batcher(max_age=0.010)
    batcher.add("trade", Source.LIVE, instrument(), trade(1), 5.0)
    batcher.add("trade", Source.LIVE, instrument(), trade(2), 5.009)
    assert batcher.next_due == 5.010
    assert batcher.due(5.0099) == []
    assert [len(batch.events) for batch in batcher.due(5.010)] == [2]


def test_sources_and_types_never_share_a_batch() -> None:
    batcher = Batcher()
    batcher.add("trade", Source.LIVE, instrument(), trade(1), 0.0)
    batcher.add("trade", Source.REPLAYED, instrument(), trade(2), 0.0)
    batcher.add("orderbook_delta", Source.LIVE, instrument(), trade(3), 0.0)
    assert [len(batch.events) for batch in batcher.flush()] == [1, 1, 1]
