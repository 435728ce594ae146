"""What the collector says about itself: health, status line and samples of its metrics."""

import time
from collections.abc import Callable, Iterable
from dataclasses import asdict

from marketprism.collector.allowance import Places
from marketprism.collector.publisher import Publisher
from marketprism.collector.venue import VenueCollector
from marketprism.telemetry.health import Report
from marketprism.telemetry.metrics import CollectorSample, ConnectionSample, StreamSample, VenueSample
from marketprism.telemetry.watchdog import Watchdog


class Reporter:
    """Reads the state of a running collector.

    Args:
        venues: What is collected.
        publisher: Where it goes.
        watchdog: Who knows of stuck loops.
        places: Where connections are counted.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        venues: Iterable[VenueCollector],
        publisher: Publisher,
        watchdog: Watchdog,
        places: Places,
        clock: Callable[[], float],
    ) -> None:
        self._venues = list(venues)
        self._publisher = publisher
        self._watchdog = watchdog
        self._places = places
        self._clock = clock
        self._before = (clock(), 0, 0)
        self.ready = False
        self.warnings: list[str] = []
        """What an operator should know and may have chosen; no problem."""

    def stale(self) -> list[str]:
        """Name every feed that is older than the contract allows."""
        return [feed for venue in self._venues for feed in venue.stale()]

    def report(self) -> Report:
        """Answer the health server."""
        stale, stuck, causes = self.stale(), self._watchdog.stuck(), self._publisher.causes
        problems = [f"stale: {feed}" for feed in stale]
        problems += [f"publisher: {cause}" for cause in (*causes, *self._publisher.unreadable)]
        problems += [f"stuck: {name}" for name in stuck]
        problems += [f"{name} {cause}" for name, cause in self._venue_causes().items()]
        return Report(
            live=not stuck,
            ready=self.ready,
            healthy=self.ready and not problems,
            details={
                "problems": problems,
                "warnings": self.warnings,
                "stale": stale,
                "venues": {venue.name: _venue_details(venue) for venue in self._venues},
                "publisher": self._publisher_details(causes),
            },
        )

    def status(self) -> str:
        """Return one line for ``systemctl status``; rates are since the last call."""
        now, count = self._clock(), self._publisher.counters
        then, received, published = self._before
        self._before = (now, count.received, count.published)
        seconds = max(now - then, 1e-3)
        live = sum(list(venue.book_states().values()).count("live") for venue in self._venues)
        line = (
            f"{_plural(len(self._venues), 'venue')}, {_plural(live, 'book')} live, "
            f"{(count.received - received) / seconds:.0f} events/s in, "
            f"{(count.published - published) / seconds:.0f}/s published, {self._publisher.in_flight} in flight"
        )
        if self._publisher.spooled:
            line += f", {self._publisher.spooled} spooled"
        stale, causes = self.stale(), self._publisher.causes
        for cause in (*causes[:1], *(f"{name} {cause}" for name, cause in self._venue_causes().items())):
            line += f"; {cause}"
        if stale:
            line += f"; {_plural(len(stale), 'feed')} stale: {stale[0]}" + (", …" if len(stale) > 1 else "")
        return line

    def sample(self) -> CollectorSample:
        """Read the metrics."""
        lanes = self._publisher.lanes.values()
        return CollectorSample(
            venues=[_venue_sample(venue) for venue in self._venues],
            streams=[
                StreamSample(
                    name=lane.stream,
                    received=lane.counters.received,
                    published=lane.counters.published,
                    coalesced=lane.counters.coalesced,
                    refused=lane.counters.refused,
                    spooled=lane.spooled,
                    in_flight=lane.in_flight,
                    recovered=lane.counters.recovered,
                    resent_messages=lane.counters.resent,
                    duplicate_messages=lane.counters.duplicates,
                    window_messages=lane.unacknowledged[0],
                    window_bytes=lane.unacknowledged[1],
                    blocked=lane.cause is not None,
                )
                for lane in lanes
            ],
            spool=self._publisher.spool_sample(),
            nats_connected=self._publisher.connected,
            sockets=self._places.sockets,
            connections_limit=self._places.limit,
        )

    def _venue_causes(self) -> dict[str, str]:
        causes = {venue.name: venue.state.cause(time.time_ns()) for venue in self._venues}
        return {name: cause for name, cause in causes.items() if cause is not None}

    def _publisher_details(self, causes: list[str]) -> dict[str, object]:
        count = self._publisher.counters
        return {
            "connected": self._publisher.connected,
            "causes": causes,
            "received": count.received,
            "published": count.published,
            "coalesced": count.coalesced,
            "refused": count.refused,
            "spooled": self._publisher.spooled,
            "in_flight": self._publisher.in_flight,
            "recovered": count.recovered,
            "resent_messages": count.resent,
            "duplicate_messages": count.duplicates,
            "spool": asdict(self._publisher.spool_sample()),
        }


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _venue_details(venue: VenueCollector) -> dict[str, object]:
    counters = venue.counters
    checks = counters.book_checks
    ages: dict[str, dict[str, float]] = {}
    for (data_type, symbol), age in venue.ages().items():
        ages.setdefault(data_type, {})[symbol] = round(age, 1)
    feeds: dict[str, dict[str, str]] = {}
    for (data_type, symbol), state in venue.feed_states().items():
        feeds.setdefault(data_type, {})[symbol] = state
    now_ns = time.time_ns()
    return {
        "state": venue.state.condition(now_ns),
        "cause": venue.state.cause(now_ns),
        "clock_skew_seconds": venue.skew_seconds,
        "age_seconds": ages,
        "feeds": feeds,
        "books": venue.book_states(),
        "book_checks": {"compared": checks.compared, "equal": checks.equal, "crossed": checks.crossed},
        "connections": {
            name: {"open": session.is_open, "cause": session.cause, "losses": session.losses}
            for name, session in venue.sessions.items()
        },
        "gaps": dict(counters.gaps),
        "healed": dict(counters.healed),
        "refused": dict(counters.refused),
    }


def _venue_sample(venue: VenueCollector) -> VenueSample:
    counters = venue.counters
    checks = counters.book_checks
    return VenueSample(
        name=venue.name,
        state=venue.state.condition(time.time_ns()),
        frames=counters.frames,
        events=dict.fromkeys(venue.data_types, 0) | counters.events,
        refused=counters.refused,
        gaps=dict.fromkeys(venue.data_types, 0) | counters.gaps,
        healed=dict.fromkeys(venue.data_types, 0) | counters.healed,
        resyncs=counters.resyncs,
        refreshes=counters.refreshes,
        uncertain=counters.uncertain,
        checks={"equal": checks.equal, "different": checks.compared - checks.equal},
        crossed=checks.crossed,
        books=venue.book_states(),
        ages=venue.ages(),
        feeds=venue.feed_states(),
        connections={
            name: ConnectionSample(s.is_open, s.attempts, s.losses, s.rotations) for name, s in venue.sessions.items()
        },
        rest_outcomes=venue.rest.outcomes,
        rest_weight=venue.rest.budget.used,
        clock_skew_seconds=venue.skew_seconds,
    )
