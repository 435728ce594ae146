from pathlib import Path
from typing import Any

import msgspec
import pytest

from marketprism.sim.faults import FAULTS
from marketprism.sim.floor import Floor
from marketprism.sim.hub import Hub
from marketprism.sim.injection import Faults, order
from marketprism.sim.instruments import MarketKind
from marketprism.sim.publisher import Publisher
from marketprism.sim.settings import SimSettings
from marketprism.sim.truth import TruthLog
from marketprism.sim.venue import Frame, Publication, Sort

SPOT = MarketKind.BINANCE_SPOT
NOW = 1_700_000_000_000


class Listener:
    def __init__(self) -> None:
        self.got: list[Any] = []

    def deliver(self, stream: str, event: bytes) -> bool:
        self.got.append(msgspec.json.decode(event))
        return True

    def crowded(self) -> bool:
        return False


@pytest.fixture
def floor(tmp_path: Path) -> Floor:
    truth = TruthLog(tmp_path / "truth", most_bytes=10**6, kept_files=1, unsent_too=False)
    return Floor(SimSettings(), Hub(), Faults(FAULTS), truth)


def publication(number: int, rendered: Frame | list[Frame] | None = None, **fields: Any) -> Publication:
    frame = rendered or {"t": number}
    return Publication(("spot", "btcusdt@trade"), Sort.TRADE, "trade", "BTCUSDT", lambda: frame, **fields)


async def rows(floor: Floor, tmp_path: Path) -> list[Any]:
    assert floor.truth
    await floor.truth.flush()
    path = tmp_path / "truth"
    return [msgspec.json.decode(line) for line in path.read_bytes().splitlines()] if path.exists() else []


async def test_what_was_sent_and_what_was_swallowed_is_noted(floor: Floor, tmp_path: Path) -> None:
    listener = Listener()
    floor.hub.subscribe(("spot", "btcusdt@trade"), listener)
    floor.faults.inject(order({"fault": "lost-trades", "count": 1}))
    Publisher(floor).publish(SPOT, [publication(1), publication(2)], NOW)
    assert listener.got == [{"t": 2}]
    found = await rows(floor, tmp_path)
    assert [(row["sent"], row.get("fault"), row["event"]) for row in found] == [
        (False, "lost-trades", {"t": 1}),
        (True, None, {"t": 2}),
    ]


async def test_what_nobody_listens_to_is_not_rendered_and_uses_up_no_fault(floor: Floor, tmp_path: Path) -> None:
    def unwanted() -> Frame:
        raise AssertionError

    floor.faults.inject(order({"fault": "lost-trades", "count": 1}))
    silent = Publication(("spot", "btcusdt@trade"), Sort.TRADE, "trade", "BTCUSDT", unwanted)
    Publisher(floor).publish(SPOT, [silent], NOW)
    assert (await rows(floor, tmp_path), floor.faults.injected[0].left) == ([], 1)


async def test_long_frames_are_shortened_and_lists_become_rows(floor: Floor, tmp_path: Path) -> None:
    floor.hub.subscribe(("spot", "btcusdt@trade"), Listener())
    long = publication(1, {"t": 1, "levels": [1, 2, 3]}, truth=lambda frame: {"t": frame["t"]})
    Publisher(floor).publish(SPOT, [long, publication(1, [{"t": 1}, {"t": 2}])], NOW)
    assert [row["event"] for row in await rows(floor, tmp_path)] == [{"t": 1}, {"rows": [{"t": 1}, {"t": 2}]}]


async def test_a_frame_held_back_is_sent_in_the_end(floor: Floor, tmp_path: Path) -> None:
    listener, publisher = Listener(), Publisher(floor)
    floor.hub.subscribe(("spot", "btcusdt@trade"), listener)
    floor.faults.inject(order({"fault": "reordered"}))
    publisher.publish(SPOT, [publication(1)], NOW)
    assert listener.got == []
    publisher.finish()
    assert listener.got == [{"t": 1}]
    assert [(row["sent"], row["fault"]) for row in await rows(floor, tmp_path)] == [(True, "reordered")]
