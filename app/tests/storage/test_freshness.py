"""Health can really fail: a feed that stops, and one that never started, become stale."""

from marketprism.settings import Settings
from marketprism.storage.freshness import Freshness, expected_feeds

SECOND = 1_000_000


def settings(**changes: object) -> Settings:
    return Settings(source="simulated").model_copy(update=changes)


def ages(freshness: Freshness, now_seconds: float) -> dict[str, bool]:
    return {age.feed: age.is_stale for age in freshness.ages(int(now_seconds * SECOND))}


def test_every_enabled_venue_and_type_is_expected():
    feeds = {feed[1:] for feed in expected_feeds(settings())}
    assert feeds == {
        *((name, exchange, "spot") for name in ("trade", "orderbook") for exchange in ("binance", "okx")),
        *(
            (name, exchange, "perpetual")
            for name in ("trade", "orderbook", "funding_rate", "open_interest")
            for exchange in ("binance", "okx", "deribit")
        ),
        *(
            (f"lsr_{name}", venue, "perpetual")
            for name in ("top_position", "all_account")
            for venue in ("binance", "okx")
        ),
        ("volatility_index", "deribit", "index"),
    }


def test_a_disabled_venue_is_not_expected():
    venues = settings().venues
    off = {name: venue.model_copy(update={"enabled": name == "binance-spot"}) for name, venue in venues.items()}
    assert {feed[3] for feed in expected_feeds(settings(venues=off))} == {"spot"}


def test_a_feed_that_never_came_is_stale_after_its_limit():
    freshness = Freshness(settings(), 0)
    assert not any(ages(freshness, 19).values())
    assert ages(freshness, 21)["orderbook binance.spot"]
    assert not ages(freshness, 44)["trade binance.spot"]
    assert ages(freshness, 46)["trade binance.spot"]


def test_a_feed_that_stops_becomes_stale_and_recovers():
    freshness = Freshness(settings(), 0)
    freshness.note({("simulated", "trade", "binance", "spot"): 100 * SECOND})
    assert not ages(freshness, 144)["trade binance.spot"]
    assert ages(freshness, 146)["trade binance.spot"]
    freshness.note({("simulated", "trade", "binance", "spot"): 146 * SECOND})
    assert not ages(freshness, 147)["trade binance.spot"]


def test_replayed_rows_say_nothing_about_the_live_feed():
    freshness = Freshness(settings(), 0)
    freshness.note({("replayed", "trade", "binance", "spot"): 100 * SECOND})
    (age,) = [age for age in freshness.ages(101 * SECOND) if age.feed == "trade binance.spot"]
    assert not age.seen
    assert str(age) == "trade binance.spot: nothing stored in the 101 s since the start, limit 45 s"
