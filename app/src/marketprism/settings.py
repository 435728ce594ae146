"""Every knob, with its unit, default and reason. Built once at the edge and passed down.

Precedence: environment, then ``marketprism.env`` beside the YAML file, then the YAML file, then the defaults here.
Unknown names are refused everywhere.
"""

import difflib
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from marketprism.contract.catalog import PORTS
from marketprism.contract.instruments import Source, require_symbol
from marketprism.contract.venues import VENUES, default_data_types
from marketprism.errors import ConfigurationError, ContractError, RightsError
from marketprism.setting_layers import Keys, Layer, masked, of_file, of_variables, places_of, variables_of

PREFIX = "MARKETPRISM_"
CONFIG_VARIABLE = f"{PREFIX}CONFIG"
SYSTEM_CONFIG = Path("/etc/marketprism/marketprism.yml")
SYSTEM_CREDENTIALS = Path("/etc/marketprism/credentials")
SYSTEM_SPOOL = Path("/var/lib/marketprism/spool")

KNOBS: dict[str, Keys] = {
    "LOG_LEVEL": ("log_level",),
    "HEALTH_CHECK_PORT": ("collector", "health_port"),
    "METRICS_PORT": ("collector", "metrics_port"),
    "MAX_CONCURRENT_CONNECTIONS": ("collector", "max_connections"),
    "WEBSOCKET_RECONNECT_DELAY": ("collector", "reconnect_seconds"),
    "HTTP_PROXY": ("collector", "http_proxy"),
    "HTTPS_PROXY": ("collector", "https_proxy"),
    "NO_PROXY": ("collector", "no_proxy"),
}
"""The operator's plain variable names and the settings they stand for."""


PROXY_SCHEMES = ("http", "https", "socks5", "socks5h")


def _proxy(given: Any) -> Any:
    """Check a proxy's address; nothing means none, and without a scheme it is an HTTP proxy.

    A SOCKS proxy resolves the names itself (``socks5h``): where exchanges are blocked, name servers often lie.
    """
    if not isinstance(given, str):
        return given
    if not given.strip():
        return None
    address = given.strip() if "://" in given else f"http://{given.strip()}"
    parts = urlsplit(address)
    if parts.scheme not in PROXY_SCHEMES or not parts.hostname or parts.port is None:
        raise ValueError(
            f"a proxy is <scheme>://[user:password@]host:port, its scheme one of {', '.join(PROXY_SCHEMES)}"
        )
    return re.sub(r"^socks5:", "socks5h:", address)


