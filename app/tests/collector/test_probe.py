"""A probe tells what came, what did not, and keeps the frames that could not be used."""

from pathlib import Path

import pytest

from marketprism.collector.probe import FeedProbe, probe
from marketprism.settings import CollectorSettings
from tests.collector.simulated import exchange, inject


def by_type(feeds: list[FeedProbe]) -> dict[str, FeedProbe]:
    return {feed.data_type: feed for feed in feeds}


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


@pytest.mark.parametrize("venue", ["binance-spot", "deribit"])
async def test_every_feed_of_a_venue_is_counted(venue: str, tmp_path: Path) -> None:
    async with exchange(venue, rate=50.0) as settings:
        found = await probe(venue, settings, CollectorSettings(), 4, tmp_path / "kept.gz")
    feeds = by_type(found.feeds)
    assert found.frames > 0
    for data_type in ("trade", "orderbook", "orderbook_delta"):
        assert feeds[data_type].events > 0
        assert feeds[data_type].first_seconds is not None
    assert (found.refused, found.causes, found.recording) == ({}, [], None)
    assert names(tmp_path) == [], "nothing was refused, so nothing is kept"


async def test_what_is_refused_is_named_and_kept(tmp_path: Path) -> None:
    async with exchange("binance-spot", rate=100.0) as settings:
        await inject(settings, "corrupted", "binance-spot", seconds=60)
        found = await probe("binance-spot", settings, CollectorSettings(), 4, tmp_path / "kept.gz")
    assert sum(found.refused.values()) > 0
    assert found.recording == str(tmp_path / "kept.gz")
    assert names(tmp_path) == ["kept.gz"]
