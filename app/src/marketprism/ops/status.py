"""What is installed, whether it runs, and whether data really arrives: gathered on the host, read-only, with deadlines.

Every source may be away; then it becomes a problem in the report, never an exception.
"""

import asyncio
import json
import ssl
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp

from marketprism.contract.catalog import DATA_TYPES, HOT_DATABASE
from marketprism.contract.instruments import Exchange, Market
from marketprism.contract.venues import VENUES, feeds, venue_of
from marketprism.errors import ConfigurationError
from marketprism.nats_login import certificate_end
from marketprism.settings import Settings

INSTALLATION = Path("/etc/marketprism/installation.json")
DEADLINE_SECONDS = 5.0
"""Limit of every single question."""
RATE_SECONDS = 60
CERTIFICATE_DAYS = 21
"""What a certificate has to be good for: the deployment renews it in its last 30 days."""


@dataclass(frozen=True, slots=True)
class Service:
    """One systemd unit. `since` is the UTC time of the last change of state."""

    unit: str
    host: str
    state: str
    since: str | None
    detail: str


@dataclass(frozen=True, slots=True)
class TableState:
    """One table.

    Attributes:
        newest_age_seconds: Age of the newest event of the installation's own source; None without one.
        limit_seconds: Age from which the table is stale; None where nothing is collected for it, or it may be silent.
    """

    rows: int
    newest_age_seconds: float | None
    limit_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class FeedState:
    """One data type of one venue, in the last minute.

    Attributes:
        lag_seconds: Median time from receipt to insertion; None without rows.
    """

    venue: str
    data_type: str
    rows_per_second: float
    lag_seconds: float | None
    newest_age_seconds: float