ProxyAddress = Annotated[SecretStr | None, BeforeValidator(_proxy)]
"""A secret, as it may hold a password."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class NatsSettings(_Section):
    """The NATS server.

    Attributes:
        url: ``nats://host:port``; ``tls://host:port`` where the server speaks TLS from the first byte on.
        ca_file: Certificate of the authority that signed the server's; without it the system's authorities count.
        store_bytes: Bytes on disk that all streams together may fill.
    """

    url: str = Field(default=f"nats://127.0.0.1:{PORTS['nats']}", pattern="^(nats|tls)://")
    ca_file: Path | None = None
    monitor_url: str = f"http://127.0.0.1:{PORTS['nats_monitor']}"
    store_bytes: int = Field(default=4 * 1024**3, ge=64 * 1024**2)

    @property
    def secured(self) -> bool:
        """Whether the server speaks TLS."""
        return self.url.startswith("tls:")

    @model_validator(mode="after")
    def _authority_is_asked(self) -> "NatsSettings":
        if self.ca_file is not None and not self.secured:
            raise ValueError(f"ca_file is set, but url is {self.url}, which asks for no certificate; use tls://")
        return self


class ClickHouseSettings(_Section):
    """A ClickHouse server."""

    host: str = "127.0.0.1"
    native_port: int = Field(default=PORTS["clickhouse_native"], ge=1, le=65535)
    http_port: int = Field(default=PORTS["clickhouse_http"], ge=1, le=65535)


class CollectorSettings(_Section):
    """The collector.

    Attributes:
        bind: Address of the health and metrics servers.
        book_depth: Levels a side in a published book snapshot.
        book_interval_seconds: Time between published snapshots of one book.
        spool_directory: Where events wait while NATS is away, slow or full; the unit's StateDirectory.
        spool_bytes: Bytes on disk that all waiting events together may take; after that publishing waits.
        max_connections: Open WebSockets and running REST requests together.
        reconnect_seconds: Bound of the first wait after a lost connection; it doubles with each attempt in vain.
        rotation_seconds: Age at which a WebSocket is replaced; the exchanges cut theirs after 24 hours.
        http_proxy: For exchanges at ``http`` and ``ws`` addresses; a venue's own proxy comes first.
        https_proxy: For those at ``https`` and ``wss`` addresses, which is all real ones.
        no_proxy: Hosts, domains and networks that are reached directly, separated by commas.
    """

    bind: str = "127.0.0.1"
    health_port: int = Field(default=PORTS["collector"], ge=1, le=65535)
    metrics_port: int = Field(default=PORTS["collector_metrics"], ge=1, le=65535)
    book_depth: int = Field(default=100, ge=1, le=1000)
    book_interval_seconds: float = Field(default=1.0, ge=0.1, le=60)
    spool_directory: Path = SYSTEM_SPOOL
    spool_bytes: int = Field(default=2 * 1024**3, ge=64 * 1024**2)
    max_connections: int = Field(default=50, ge=2, le=1000)
    reconnect_seconds: float = Field(default=0.5, ge=0.1, le=300)
    rotation_seconds: float = Field(default=23 * 3600 + 50 * 60, ge=60, le=86_400)
    http_proxy: ProxyAddress = None
    https_proxy: ProxyAddress = None
    no_proxy: str = ""


class StorageSettings(_Section):
    """The storage service.

    Attributes:
        bind: Address of the health and metrics server.
        batch_events: Events that trigger an insert before `batch_seconds` have passed.
        batch_seconds: Time from one insert to the next, unless an insert takes longer; most of the time from a frame to
            its row. A stream with few events is inserted less often, up to once a second.
        hot_days: Days after its last insert that a day of data stays in the hot database; with cold storage, until it
            is proven there.
        cold_enabled: Whether ``storage --mode cold`` runs; without it hot storage drops old days by age alone.
        cold_days: Likewise, in the cold database.
        cold_interval_seconds: Time between two rounds of copying.
        cold_lag_seconds: Time for which data stays uncopied at least; the latest lateness seen adds to it.
    """

    bind: str = "127.0.0.1"
    hot_port: int = Field(default=PORTS["storage_hot"], ge=1, le=65535)
    batch_events: int = Field(default=20_000, ge=1, le=200_000)
    batch_seconds: float = Field(default=0.25, ge=0.01, le=30)
    hot_days: int = Field(default=7, ge=1)
    cold_enabled: bool = False
    cold_port: int = Field(default=PORTS["storage_cold"], ge=1, le=65535)
    cold_days: int = Field(default=365, ge=1)
    cold_interval_seconds: float = Field(default=60, ge=0.1, le=3600)
    cold_lag_seconds: float = Field(default=120, ge=1, le=86_400)

    @model_validator(mode="after")
    def _cold_keeps_longer(self) -> "StorageSettings":
        if self.cold_enabled and self.cold_days <= self.hot_days:
            raise ValueError(f"cold_days is {self.cold_days}; it must be more than hot_days, {self.hot_days}")
        return self


class VenueSettings(_Section):
    """One venue. What is not given is as `contract.venues` says.

    Attributes:
        symbols: Canonical symbols, such as ``BTC-USDT``.
        data_types: Names from the contract.
        proxy: ``http://``, ``https://`` or ``socks5://``, for REST and WebSocket.
    """

    enabled: bool = True
    proxy: ProxyAddress = None
    ws_url: str
    rest_url: str
    symbols: tuple[str, ...]
    data_types: tuple[str, ...]

    @field_validator("symbols")
    @classmethod
    def _canonical(cls, symbols: tuple[str, ...]) -> tuple[str, ...]:
        for symbol in symbols:
            try:
                require_symbol(symbol)
            except ContractError as error:
                raise ValueError(str(error)) from error
        return symbols


def _default_venue(name: str) -> dict[str, Any]:
    facts = VENUES[name]
    return {
        "ws_url": facts.ws_url,
        "rest_url": facts.rest_url,
        "symbols": facts.symbols,
        "data_types": default_data_types(name),
    }


def _complete_venues(given: Any) -> Any:
    """Lay what is given over the defaults, venue by venue; a venue that is not named is collected as by default."""
    if not isinstance(given, Mapping):
        return given
    complete = {name: _default_venue(name) for name in VENUES}
    for name, values in given.items():
        if name not in VENUES:
            raise ValueError(f"venue {name!r} is unknown; known are {', '.join(VENUES)}")
        # What is no section is left to pydantic, which says so.
        complete[name] = {**complete[name], **values} if isinstance(values, Mapping) else values
    return complete


def _delivered(venues: dict[str, VenueSettings]) -> dict[str, VenueSettings]:
    for name, venue in venues.items():
        for data_type in venue.data_types:
            if data_type not in VENUES[name].data_types:
                known = ", ".join(VENUES[name].data_types)
                raise ValueError(f"{name} does not deliver the data type {data_type!r}; it delivers {known}")
    return venues


class Settings(BaseSettings):
    """All settings.

    Attributes:
        source: What the venues' addresses are: the live exchanges or a simulator. Marked in every row.
        credentials_directory: One file per credential; systemd's ``$CREDENTIALS_DIRECTORY`` wins.
        cold: Server of the cold database, with the same users and passwords; without it the same server.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter="__", extra="forbid", frozen=True, hide_input_in_errors=False
    )

    source: Source = Source.LIVE
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    credentials_directory: Path = SYSTEM_CREDENTIALS
    nats: NatsSettings = NatsSettings()
    clickhouse: ClickHouseSettings = ClickHouseSettings()
    cold: ClickHouseSettings | None = None
    collector: CollectorSettings = CollectorSettings()
    storage: StorageSettings = StorageSettings()
    venues: Annotated[dict[str, VenueSettings], BeforeValidator(_complete_venues), AfterValidator(_delivered)] = Field(
        default_factory=dict, validate_default=True
    )

    def credential(self, name: str) -> str:
        """Read one secret.

        Raises:
            ConfigurationError: The file is missing, empty or not readable.
        """
        directory = Path(os.environ.get("CREDENTIALS_DIRECTORY", self.credentials_directory))
        path = directory / name
        try:
            secret = path.read_text(encoding="utf-8").strip()
        except OSError as error:
            raise ConfigurationError(
                f"credential {name!r} cannot be read: {error}",
                remedy="run as root, or set credentials_directory to the folder that the deployment wrote",
            ) from error
        if not secret:
            raise ConfigurationError(f"credential file {path} is empty", remedy="run the deployment again")
        return secret


