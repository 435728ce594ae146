"""Kill -9 at chosen moments of the work, and the evidence that there was work to lose."""

import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from marketprism.contract.catalog import DATA_TYPES, HOT_DATABASE
from tests.faults.rig import WRITER, Rig
from tests.integration.servers import Server, eventually

_TRIES = 40
"""How often a process is stopped and looked at before it is killed in whatever it does."""

STARTING = "starting"
Look = Callable[[], set[str]]


@dataclass(slots=True)
class Kills:
    """What was killed when.

    Attributes:
        phases: Kills by what the victim was doing.
        moments: When they were, in microseconds.
        recovery_seconds: From each restart to the first event of after it in the tables.
    """

    phases: Counter[str] = field(default_factory=Counter)
    moments: list[int] = field(default_factory=list)
    recovery_seconds: list[float] = field(default_factory=list)

    def note(self, phase: str) -> None:
        """Note a kill of now."""
        self.phases[phase] += 1
        self.moments.append(time.time_ns() // 1000)

    def joined(self, other: "Kills") -> "Kills":
        """Return these and others."""
        return Kills(
            self.phases + other.phases, self.moments + other.moments, self.recovery_seconds + other.recovery_seconds
        )


def rows_in_flight(rig: Rig, moments: list[int]) -> dict[int, int]:
    """Count, for each moment, the rows that the collector had received and that were not stored yet.

    Their own times tell, afterwards. What died with the collector is not counted: a lower bound.
    """
    found: Counter[int] = Counter()
    if not moments:  # nothing died
        return {}
    for data_type in DATA_TYPES.values():
        answer = rig.ask(
            "SELECT moment, count() FROM (SELECT arrayJoin(arrayFilter(m -> m >= toUnixTimestamp64Micro(received_at)"
            f" AND m < toUnixTimestamp64Milli(inserted_at) * 1000, {moments})) AS moment"
            f" FROM {HOT_DATABASE}.{data_type.table}) GROUP BY moment"
        )
        for line in answer.splitlines():
            moment, rows = line.split("\t")
            found[int(moment)] += int(rows)
    return {moment: found[moment] for moment in moments}


def doing_of_storage(rig: Rig) -> set[str]:
    """What storage is doing while it stands still."""
    consumers = rig.consumers()
    doing = {"batch in hand"} if any(each["num_ack_pending"] for each in consumers) else set()
    running = rig.ask(f"SELECT count() FROM system.processes WHERE user = '{WRITER}' AND query LIKE 'INSERT%'")
    if int(running):
        doing.add("inserting")
    floors = {each["stream_name"]: each["ack_floor"]["stream_seq"] for each in consumers}
    for name in ("trade", "orderbook", "orderbook_delta"):
        data_type = DATA_TYPES[name]
        last = int(rig.ask(f"SELECT max(stream_seq) FROM {HOT_DATABASE}.{data_type.table}"))
        if last > floors[data_type.stream]:
            doing.add("stored, not acknowledged")
    return doing


def doing_of_clickhouse(rig: Rig) -> set[str]:
    """What ClickHouse is doing while it stands still: unfinished parts lie on its disk."""
    parts = {path.name.split("_")[1] for path in rig.clickhouse.directory.glob("data/store/*/*/tmp_*")}
    return {{"insert": "inserting", "merge": "merging"}[part] for part in parts if part in {"insert", "merge"}}


def doing_of_nats(rig: Rig) -> set[str]:
    """What NATS holds for either side; asked before it stands still."""
    doing = {"publishing"} if rig.unacknowledged() > 0 else set()
    if any(each["num_ack_pending"] for each in rig.consumers()):
        doing.add("delivering")
    return doing


def strike(victim: Server, phase: str, look: Look, dice: random.Random, *, look_first: bool = False) -> str:
    """Kill a running process in a phase of its work; in another one where that never comes.

    Args:
        victim: Is stopped for every look, so that it dies in what was seen.
        phase: Wanted.
        look: Says what it is doing.
        look_first: Look before it is stopped, as it has to answer itself.

    Returns:
        The phase that it died in.
    """
    seen: set[str] = set()
    for _ in range(_TRIES):
        time.sleep(dice.uniform(0.0, 0.15))
        if look_first:
            seen = look()
        victim.send(signal.SIGSTOP)
        if not look_first:
            seen = look()
        if phase in seen:
            break
        victim.send(signal.SIGCONT)
    victim.kill()
    return phase if phase in seen else "any"


def strike_at_start(victim: Server, dice: random.Random) -> None:
    """Start a dead process and kill it before it has recovered."""
    victim.spawn()
    time.sleep(dice.uniform(0.05, 2.0))
    victim.kill()


def kill_in_turn(
    rig: Rig, victim: Server, phases: list[str], look: Look, count: int, *, look_first: bool = False
) -> Kills:
    """Kill one process so many times, in each of its phases in turn and while it starts, with the flow going on."""
    kills, dice = Kills(), random.Random(count)
    turn = 0
    while len(kills.moments) < count:
        kills.note(strike(victim, phases[turn % len(phases)], look, dice, look_first=look_first))
        turn += 1
        if turn % len(phases) == 0 and len(kills.moments) < count:
            strike_at_start(victim, dice)
            kills.note(STARTING)
        victim.start()
        kills.recovery_seconds.append(rig.flows())
    return kills


def kill_collector(rig: Rig, count: int) -> Kills:
    """Kill the collector while it publishes, while it spools because NATS stands still, and while it starts."""
    kills, dice = Kills(), random.Random(count)
    while len(kills.moments) < count:
        time.sleep(dice.uniform(0.0, 0.5))
        if spooling := len(kills.moments) % 2 == 1:
            rig.nats.send(signal.SIGSTOP)
            eventually(lambda: any(path.stat().st_size for path in rig.collector.spool.glob("*")), 30, "spooling")
            time.sleep(dice.uniform(0.0, 1.0))
        rig.collector.kill()
        kills.note("spooling" if spooling else "publishing")
        rig.nats.send(signal.SIGCONT)
        if len(kills.moments) % 3 == 0 and len(kills.moments) < count:
            strike_at_start(rig.collector, dice)
            kills.note(STARTING)
        rig.collector.start()
        kills.recovery_seconds.append(rig.flows())
    return kills


def kill_both_servers(rig: Rig, count: int) -> Kills:
    """Kill NATS and ClickHouse at the same moment."""
    kills, dice = Kills(), random.Random(count)
    while len(kills.moments) < count:
        time.sleep(dice.uniform(0.0, 1.0))
        servers = [rig.nats, rig.clickhouse]
        for server in servers:
            server.send(signal.SIGSTOP)
        for server in servers:
            server.kill()
        kills.note("both")
        for server in dice.sample(servers, 2):
            server.start()
        kills.recovery_seconds.append(rig.flows())
    return kills