@dataclass(slots=True)
class Status:
    """The whole report; `problems` holds one sentence per finding and is empty when all is well."""

    installation: dict[str, Any]
    hosts: list[dict[str, Any]]
    endpoints: dict[str, str]
    clickhouse_reader: dict[str, str]
    services: list[Service] = field(default_factory=list)
    tables: dict[str, TableState] = field(default_factory=dict)
    feeds: list[FeedState] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Return the report as plain values."""
        return {**asdict(self), "healthy": not self.problems}


async def gather(settings: Settings, installation: Path = INSTALLATION) -> Status:
    """Ask systemd, the services and ClickHouse.

    Raises:
        ConfigurationError: Nothing is installed here.
    """
    status, units = _installed(installation)
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=DEADLINE_SECONDS)) as http:
        host = str(status.hosts[0]["name"]) if status.hosts else "localhost"
        async with asyncio.TaskGroup() as group:
            group.create_task(_services(status, units, host), name="services")
            group.create_task(_ready(status, http), name="endpoints")
            group.create_task(_tables(status, http, settings), name="tables")
            if settings.nats.secured:
                group.create_task(_certificate(status, settings), name="certificate")
    status.problems.sort()
    return status


def _installed(path: Path) -> tuple[Status, list[str]]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigurationError(
            f"no installation here: {path} is missing",
            remedy="deploy with scripts/one_click_deploy.sh --fresh, or ask on the host that is installed",
        ) from error
    installation = {key: found[key] for key in ("version", "inventory", "source")}
    return Status(installation, found["hosts"], found["endpoints"], found["clickhouse_reader"]), found["units"]


async def _services(status: Status, units: Sequence[str], host: str) -> None:
    properties = "Id,ActiveState,SubState,StateChangeTimestamp,StatusText"
    process = await asyncio.create_subprocess_exec(
        "systemctl", "show", "--timestamp=unix", f"--property={properties}", *units, stdout=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(DEADLINE_SECONDS):
            output, _ = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        status.problems.append(
            f"systemd does not answer within {DEADLINE_SECONDS:g} s; see 'systemctl is-system-running'"
        )
        return
    for block in output.decode().strip().split("\n\n"):
        values = dict(line.partition("=")[::2] for line in block.splitlines())
        if "Id" not in values:
            continue
        service = Service(
            values["Id"], host, values["ActiveState"], _utc(values["StateChangeTimestamp"]), values["StatusText"]
        )
        status.services.append(service)
        if service.state != "active":
            status.problems.append(
                f"{service.unit} is {service.state} ({values['SubState']}); see journalctl -u {service.unit}"
            )


def _utc(unix: str) -> str | None:
    return datetime.fromtimestamp(int(unix[1:]), UTC).isoformat() if unix.startswith("@") else None


async def _ready(status: Status, http: aiohttp.ClientSession) -> None:
    for name, url in _ready_urls(status.endpoints).items():
        try:
            async with http.get(url) as answer:
                if answer.status != 200:
                    status.problems.append(f"{name} is not well: {url} says {(await answer.text())[:300]}")
        except (TimeoutError, aiohttp.ClientError) as error:
            status.problems.append(f"{name} does not answer at {url}: {error!r}")


def _ready_urls(endpoints: dict[str, str]) -> dict[str, str]:
    """Return what answers 200 when all is well; cold storage counts where it is installed."""
    urls = {
        "nats-server": endpoints["nats_monitor"] + "/healthz",
        "collector": endpoints["collector"] + "/ready",
        "storage hot": endpoints["storage_hot"] + "/ready",
    }
    if "storage_cold" in endpoints:
        urls["storage cold"] = endpoints["storage_cold"] + "/health"  # no row of the hot tables tells how it is
    return urls


async def _certificate(status: Status, settings: Settings) -> None:
    try:
        async with asyncio.timeout(DEADLINE_SECONDS):
            end = await certificate_end(settings)
    except ssl.SSLCertVerificationError as error:
        status.problems.append(
            f"the certificate of NATS at {settings.nats.url} is refused: {error.verify_message}; renew it with"
            " scripts/manage_all.sh repair"
        )
    except ConfigurationError as error:
        status.problems.append(str(error))
    except OSError:
        return  # that it does not answer is told by its monitor
    else:
        if end - datetime.now(UTC) < timedelta(days=CERTIFICATE_DAYS):
            status.problems.append(
                f"the certificate of NATS ends on {end:%Y-%m-%d}; renew it with scripts/manage_all.sh repair"
            )


async def _tables(status: Status, http: aiohttp.ClientSession, settings: Settings) -> None:
    source = str(status.installation["source"])
    reader = status.clickhouse_reader["user"]
    url = status.endpoints["clickhouse_http"]
    try:
        headers = {"X-ClickHouse-User": reader, "X-ClickHouse-Key": settings.credential("clickhouse-reader")}
        for data_type in DATA_TYPES.values():
            totals = await _query(http, url, headers, _rows_sql(data_type.table))
            rows = await _query(http, url, headers, _newest_sql(data_type.table, source))
            newest = {(row["exchange"], row["market"], row["symbol"]): float(row["newest"]) for row in rows}
            now = time.time_ns() / 1e9
            age = round(now - max(newest.values()), 3) if newest else None
            limit = data_type.freshness_seconds if _is_expected(settings, data_type.name) else None
            status.tables[data_type.table] = TableState(int(totals[0]["rows"]), age, limit)
            status.feeds += _feeds(data_type.name, rows, now)
            status.problems += _stale(settings, data_type.name, newest, now)
    except (TimeoutError, aiohttp.ClientError) as error:
        status.problems.append(f"ClickHouse does not answer at {url}: {error!r}")
    except ConfigurationError as error:
        status.problems.append(str(error))


def _rows_sql(table: str) -> str:
    return f"SELECT count() AS rows FROM {HOT_DATABASE}.{table}"


def _newest_sql(table: str, source: str) -> str:
    return (
        "SELECT exchange, market, symbol, toUnixTimestamp64Micro(max(timestamp)) / 1e6 AS newest,"
        f" countIf(inserted_at > now64(3) - {RATE_SECONDS}) AS recent,"
        " medianIf(date_diff('millisecond', received_at, inserted_at) / 1e3,"
        f" inserted_at > now64(3) - {RATE_SECONDS}) AS lag"
        f" FROM {HOT_DATABASE}.{table} WHERE source = '{source}' AND timestamp > now() - INTERVAL 1 DAY"
        " GROUP BY exchange, market, symbol"
    )


def _feeds(data_type: str, rows: Sequence[dict[str, Any]], now: float) -> list[FeedState]:
    """Sum the symbols of each venue up; the lag is that of its busiest symbol."""
    by_venue: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        by_venue.setdefault(venue_of(Exchange(row["exchange"]), Market(row["market"])), []).append(row)
    return [
        FeedState(
            venue=venue,
            data_type=data_type,
            rows_per_second=round(sum(int(row["recent"]) for row in found) / RATE_SECONDS, 2),
            lag_seconds=max(found, key=lambda row: int(row["recent"]))["lag"],
            newest_age_seconds=round(now - max(float(row["newest"]) for row in found), 3),
        )
        for venue, found in sorted(by_venue.items())
    ]


def _is_expected(settings: Settings, data_type: str) -> bool:
    return any(venue.enabled and data_type in venue.data_types for venue in settings.venues.values())


async def _query(http: aiohttp.ClientSession, url: str, headers: dict[str, str], sql: str) -> list[dict[str, Any]]:
    async with http.post(url, params={"default_format": "JSONEachRow"}, headers=headers, data=sql) as answer:
        text = await answer.text()
        if answer.status != 200:
            raise aiohttp.ClientError(text[:300])
    return [json.loads(line) for line in text.splitlines()]


def _stale(settings: Settings, data_type: str, newest: dict[tuple[str, str, str], float], now: float) -> list[str]:
    limit = DATA_TYPES[data_type].freshness_seconds
    found = []
    for venue, configured in settings.venues.items():
        if not configured.enabled or limit is None or data_type not in configured.data_types:
            continue
        for _, market, symbol in feeds(venue, configured.symbols, (data_type,)):
            last = newest.get((VENUES[venue].exchange.value, market.value, symbol))
            feed = f"{venue} {data_type} {symbol}"
            if last is None:
                found.append(f"{feed} is stale: no row in the last day (limit {limit:g} s)")
            elif now - last > limit:
                found.append(f"{feed} is stale: newest row is {now - last:.0f} s old (limit {limit:g} s)")
    return found
