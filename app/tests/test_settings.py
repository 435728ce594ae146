"""Every knob is read, and a wrong name or value is a clear error."""

import errno
import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from marketprism import settings
from marketprism.contract.instruments import Source
from marketprism.errors import ConfigurationError, RightsError

VENUE = "{ws_url: 'ws://a', rest_url: 'http://a'"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "marketprism.yml"
    path.write_text("source: simulated\nnats: {url: 'nats://yaml:4222'}\nlog_level: WARNING\n")
    return path


def test_defaults_are_the_live_exchanges_on_loopback(tmp_path: Path) -> None:
    empty = tmp_path / "empty.yml"
    empty.write_text("")
    found = settings.load(empty, {})
    assert found.source is Source.LIVE
    assert found.venues["binance-usdm"].ws_url == "wss://fstream.binance.com"
    assert found.collector.bind == found.storage.bind == "127.0.0.1"


def test_environment_beats_env_file_beats_yaml(config: Path) -> None:
    assert settings.load(config, {}).log_level == "WARNING"
    config.with_suffix(".env").write_text("LOG_LEVEL=ERROR\n")
    assert settings.load(config, {}).log_level == "ERROR"
    assert settings.load(config, {"LOG_LEVEL": "DEBUG"}).log_level == "DEBUG"


@pytest.mark.parametrize(
    ("name", "value", "path", "expected"),
    [
        ("LOG_LEVEL", "DEBUG", ("log_level",), "DEBUG"),
        ("HEALTH_CHECK_PORT", "18087", ("collector", "health_port"), 18087),
        ("METRICS_PORT", "19093", ("collector", "metrics_port"), 19093),
        ("MAX_CONCURRENT_CONNECTIONS", "30", ("collector", "max_connections"), 30),
        ("WEBSOCKET_RECONNECT_DELAY", "10", ("collector", "reconnect_seconds"), 10.0),
        ("HTTP_PROXY", "proxy.lan:3128", ("collector", "http_proxy"), SecretStr("http://proxy.lan:3128")),
        ("HTTPS_PROXY", "socks5://s.lan:1080", ("collector", "https_proxy"), SecretStr("socks5h://s.lan:1080")),
        ("HTTPS_PROXY", "", ("collector", "https_proxy"), None),
        ("NO_PROXY", "okx.com,.lan", ("collector", "no_proxy"), "okx.com,.lan"),
        ("MARKETPRISM_NATS__URL", "nats://x:1", ("nats", "url"), "nats://x:1"),
        ("MARKETPRISM_STORAGE__BATCH_SECONDS", "2", ("storage", "batch_seconds"), 2.0),
        ("MARKETPRISM_STORAGE__COLD_ENABLED", "true", ("storage", "cold_enabled"), True),
        ("MARKETPRISM_COLD__HOST", "10.0.0.2", ("cold", "host"), "10.0.0.2"),
    ],
)
def test_every_variable_is_read(config: Path, name: str, value: str, path: tuple[str, ...], expected: object) -> None:
    found: object = settings.load(config, {name: value})
    for key in path:
        found = getattr(found, key)
    assert found == expected


def test_every_knob_of_the_table_names_a_setting() -> None:
    for path in settings.KNOBS.values():
        model: object = settings.Settings()
        for key in path:
            model = getattr(model, key)


def test_the_example_of_the_env_file_lists_every_knob_and_is_valid(tmp_path: Path) -> None:
    example = (Path(__file__).parents[2] / ".env.example").read_text(encoding="utf-8")
    assert set(re.findall(r"(?m)^([A-Z_]+)=", example)) == set(settings.KNOBS)
    path = tmp_path / "marketprism.yml"
    path.touch()
    path.with_suffix(".env").write_text(example)
    assert settings.load(path, {}).collector == settings.Settings().collector, "it shows the defaults"


