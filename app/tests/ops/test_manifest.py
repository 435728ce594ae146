"""A backup exists once its manifest does, says when a file is not what it was, and is forgotten by age."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from marketprism.errors import ConfigurationError, UnavailableError
from marketprism.ops import manifest as manifests
from marketprism.ops.manifest import File, Manifest, Rows


def backup(
    backup_id: str, target: Path | None = None, base: str | None = None, size: int = 0, rows: int = 3
) -> Manifest:
    files = {"clickhouse/part": File(size, "")}
    if target is not None:
        directory = target / "clickhouse" / backup_id
        directory.mkdir(parents=True)
        (directory / "part").write_bytes(backup_id.encode())
        files = manifests.hashed(target, directory)
    made = Manifest(
        id=backup_id,
        base=base,
        settled_before="2026-11-01 00:00:00",
        tables={"marketprism_hot": {"trades": Rows(rows, rows, 18446744073709551615)}},
        messages={"MARKET_DATA": 7},
        files=files,
    )
    if target is not None:
        manifests.write(target, made)
    return made


def test_a_written_manifest_reads_back_as_it_was(tmp_path: Path):
    made = backup("20261101T000000Z", tmp_path)
    assert manifests.read_all(tmp_path) == [made]
    assert made.made_at == datetime(2026, 11, 1, tzinfo=UTC)
    assert manifests.damage(tmp_path, made) == []


def test_files_without_a_manifest_are_no_backup(tmp_path: Path):
    (tmp_path / "clickhouse" / "20261101T000000Z").mkdir(parents=True)
    (tmp_path / ".20261101T000000Z.json").write_text("{")
    assert manifests.read_all(tmp_path) == []
    with pytest.raises(ConfigurationError, match="holds no complete backup"):
        manifests.choose(tmp_path, None)


def test_the_newest_is_chosen_and_an_unknown_id_lists_the_known(tmp_path: Path):
    backup("20261101T000000Z", tmp_path)
    newest = backup("20261102T000000Z", tmp_path)
    assert manifests.choose(tmp_path, None) == newest
    with pytest.raises(ConfigurationError, match=r"'20261103T000000Z' is not in .*20261101T000000Z, 20261102T000000Z"):
        manifests.choose(tmp_path, "20261103T000000Z")


@pytest.mark.parametrize(
    ("rows", "chosen"),
    [
        pytest.param([9000, 9000], 1, id="as many"),
        pytest.param([9000, 4500], 1, id="half as many"),
        pytest.param([9000, 0, 4499], None, id="less than half of an older one"),
        pytest.param([0], 0, id="the only one"),
    ],
)
def test_the_newest_is_restored_unless_an_older_one_has_far_more_rows(
    tmp_path: Path, rows: list[int], chosen: int | None
):
    made = [backup(f"2026110{day}T000000Z", tmp_path, rows=number) for day, number in enumerate(rows, start=1)]
    if chosen is not None:
        assert manifests.choose_to_restore(tmp_path, None) == made[chosen]
        return
    with pytest.raises(
        ConfigurationError,
        match=r"newest backup 20261103T000000Z \(2026-11-03 00:00 UTC, 4,499 rows\) has less than half of the rows of"
        r" 20261101T000000Z \(2026-11-01 00:00 UTC, 9,000 rows\); say .* -e backup_id=20261101T000000Z",
    ):
        manifests.choose_to_restore(tmp_path, None)
    assert manifests.choose_to_restore(tmp_path, made[-1].id) == made[-1], "who names it wants it"
    assert manifests.choose(tmp_path, None) == made[-1], "a rehearsal takes the newest"


def test_of_older_ones_with_more_rows_the_last_is_named(tmp_path: Path):
    for day, number in enumerate((9000, 8000, 10), start=1):
        backup(f"2026110{day}T000000Z", tmp_path, rows=number)
    with pytest.raises(ConfigurationError, match=r"rows of 20261102T000000Z \(2026-11-02 00:00 UTC, 8,000 rows\)"):
        manifests.choose_to_restore(tmp_path, None)


def test_a_changed_and_a_missing_file_are_named_those_of_the_base_too(tmp_path: Path):
    backup("20261101T000000Z", tmp_path)
    made = backup("20261102T000000Z", tmp_path, base="20261101T000000Z")
    (tmp_path / "clickhouse/20261102T000000Z/part").write_bytes(b"20261102T000000z")
    (tmp_path / "clickhouse/20261101T000000Z/part").unlink()
    assert manifests.damage(tmp_path, made) == [
        "clickhouse/20261102T000000Z/part has changed",
        "clickhouse/20261101T000000Z/part is missing",
    ]


def test_a_manifest_that_cannot_be_read_is_an_error(tmp_path: Path):
    (tmp_path / "20261101T000000Z.json").write_text("{}")
    with pytest.raises(ConfigurationError, match=r"20261101T000000Z\.json cannot be read"):
        manifests.read_all(tmp_path)


def test_old_backups_expire_unless_a_young_one_builds_on_them():
    old = [backup("20261001T000000Z"), backup("20261002T000000Z", base="20261001T000000Z")]
    young = backup("20261031T000000Z", base="20261001T000000Z")
    now = datetime(2026, 11, 1, tzinfo=UTC)
    assert manifests.expired([*old, young], now, keep_days=7) == [old[1]]
    assert manifests.expired([*old, backup("20261031T000000Z")], now, keep_days=7) == old


def test_the_newest_backup_never_expires():
    old = [backup("20251001T000000Z"), backup("20251002T000000Z", base="20251001T000000Z")]
    assert manifests.expired(old, datetime(2026, 11, 1, tzinfo=UTC), keep_days=7) == []
    assert manifests.expired([], datetime(2026, 11, 1, tzinfo=UTC), keep_days=7) == []


OLDER = [
    backup("20261001T000000Z", size=1000),
    backup("20261002T000000Z", base="20261001T000000Z", size=50),
    backup("20261003T000000Z", base="20261001T000000Z", size=100),
]
NEWER = [
    backup("20261008T000000Z", size=900),
    backup("20261009T000000Z", base="20261008T000000Z", size=40),
    backup("20261010T000000Z", base="20261008T000000Z", size=60),
]
"""Two chains: the next full backup is expected to need 1200 bytes, the next one on a base 120."""


@pytest.mark.parametrize(
    ("base", "free", "removed"),
    [
        pytest.param(None, 1200, [], id="there is room"),
        pytest.param(None, 1199, ["02"], id="one byte is missing"),
        pytest.param(None, 1100, ["02", "03"], id="an older one that another builds on goes after it"),
        pytest.param(None, 1000, ["02", "03", "01"], id="the whole older chain"),
        pytest.param(None, 10, ["02", "03", "01", "09"], id="all but the newest and its base"),
        pytest.param("20261008T000000Z", 120, [], id="one on a base needs less"),
        pytest.param("20261008T000000Z", 0, ["02", "03"], id="and removes less"),
    ],
)
def test_without_room_the_oldest_go_first(base: str | None, free: int, removed: list[str]):
    found = manifests.crowding([*OLDER, *NEWER], base, free)
    assert [manifest.id[6:8] for manifest in found] == removed


def test_a_backup_for_which_nothing_can_make_room_is_refused_with_the_numbers():
    with pytest.raises(
        UnavailableError,
        match=r"needs about 1,200 bytes, 9 are free and older backups would free 1,190 more; mount a larger disk",
    ):
        manifests.crowding([*OLDER, *NEWER], None, free=9)
    with pytest.raises(UnavailableError, match=r"needs about 1,080 bytes, 0 are free and .* would free 0 more"):
        manifests.crowding(NEWER[:1], None, free=0)
    assert manifests.crowding([], None, free=0) == [], "of the first one nothing is known"


def test_what_has_no_manifest_is_unfinished_unless_others_build_on_it_or_it_is_no_backup(tmp_path: Path):
    (tmp_path / "jetstream").mkdir()
    made = backup("20261102T000000Z", tmp_path, base="20261101T000000Z")
    for name in (
        "clickhouse/20261101T000000Z", "clickhouse/20261030T000000Z", "jetstream/20261030T000000Z",
        "jetstream/20261031T000000Z", "jetstream/aside_20261029T000000Z", "clickhouse/lost+found",
    ):  # fmt: skip
        (tmp_path / name).mkdir()
    (tmp_path / ".20261029T000000Z.json").touch()
    assert manifests.unfinished(tmp_path, [made]) == ["20261029T000000Z", "20261030T000000Z", "20261031T000000Z"]


def test_rows_that_did_not_change_during_the_backup_have_to_be_those_very_rows():
    recorded = Rows(3, 3, 77).between(Rows(3, 3, 77))
    assert recorded == Rows(3, 3, 77)
    assert recorded.holds(Rows(3, 3, 77))
    assert not recorded.holds(Rows(3, 3, 78))
    assert not recorded.holds(Rows(2, 2, 77))


def test_rows_that_changed_during_the_backup_have_to_be_of_a_number_in_between():
    recorded = Rows(3, 3, 77).between(Rows(5, 5, 99))
    assert recorded == Rows(3, 5, None) == Rows(5, 5, 99).between(Rows(3, 3, 77))
    assert [recorded.holds(Rows(number, number, 1)) for number in (2, 3, 5, 6)] == [False, True, True, False]