def default_config() -> Path | None:
    """Find the configuration when none is named.

    A clone's ``.venv`` uses what the last deployment from that clone wrote; elsewhere the host's own file counts.

    Raises:
        RightsError: This user may not look.
    """
    client = Path(sys.prefix).parent / ".state" / "client.yml"
    for path in (client, SYSTEM_CONFIG):
        try:
            if path.exists():
                return path
        except OSError as error:
            raise RightsError(f"configuration file {path} may not be looked for: {error.strerror}") from error
    return None


def load(path: Path | None = None, environ: Mapping[str, str] | None = None) -> Settings:
    """Read and check all settings.

    Args:
        path: YAML file; None takes ``$MARKETPRISM_CONFIG``, then `default_config`, then the defaults alone.
        environ: Environment; None takes the process's.

    Raises:
        ConfigurationError: A file is missing or unreadable, or a name or value is wrong.
    """
    variables: Mapping[str, str] = os.environ if environ is None else environ
    if path is None:
        named = variables.get(CONFIG_VARIABLE)
        path = Path(named) if named else default_config()
    layers = [of_variables(variables, _keys, lambda name: f"the environment variable {name}")]
    if path is not None:
        layers += _files(path)

    class Loaded(Settings):
        @classmethod
        def settings_customise_sources(
            cls, settings_cls: type[BaseSettings], *_args: Any, **_sources: Any
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return tuple(InitSettingsSource(settings_cls, layer.values) for layer in layers)

    try:
        return Loaded()
    except ValidationError as error:
        raise _explain(error, layers) from error


def _keys(variable: str) -> Keys | None:
    if variable.startswith(PREFIX) and variable != CONFIG_VARIABLE:
        return tuple(variable.removeprefix(PREFIX).lower().split("__"))
    return KNOBS.get(variable)


def _files(path: Path) -> list[Layer]:
    """Read the YAML file and the variables beside it, which count more."""
    yaml_layer = of_file(path)
    env_file = path.with_suffix(".env")
    if not env_file.exists():
        return [yaml_layer]
    variables = variables_of(env_file)
    for name in variables:
        if name not in KNOBS and not name.startswith(PREFIX):
            raise _unknown(f"variable {name!r} in {env_file}", name, list(KNOBS))
    return [of_variables(variables, _keys, lambda name: f"{name} in {env_file}"), yaml_layer]


def _unknown(what: str, name: str, known: list[str]) -> ConfigurationError:
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    remedy = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(sorted(known))}"
    return ConfigurationError(f"unknown {what}", remedy=remedy)


def _explain(error: ValidationError, layers: list[Layer]) -> ConfigurationError:
    first = error.errors()[0]
    keys = tuple(str(key) for key in first["loc"])
    name = ".".join(keys)
    where = places_of(layers, keys)
    if first["type"] == "extra_forbidden":
        return _unknown(f"setting {name!r} (in {where})", keys[-1], _known_names(keys[:-1]))
    return ConfigurationError(
        f"setting {name!r} is {masked(first.get('input'))}: {first['msg']}", remedy=f"correct {where}"
    )


def _known_names(parents: Keys) -> list[str]:
    model: Any = Settings
    for key in parents:
        if isinstance(model, type) and issubclass(model, BaseModel) and key in model.model_fields:
            annotation = model.model_fields[key].annotation
            sections = [
                a for a in (annotation, *get_args(annotation)) if isinstance(a, type) and issubclass(a, _Section)
            ]
            model = sections[0] if sections else VenueSettings
    return list(model.model_fields) if isinstance(model, type) and issubclass(model, BaseModel) else []