@pytest.mark.parametrize(
    ("yaml", "environ", "message"),
    [
        ("sauce: live", {}, r"unknown setting 'sauce'.*did you mean 'source'"),
        ("nats: {ulr: x}", {}, r"unknown setting 'nats.ulr'.*did you mean 'url'"),
        ("", {"MARKETPRISM_LOGLEVEL": "INFO"}, r"unknown setting 'loglevel'.*did you mean 'log_level'"),
        ("", {"LOG_LEVEL": "LOUD"}, r"setting 'log_level' is 'LOUD'"),
        ("collector: {health_port: 99999}", {}, r"setting 'collector.health_port' is 99999.*65535"),
        (f"venues: {{binance-spot: {VENUE}, symbols: [BTCUSDT]}}}}", {}, r"such as BTC-USDT"),
        (
            f"venues: {{binance-spot: {VENUE}, data_types: [candle]}}}}",
            {},
            r"does not deliver the data type 'candle'; it delivers trade",
        ),
        (
            f"venues: {{binance-spot: {VENUE}, data_types: [liquidation]}}}}",
            {},
            r"does not deliver the data type 'liquidation'",
        ),
        (f"venues: {{binance: {VENUE}}}}}", {}, r"venue 'binance' is unknown; known are binance-spot"),
        ("cold: {hots: x}", {}, r"unknown setting 'cold.hots'.*did you mean 'host'"),
        ("storage: {cold_enabled: true, hot_days: 9, cold_days: 9}", {}, r"must be more than hot_days, 9"),
        ("a: [", {}, r"marketprism\.yml is not valid YAML"),
        ("source: 2026-02-30", {}, r"marketprism\.yml is not valid YAML: day is out of range"),
        ("venues:\n  binance-spot:\n", {}, r"'venues\.binance-spot' is None: .*dictionary.*; correct .*\.yml$"),
        ("venues: {binance-spot: yes}", {}, r"'venues\.binance-spot' is True: .*; correct .*\.yml$"),
        (
            "- source: live",
            {},
            r"marketprism\.yml holds \[{'source': 'live'}\] and not settings by name; write them as in",
        ),
        ("live", {}, r"marketprism\.yml holds 'live' and not settings by name; write them as in"),
        ("1: live", {}, r"marketprism\.yml holds .1: 'live'. and not settings by name"),
        ("", {"MARKETPRISM_VENUES": "{bad"}, r"^the environment variable MARKETPRISM_VENUES is not valid YAML"),
        (
            "",
            {"MARKETPRISM_NATS__URL": "nats://x:1", "MARKETPRISM_NATS": "nats://me:secret@y:1"},
            r"variable MARKETPRISM_NATS is 'nats://\*\*\*@y:1', and .* MARKETPRISM_NATS__URL sets a part of it",
        ),
        ("", {"HTTPS_PROXY": "ftp://a:1"}, r"'collector.https_proxy' is 'ftp://a:1'.*one of http, https, socks5"),
        ("", {"HTTP_PROXY": "proxy.lan"}, r"'collector.http_proxy' is 'proxy.lan'.*host:port"),
        ("", {"MAX_CONCURRENT_CONNECTIONS": "1"}, r"'collector.max_connections' is '1'.*greater than or equal to 2"),
    ],
)
def test_wrong_input_names_field_value_and_remedy(
    tmp_path: Path, yaml: str, environ: dict[str, str], message: str
) -> None:
    path = tmp_path / "marketprism.yml"
    path.write_text(yaml)
    with pytest.raises(ConfigurationError, match=message):
        settings.load(path, environ)


def test_a_venue_that_is_named_in_part_keeps_the_rest_and_the_others(tmp_path: Path) -> None:
    path = tmp_path / "marketprism.yml"
    path.write_text("venues: {deribit: {enabled: false}, okx-swap: {symbols: [SOL-USDT]}}")
    found = settings.load(path, {}).venues
    assert (found["deribit"].enabled, found["deribit"].symbols) == (False, ("BTC-USD", "ETH-USD"))
    assert (found["okx-swap"].symbols, found["okx-swap"].ws_url) == (("SOL-USDT",), "wss://ws.okx.com:8443")
    assert found["binance-spot"].data_types == ("trade", "orderbook")


def test_an_unknown_name_in_the_env_file_is_refused(config: Path) -> None:
    config.with_suffix(".env").write_text("LOG_LEVLE=DEBUG\n")
    with pytest.raises(ConfigurationError, match=r"LOG_LEVLE.*did you mean 'LOG_LEVEL'"):
        settings.load(config, {})


def test_a_named_file_that_is_missing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"absent\.yml cannot be read: No such file.*with MARKETPRISM_CONFIG"):
        settings.load(None, {"MARKETPRISM_CONFIG": str(tmp_path / "absent.yml")})


def refuse(monkeypatch: pytest.MonkeyPatch, function: str, refused: Path) -> None:
    """Root may read everything, so the right is taken away here."""
    real = getattr(Path, function)

    def without_right(path: Path, *args: Any, **kwargs: Any) -> Any:
        if path == refused:
            raise PermissionError(errno.EACCES, "Permission denied")
        return real(path, *args, **kwargs)

    monkeypatch.setattr(Path, function, without_right)


