"""What was found out about a host, as plain values. Rules read only this; None says that a thing could not be seen."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a journal. `seconds` is UTC since the epoch."""

    seconds: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """One systemd unit.

    Attributes:
        load: ``loaded``, ``not-found``, ``masked`` and so on.
        state: ActiveState.
        sub: SubState.
        result: Why the last run ended: ``success``, ``exit-code``, ``oom-kill`` and so on.
        since: When the state changed last, UTC seconds; None before it was ever started.
        memory_bytes: Now; None where it is not counted.
        memory_limit_bytes: None without a limit.
        drop_ins: Files that change what the unit's own file says.
        lines: The journal of the last minutes, oldest first.
    """

    name: str
    load: str = "loaded"
    state: str = "active"
    sub: str = "running"
    result: str = "success"
    exit_status: int = 0
    restarts: int = 0
    since: float | None = None
    memory_bytes: int | None = None
    memory_limit_bytes: int | None = None
    drop_ins: tuple[str, ...] = ()
    lines: tuple[Line, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """Who listens on a port. Without the right to look, `pid` is None; `unit` is empty outside of any service."""

    port: int
    pid: int | None = None
    command: str = ""
    unit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Face:
    """What an HTTP address answered.

    Attributes:
        status: 0 when nobody answered.
        body: The JSON object, empty for anything else.
        text: The start of any other answer.
        error: Why nobody answered.
    """

    url: str
    status: int = 0
    body: Mapping[str, Any] = field(default_factory=dict)
    text: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Bytes of the host, and the share of time (in percent) in which every task waited for memory."""

    total: int
    available: int
    stalled_10s: float = 0.0
    stalled_60s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Cpu:
    """The host's processors.

    Attributes:
        idle: Share of the sample in which they had nothing to do, 0 to 1.
        load: Average of the last minute.
        waiting_10s: Percent of the time in which some task waited for a processor; None where the kernel does not say.
        waiting_60s: Likewise.
        used: Processors that all processes of this host together use; None where nobody looked.
    """

    count: int
    idle: float
    load: float
    waiting_10s: float | None = None
    waiting_60s: float | None = None
    used: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Eater:
    """One process and what it takes: share of one processor, and resident bytes."""

    pid: int
    command: str
    cpu: float
    memory_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """The file system below a data path."""

    path: str
    total: int
    available: int
    inodes_free: float = 1.0
    read_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Consumer:
    """A durable consumer as the server shows it; `idle_seconds` is the time since its last acknowledgement."""

    name: str
    pending: int = 0
    unacknowledged: int = 0
    idle_seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """A stream as the server shows it. The ages are those of its newest and of its oldest message."""

    name: str
    messages: int = 0
    bytes: int = 0
    max_bytes: int = 0
    newest_seconds: float | None = None
    oldest_seconds: float | None = None
    consumers: tuple[Consumer, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """Something that has to arrive, and the age of its newest row.

    Attributes:
        limit: Age in seconds from which it is stale.
        age: None when the last hour has no row.
    """

    venue: str
    data_type: str
    symbol: str
    limit: float
    age: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tables:
    """What ClickHouse says.

    Attributes:
        rows: By data type, of every source.
        feeds: Everything that the settings ask for.
        open_gaps: Holes of the last hour that are not healed: sentences.
        parts: Most active parts of one partition, and whose.
        merges: Merges that run now.
        read_only_disks: Names.
    """

    rows: Mapping[str, int]
    feeds: tuple[Feed, ...]
    open_gaps: tuple[str, ...] = ()
    parts: int | None = None
    parts_of: str = ""
    merges: int | None = None
    read_only_disks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Clone:
    """Where the deployment starts from, and with which rights.

    Attributes:
        not_executable: Scripts that cannot be run, with the reason.
        sudo_error: Why there are no root rights; empty when there are.
        pythons: Versions by command.
    """

    path: str
    not_executable: tuple[str, ...] = ()
    sudo_error: str = ""
    pythons: Mapping[str, tuple[int, int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Everything at one moment.

    Attributes:
        now: UTC seconds.
        installed: Whether a deployment left its record here.
        config_error: Why the settings cannot be read.
        units: By name; those of this host. None where systemd cannot be asked.
        ports: Port by endpoint name.
        faces: By endpoint name: collector, storage_hot, nats_monitor, clickhouse_http and so on.
        stream_drift: Sentences; None when it could not be looked for.
        schema_drift: Likewise.
        names: What resolving each host of a venue gave; empty for success.
        backup_age: Seconds since the newest backup, or since backups are wanted; None where none are.
        unseen: Why a source could not be read, by its name.
    """

    now: float
    installed: bool = True
    config_error: str = ""
    units: Mapping[str, Unit] | None = None
    listeners: tuple[Listener, ...] | None = None
    ports: Mapping[str, int] = field(default_factory=dict)
    faces: Mapping[str, Face] = field(default_factory=dict)
    memory: Memory | None = None
    cpu: Cpu | None = None
    eaters: tuple[Eater, ...] = ()
    disks: tuple[Disk, ...] = ()
    streams: Mapping[str, Stream] | None = None
    stream_drift: tuple[str, ...] | None = None
    schema_drift: tuple[str, ...] | None = None
    tables: Tables | None = None
    names: Mapping[str, str] = field(default_factory=dict)
    backup_age: float | None = None
    clone: Clone | None = None
    unseen: Mapping[str, str] = field(default_factory=dict)

    def face(self, name: str) -> Face | None:
        """Return what an endpoint answered; None when it was not asked."""
        return self.faces.get(name)

    def details(self, name: str) -> Mapping[str, Any]:
        """Return the details of a service's health; empty when it did not answer."""
        face = self.faces.get(name)
        found = face.body.get("details") if face is not None else None
        return found if isinstance(found, Mapping) else {}

    def venues(self) -> Mapping[str, Mapping[str, Any]]:
        """Return what the collector says about each venue."""
        found = self.details("collector").get("venues")
        return found if isinstance(found, Mapping) else {}
