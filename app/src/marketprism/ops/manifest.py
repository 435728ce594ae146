"""What a backup says about itself: where its files are, what they hash to, and what has to be in them.

A target directory holds ``<id>.json`` (the manifest, written last: without it a backup does not exist),
``clickhouse/<id>/`` and ``jetstream/<id>/``. Ids are UTC times, so they sort.
"""

import hashlib
import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from marketprism.errors import ConfigurationError, UnavailableError

ID_FORMAT = "%Y%m%dT%H%M%SZ"
_PIECE_BYTES = 1024 * 1024


class File(msgspec.Struct, frozen=True):
    """One file of a backup."""

    bytes: int
    sha256: str


class Rows(msgspec.Struct, frozen=True):
    """A table's rows that were inserted before the manifest's `settled_before`.

    Attributes:
        least: Their number, the smaller of those before and after the backup: a retention or a move may change it.
        most: The larger.
        hash: Sum of the hashes of their places in the streams, which tells other rows of the same number apart; None
            where it changed meanwhile.
    """

    least: int
    most: int
    hash: int | None

    def between(self, after: "Rows") -> "Rows":
        """Return what a backup holds that was made between these rows and those."""
        same = self.hash if self == after else None
        return Rows(min(self.least, after.least), max(self.most, after.most), same)

    def holds(self, found: "Rows") -> bool:
        """Tell whether a restored table is what was recorded."""
        return self.least <= found.least <= self.most and self.hash in (None, found.hash)


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """One complete backup.

    Attributes:
        id: UTC time of its start.
        base: The full backup that an incremental one needs; None for a full one.
        settled_before: Rows inserted until then are certainly in it, and are the ones counted. UTC.
        tables: By database and table.
        messages: By stream.
        files: By path below the target directory.
    """

    id: str
    base: str | None
    settled_before: str
    tables: dict[str, dict[str, Rows]]
    messages: dict[str, int]
    files: dict[str, File]

    @property
    def made_at(self) -> datetime:
        """Return the UTC time of the backup's start."""
        return made_at(self.id)

    @property
    def size(self) -> int:
        """Return the bytes of its own files, without those of the one it builds on."""
        return sum(file.bytes for file in self.files.values())

    @property
    def rows(self) -> int:
        """Return the rows of all its tables."""
        return sum(rows.most for tables in self.tables.values() for rows in tables.values())

    @property
    def summary(self) -> str:
        """Return what tells it apart from others: its id, its time and its rows."""
        return f"{self.id} ({self.made_at:%Y-%m-%d %H:%M} UTC, {self.rows:,} rows)"


def made_at(backup_id: str) -> datetime:
    """Return the UTC time of the start of a backup."""
    return datetime.strptime(backup_id, ID_FORMAT).replace(tzinfo=UTC)


