"""Gathers the evidence: every source at the same time, each with a deadline, so that a dead one costs seconds."""

import asyncio
import time
from collections.abc import Awaitable, Coroutine
from dataclasses import replace
from typing import Any, TypeVar

import aiohttp

from marketprism.ops.doctor import site as sites
from marketprism.ops.doctor.evidence import Clone, Cpu, Eater, Evidence, Stream
from marketprism.ops.doctor.rules.host import is_at_limit, is_saturated, is_short
from marketprism.ops.doctor.rules.services import is_asleep, wants_to_run
from marketprism.ops.doctor.site import Site
from marketprism.ops.doctor.sources import clickhouse, faces, jetstream, kernel, sockets, surroundings, systemd
from marketprism.ops.doctor.sources.waiting import blocking

DEADLINE_SECONDS = 7.0
"""Of every source; a little more than the longest that a source allows itself."""
SAMPLE_SECONDS = 0.5
"""Between two looks at the processors."""
OF_SETTINGS = ("settings", "stream drift", "schema drift", "tables", "names")
"""Sources that nobody can look at without the settings."""
T = TypeVar("T")


class Gatherer:
    """Looks at an installation; what cannot be seen is named with its reason, and nothing raises."""

    def __init__(self) -> None:
        self._unseen: dict[str, str] = {}
        self._clone: Clone | None = None  # looked at once: starting every Python on PATH costs more than all the rest

    async def gather(self, site: Site) -> Evidence:
        """Look at everything, and closer where something is wrong."""
        self._unseen = dict.fromkeys(OF_SETTINGS, site.unreadable) if site.unreadable else {}
        evidence = await self._everything(site)
        evidence = await self._closer(evidence)
        return replace(evidence, unseen=self._unseen)

    async def _everything(self, site: Site) -> Evidence:
        settings = site.settings if site.endpoints else None
        urls = {name: site.endpoints[name] + path for name, path in sites.PATHS.items() if name in site.endpoints}
        clone = surroundings.find_clone() if self._clone is None else None
        async with aiohttp.ClientSession() as http, asyncio.TaskGroup() as group:

            def start(name: str, look: Coroutine[Any, Any, T] | None) -> asyncio.Task[T | None]:
                return group.create_task(self._source(name, look), name=name)

            units = start("units", systemd.units(site.units) if site.units else None)
            answers = start("services", faces.ask_all(http, urls))
            streams = start("streams", _streams(http, site.endpoints["nats_monitor"]) if urls else None)
            cpu = start("processors", _cpu() if site.is_here else None)
            memory = start("memory", blocking(kernel.memory) if site.is_here else None)
            disks = start("disks", blocking(kernel.disks, sites.DATA_PATHS) if site.is_here else None)
            stream_drift = start("stream drift", jetstream.drift(settings) if settings else None)
            schema_drift = start("schema drift", blocking(clickhouse.drift, settings) if settings else None)
            tables = start("tables", blocking(clickhouse.tables, settings) if settings else None)
            names = start("names", _names(surroundings.hosts(settings.venues)) if settings else None)
            backup_age = start("backup", blocking(surroundings.backup_age, sites.BACKUPS) if site.is_here else None)
            seen_clone = start("clone", blocking(surroundings.look_at_clone, clone) if clone else None)
        self._clone = self._clone or seen_clone.result()
        return Evidence(
            now=time.time_ns() / 1e9,
            installed=bool(site.endpoints),
            config_error=site.config_error,
            units=units.result(),
            ports=site.ports,
            faces=answers.result() or {},
            memory=memory.result(),
            cpu=cpu.result(),
            disks=disks.result() or (),
            streams=streams.result(),
            stream_drift=stream_drift.result(),
            schema_drift=schema_drift.result(),
            tables=tables.result(),
            names=names.result() or {},
            backup_age=backup_age.result(),
            clone=self._clone,
        )

    async def _closer(self, evidence: Evidence) -> Evidence:
        """Ask for owners of ports and for the hungriest processes only where that is the question."""
        units = (evidence.units or {}).values()
        if any(is_asleep(unit) or wants_to_run(unit) for unit in units):
            ports = set(evidence.ports.values())
            listeners = await self._source("ports", blocking(sockets.listeners, ports))
            evidence = replace(evidence, listeners=listeners)
        hungry = evidence.cpu is not None and is_saturated(evidence.cpu)
        short = evidence.memory is not None and is_short(evidence.memory)
        if hungry or short or any(is_at_limit(unit) for unit in units):
            found = await self._source("processes", _eaters())
            if found is not None:
                eaters, used = found
                cpu = replace(evidence.cpu, used=used) if evidence.cpu is not None else None
                evidence = replace(evidence, eaters=eaters, cpu=cpu)
        return evidence

    async def _source(self, name: str, look: Awaitable[T] | None) -> T | None:
        if look is None:
            return None
        try:
            async with asyncio.timeout(DEADLINE_SECONDS):
                return await look
        except TimeoutError:
            self._unseen[name] = f"no answer within {DEADLINE_SECONDS:.0f} s"
        except Exception as error:  # noqa: BLE001 - one source that breaks must not hide the others
            self._unseen[name] = str(error) or type(error).__name__
        return None


async def _streams(http: aiohttp.ClientSession, monitor: str) -> dict[str, Stream] | None:
    """Ask NATS for its streams; None when it does not answer, which is a finding of its own."""
    answer = await faces.ask(http, monitor + jetstream.QUERY)
    return jetstream.streams(answer.body) if answer.body else None


async def _cpu() -> Cpu:
    before = kernel.ticks()
    await asyncio.sleep(SAMPLE_SECONDS)
    return kernel.cpu(before, kernel.ticks())


async def _eaters() -> tuple[tuple[Eater, ...], float]:
    before = kernel.ticks(processes=True)
    await asyncio.sleep(SAMPLE_SECONDS)
    after = kernel.ticks(processes=True)
    return kernel.eaters(before, after), kernel.used(before, after)


async def _names(names: list[str]) -> dict[str, str]:
    """Look up every name; one that takes too long has failed."""

    async def look(name: str) -> str:
        try:
            async with asyncio.timeout(DEADLINE_SECONDS - 1):
                return await blocking(surroundings.resolve, name)
        except TimeoutError:
            return "the name servers do not answer"

    return dict(zip(names, await asyncio.gather(*(look(name) for name in names)), strict=True))