@pytest.mark.parametrize("suffix", [".yml", ".env"])
def test_a_file_that_may_not_be_read_lacks_a_right_and_nothing_else(
    config: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    file = config.with_suffix(suffix)
    file.touch()
    refuse(monkeypatch, "read_text", file)
    with pytest.raises(RightsError, match=rf"marketprism\{suffix} may not be read by this user; run it with sudo"):
        settings.load(config, {})


def test_a_clone_deployed_by_root_asks_for_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.prefix", str(tmp_path / ".venv"))
    refuse(monkeypatch, "exists", tmp_path / ".state" / "client.yml")
    with pytest.raises(RightsError, match=r"\.state/client\.yml may not be looked for.*; run it with sudo"):
        settings.load(None, {})


@pytest.mark.parametrize("suffix", [".yml", ".env"])
def test_a_byte_that_is_not_utf_8_is_named_with_its_place(config: Path, suffix: str) -> None:
    config.with_suffix(suffix).write_bytes(b"# caf\xe9\n")
    said = rf"marketprism\{suffix} is not UTF-8: byte 0xe9 at position 5; save the file as UTF-8"
    with pytest.raises(ConfigurationError, match=said):
        settings.load(config, {})


def test_an_error_names_the_place_that_gave_the_value(config: Path) -> None:
    def said(environ: dict[str, str]) -> str:
        with pytest.raises(ConfigurationError) as raised:
            settings.load(config, environ)
        return str(raised.value)

    env_file = config.with_suffix(".env")
    config.write_text("log_level: loud\ncollector: {metrics_port: 99999}\nsauce: live\n")
    assert said({}).endswith(f"; correct {config}")
    assert said({"LOG_LEVEL": "debug"}).endswith("; correct the environment variable LOG_LEVEL")
    config.write_text("collector: {metrics_port: 99999}\nsauce: live\n")
    env_file.write_text("METRICS_PORT=99999\n")
    assert said({}).endswith(f"; correct METRICS_PORT in {env_file}")
    config.write_text("sauce: live\n")
    env_file.write_text("MARKETPRISM_SOURCE=live\n")
    assert said({}).startswith(f"unknown setting 'sauce' (in {config})")
    env_file.write_text("MARKETPRISM_SAUCE=live\n")
    assert said({}).startswith(f"unknown setting 'sauce' (in MARKETPRISM_SAUCE in {env_file})")


def test_an_error_of_a_whole_section_names_every_place_that_set_a_part(config: Path) -> None:
    config.write_text("nats: {ca_file: /a.crt}\n")
    config.with_suffix(".env").write_text("MARKETPRISM_NATS__STORE_BYTES=100000000\n")
    with pytest.raises(ConfigurationError) as raised:
        settings.load(config, {"MARKETPRISM_NATS__URL": "nats://x:1", "LOG_LEVEL": "INFO"})
    assert str(raised.value).endswith(
        "correct the environment variable MARKETPRISM_NATS__URL"
        f" or MARKETPRISM_NATS__STORE_BYTES in {config.with_suffix('.env')} or {config}"
    )


def test_a_credential_is_read_without_its_newline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    (tmp_path / "nats-collector").write_text("secret\n")
    assert settings.Settings().credential("nats-collector") == "secret"


@pytest.mark.parametrize("content", [None, ""])
def test_a_missing_or_empty_credential_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str | None
) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    if content is not None:
        (tmp_path / "nats-collector").write_text(content)
    with pytest.raises(ConfigurationError, match="run"):
        settings.Settings().credential("nats-collector")


@pytest.mark.parametrize(
    ("nats", "said"),
    [
        ("{url: 'http://x:4222'}", r"'nats\.url' is 'http://x:4222'"),
        ("{ca_file: /etc/marketprism/nats-ca.crt}", r"ca_file is set, but url is nats://127.0.0.1:4222.*use tls://"),
    ],
)
def test_nats_is_asked_in_one_of_two_ways_and_only_tls_asks_an_authority(config: Path, nats: str, said: str) -> None:
    config.write_text("nats: {url: 'tls://x:4222', ca_file: /etc/marketprism/nats-ca.crt}\n")
    assert settings.load(config, {}).nats.ca_file == Path("/etc/marketprism/nats-ca.crt")
    config.write_text(f"nats: {nats}\n")
    with pytest.raises(ConfigurationError, match=said):
        settings.load(config, {})


def test_a_spool_too_small_to_help_is_refused_by_name(config: Path) -> None:
    assert settings.load(config, {}).collector.spool_bytes == 2 * 1024**3
    with pytest.raises(ConfigurationError, match=r"setting 'collector\.spool_bytes' is '1000000': .* 67108864"):
        settings.load(config, {"MARKETPRISM_COLLECTOR__SPOOL_BYTES": "1000000"})


def test_a_proxys_password_is_shown_nowhere(config: Path) -> None:
    found = settings.load(config, {"HTTPS_PROXY": "http://me:secret@proxy.lan:3128"})
    assert "secret" not in repr(found)
    assert "secret" not in str(found.model_dump())


def test_not_even_in_the_error_about_it(config: Path) -> None:
    with pytest.raises(ConfigurationError) as raised:
        settings.load(config, {"HTTPS_PROXY": "http://me:secret@proxy.lan"})
    assert "secret" not in str(raised.value)
    assert "//***@proxy.lan" in str(raised.value)


def test_a_venue_may_have_its_own_proxy(config: Path) -> None:
    config.write_text("venues: {okx-swap: {proxy: 'socks5://s.lan:1080'}}")
    found = settings.load(config, {}).venues
    assert found["okx-swap"].proxy == SecretStr("socks5h://s.lan:1080")
    assert found["okx-spot"].proxy is None