def write(target: Path, manifest: Manifest) -> None:
    """Make a backup exist: the manifest appears whole or not at all, and survives a power cut."""
    partial = target / f".{manifest.id}.json"
    with partial.open("wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    partial.rename(target / f"{manifest.id}.json")


def read_all(target: Path) -> list[Manifest]:
    """Return the complete backups of a target, oldest first.

    Raises:
        ConfigurationError: The target is no directory, or a manifest cannot be read.
    """
    if not target.is_dir():
        raise ConfigurationError(f"{target} is no directory", remedy="name the directory that holds the backups")
    found = []
    for path in sorted(target.glob("[0-9]*.json")):
        try:
            found.append(msgspec.json.decode(path.read_bytes(), type=Manifest))
        except (OSError, msgspec.MsgspecError) as error:
            raise ConfigurationError(
                f"manifest {path} cannot be read: {error}",
                remedy=f"move it away with clickhouse/{path.stem} and jetstream/{path.stem}, or take another backup",
            ) from error
    return found


def choose(target: Path, backup_id: str | None) -> Manifest:
    """Return one backup, the newest without an id.

    Raises:
        ConfigurationError: There is none of that id, or none at all.
    """
    known = {manifest.id: manifest for manifest in read_all(target)}
    if not known:
        raise ConfigurationError(f"{target} holds no complete backup", remedy="make one with 'marketprism backup'")
    chosen = backup_id or max(known)
    if chosen not in known:
        raise ConfigurationError(f"backup {chosen!r} is not in {target}", remedy=f"it holds {', '.join(sorted(known))}")
    return known[chosen]


def choose_to_restore(target: Path, backup_id: str | None) -> Manifest:
    """Return one backup, the newest without an id: unless it is nearly empty, as that of a host which took over.

    Raises:
        ConfigurationError: There is none of that id, none at all, or the newest has far fewer rows than an older one.
    """
    chosen = choose(target, backup_id)
    richer = [manifest for manifest in read_all(target) if manifest.rows > 2 * chosen.rows]
    if backup_id is None and richer:
        raise ConfigurationError(
            f"the newest backup {chosen.summary} has less than half of the rows of {richer[-1].summary}",
            remedy=f"say which one you want, for instance -e backup_id={richer[-1].id} (marketprism restore: --id)",
        )
    return chosen


def hashed(target: Path, *directories: Path) -> dict[str, File]:
    """Hash every file below some directories of a target."""
    return {str(path.relative_to(target)): _hash(path) for path in _files(*directories)}


def damage(target: Path, manifest: Manifest) -> list[str]:
    """Say which files of a backup, and of the one it builds on, are not as they were written."""
    found = []
    for part in (manifest, *([choose(target, manifest.base)] if manifest.base else [])):
        for name, file in part.files.items():
            path = target / name
            if not path.is_file():
                found.append(f"{name} is missing")
            elif _hash(path) != file:
                found.append(f"{name} has changed")
    return found


def expired(manifests: list[Manifest], now: datetime, keep_days: int) -> list[Manifest]:
    """List the backups older than some days that no younger one builds on; the newest always stays."""
    limit = now - timedelta(days=keep_days)
    kept = [manifest for manifest in manifests if manifest.made_at >= limit] or manifests[-1:]
    needed = {manifest.id for manifest in kept} | {manifest.base for manifest in kept}
    return [manifest for manifest in manifests if manifest.id not in needed]


def crowding(manifests: list[Manifest], base: str | None, free: int) -> list[Manifest]:
    """List the oldest backups that have to go before another one fits; the newest and the one it builds on always stay.

    Args:
        manifests: The complete backups, oldest first.
        base: What the next one will build on; None for a full one.
        free: Bytes that are free where the backups are.

    Raises:
        UnavailableError: It does not fit even then.
    """
    # The next one is about as large as the largest of its kind; a fifth more, because data grows.
    needed = max((known.size for known in manifests if (known.base is None) == (base is None)), default=0) * 6 // 5
    stays = {name for newest in manifests[-1:] for name in (newest.id, newest.base)}
    found: list[Manifest] = []
    room = free
    # A full backup goes after those that build on it.
    for manifest in sorted(manifests, key=lambda known: (known.base or known.id, known.base is None, known.id)):
        if room < needed and manifest.id not in stays:
            found.append(manifest)
            room += manifest.size
    if room < needed:
        raise UnavailableError(
            f"the next backup needs about {needed:,} bytes, {free:,} are free and older backups would free"
            f" {room - free:,} more",
            remedy="mount a larger disk at backup_dir, or take other files off it",
        )
    return found


def unfinished(target: Path, manifests: list[Manifest]) -> list[str]:
    """List the ids of which there are files but no manifest: their backup failed, or is being made."""
    names = (path.name.removeprefix(".").removesuffix(".json") for path in _entries(target))
    known = {name for manifest in manifests for name in (manifest.id, manifest.base)}
    return sorted({name for name in names if re.fullmatch(r"\d{8}T\d{6}Z", name)} - known)


def _entries(target: Path) -> Iterator[Path]:
    yield from target.glob(".*.json")
    for kind in ("clickhouse", "jetstream"):
        yield from (target / kind).iterdir()


def _files(*directories: Path) -> Iterator[Path]:
    for directory in directories:
        yield from sorted(path for path in directory.rglob("*") if path.is_file())


def _hash(path: Path) -> File:
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            digest.update(piece)
            size += len(piece)
    return File(size, digest.hexdigest())
