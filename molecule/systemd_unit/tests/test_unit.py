"""The toy service after an upgrade, drift, an interrupted change, a kill and two broken units."""

from __future__ import annotations

from units import exposes_at_most, show

UNIT = "toy@one.service"
EXPOSURE = 1.2
SECRETS = ("hunter2hunter2", "correct horse battery staple")


def answer(host) -> str:
    return host.check_output(
        "python3 -c \"import urllib.request as u; print(u.urlopen('http://127.0.0.1:8000/').read().decode())\""
    )


def test_it_runs_the_new_release_with_the_new_secret_and_setting(host) -> None:
    assert answer(host) == f"release=3 secret-length={len(SECRETS[1])} colour=red"
    assert show(host, UNIT, "StatusText")["StatusText"] == "playing"


def test_the_last_releases_are_kept_and_older_ones_are_not(host) -> None:
    assert sorted(host.file("/opt/toy/releases").listdir()) == ["1", "3"]
    assert host.file("/opt/toy/current").linked_to == "/opt/toy/releases/3"
    assert host.file("/usr/local/bin/toy").linked_to == "/opt/toy/releases/3/toy.py"


def test_drift_and_an_interrupted_change_restarted_it(host) -> None:
    assert host.file("/before-repair").content_string != host.file("/after-repair").content_string
    assert host.file("/etc/systemd/system/toy@.service").contains("^PrivateUsers=true$")


def test_one_that_was_still_starting_with_an_old_setting_was_restarted_too(host) -> None:
    assert host.service("waiting").is_running
    assert host.file("/etc/waiting").content_string == "right\n"


def test_systemd_restarted_the_killed_service(host) -> None:
    state = show(host, UNIT, "ActiveState", "MainPID", "NRestarts", "StartLimitIntervalUSec")
    assert state["ActiveState"] == "active"
    assert int(state["NRestarts"]) >= 1
    assert state["MainPID"] != host.file("/after-repair").content_string.strip()
    assert state["StartLimitIntervalUSec"] == "0"


def test_the_journal_s_lines_begin_with_its_name(host) -> None:
    answer(host)
    said = f"journalctl --quiet --identifier {UNIT.removesuffix('.service')} --lines 1 --output cat"
    assert host.check_output(said) == "asked"


def test_its_memory_is_limited_alone_and_with_the_others(host) -> None:
    assert show(host, UNIT, "Slice", "MemoryMax") == {"Slice": "marketprism.slice", "MemoryMax": str(128 << 20)}
    limits = host.check_output("systemctl show --property=MemoryHigh,MemoryMax,ActiveState marketprism.slice")
    assert set(limits.splitlines()) == {f"MemoryHigh={192 << 20}", f"MemoryMax={256 << 20}", "ActiveState=active"}
    assert "/marketprism.slice/" in host.file(f"/proc/{show(host, UNIT, 'MainPID')['MainPID']}/cgroup").content_string


def test_the_secret_is_with_root_and_nowhere_else(host) -> None:
    file = host.file("/etc/marketprism/credentials/toy")
    assert (file.user, file.group, file.mode) == ("root", "root", 0o600)
    assert host.file("/etc/marketprism/credentials").mode == 0o700
    seen = host.check_output(
        f"systemctl show {UNIT}; systemctl cat {UNIT}; journalctl --no-pager; ps -eo args; "
        "cat /proc/*/environ 2>/dev/null || true"
    )
    assert not [secret for secret in SECRETS if secret in seen]


def test_the_unit_exposes_little(host) -> None:
    exposes_at_most(host, UNIT, EXPOSURE)


def test_the_target_stops_and_starts_it(host) -> None:
    assert host.check_output("systemctl is-enabled marketprism.target") == "enabled"
    host.check_output("systemctl stop marketprism.target")
    assert host.run(f"systemctl is-active {UNIT}").stdout.strip() == "inactive"
    host.check_output("systemctl start marketprism.target")
    assert host.check_output(f"systemctl is-active {UNIT}") == "active"


def test_a_service_that_does_not_start_is_explained_by_its_journal(host) -> None:
    reason = host.file("/reason").content_string
    assert "broken.service did not start" in reason
    assert "the cause is here" in reason


def test_a_misspelt_directive_is_refused_before_it_is_installed(host) -> None:
    assert host.file("/misspelt-refused").exists
    assert not host.file("/etc/systemd/system/misspelt.service").exists
