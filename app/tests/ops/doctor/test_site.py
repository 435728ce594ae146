"""Where everything is asked, on an installed host, in a clone, and on a computer that is neither."""

import json
from pathlib import Path

import pytest

from marketprism.errors import RightsError
from marketprism.ops.doctor import site
from marketprism.setting_layers import Layer

RECORD = {
    "units": ["nats-server.service"],
    "endpoints": {"collector": "http://10.98.0.10:8187", "clickhouse_native": "10.98.0.10:9100"},
}


@pytest.fixture
def record(tmp_path: Path) -> Path:
    path = tmp_path / "installation.json"
    path.write_text(json.dumps(RECORD))
    return path


def configured(monkeypatch: pytest.MonkeyPatch, path: Path, text: str) -> None:
    path.write_text(text)
    monkeypatch.setenv("MARKETPRISM_CONFIG", str(path))


def test_an_installed_host_knows_its_units_and_ports(
    record: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configured(monkeypatch, tmp_path / "marketprism.yml", "source: simulated\n")
    found = site.find(record)
    assert (found.is_here, found.units) == (True, ("nats-server.service",))
    assert (found.ports["collector"], found.ports["clickhouse_native"], found.ports["nats"]) == (8187, 9100, 4222)


def test_settings_that_cannot_be_read_leave_the_addresses(
    record: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configured(monkeypatch, tmp_path / "marketprism.yml", "sauce: simulated\n")
    found = site.find(record)
    assert found.settings is None
    assert "did you mean 'source'?" in found.config_error
    assert found.endpoints["collector"] == "http://10.98.0.10:8187"


def test_settings_that_this_user_may_not_read_are_no_error_of_theirs(
    record: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(_path: Path) -> Layer:
        raise RightsError("may not be read")

    monkeypatch.setenv("MARKETPRISM_CONFIG", "/etc/marketprism/marketprism.yml")
    monkeypatch.setattr("marketprism.settings.of_file", refused)
    for found in (site.find(record), site.find(record.parent / "missing.json")):
        assert (found.settings, found.config_error) == (None, "")
        assert found.unreadable == "may not be read; run it with sudo, or correct the rights of the file"


@pytest.mark.parametrize("content", [b"\xe9", b"[a]", b"venues: {binance-spot: yes}", b"source: 2026-02-30"])
def test_no_content_of_the_settings_keeps_the_site_from_being_found(
    record: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    configured(monkeypatch, tmp_path / "marketprism.yml", "")
    (tmp_path / "marketprism.yml").write_bytes(content)
    assert "marketprism.yml" in site.find(record).config_error


def test_a_clone_takes_the_addresses_of_its_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    configured(monkeypatch, tmp_path / "client.yml", "clickhouse: {host: 10.98.0.10, http_port: 8124}\n")
    found = site.find(tmp_path / "missing.json")
    assert (found.is_here, found.units) == (False, ())
    assert found.endpoints["clickhouse_http"] == "http://10.98.0.10:8124"


def test_a_computer_that_is_neither_knows_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MARKETPRISM_CONFIG", raising=False)
    monkeypatch.setattr("marketprism.settings.SYSTEM_CONFIG", tmp_path / "missing.yml")
    monkeypatch.setattr("sys.prefix", str(tmp_path / ".venv"))
    assert site.find(tmp_path / "missing.json").endpoints == {}
