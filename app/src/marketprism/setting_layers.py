"""What gives settings: files and variables, each a layer of values that knows where to correct every one of them."""

import io
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from dotenv import dotenv_values

from marketprism.errors import ConfigurationError, RightsError

Keys = tuple[str, ...]
_PASSWORD = re.compile(r"//[^/@\s]*@")


@dataclass(frozen=True, slots=True)
class Layer:
    """Values from one place, nested as the settings are.

    Attributes:
        places: Where to correct what is set, by its keys; a file sets everything, which has no keys.
    """

    values: dict[str, Any]
    places: Mapping[Keys, str]


def of_file(path: Path) -> Layer:
    """Read a YAML file.

    Raises:
        ConfigurationError: It cannot be read, or does not hold settings by name.
    """
    values = _parsed(_text(path), str(path))
    if values is None:
        values = {}
    if not isinstance(values, dict) or not all(isinstance(key, str) for key in values):
        raise ConfigurationError(
            f"{path} holds {masked(values)[:100]} and not settings by name",
            remedy="write them as in 'log_level: INFO', one a line",
        )
    return Layer(values, {(): str(path)})


def variables_of(path: Path) -> dict[str, str | None]:
    """Read a file of variables.

    Raises:
        ConfigurationError: It cannot be read.
    """
    return dotenv_values(stream=io.StringIO(_text(path)))


def of_variables(
    given: Mapping[str, str | None], keys_of: Callable[[str], Keys | None], place_of: Callable[[str], str]
) -> Layer:
    """Take what variables set.

    Args:
        given: Values by name.
        keys_of: Keys of the setting that a variable stands for; None where it stands for none.
        place_of: What to correct, by a variable's name.

    Raises:
        ConfigurationError: A value is not YAML, or one variable sets a part of what another one sets as a whole.
    """
    values: dict[str, Any] = {}
    places: dict[Keys, str] = {}
    known = {name: keys for name in given if (keys := keys_of(name)) is not None}
    for name, keys in sorted(known.items(), key=lambda item: len(item[1])):
        value, where = given[name], place_of(name)
        if value is None:
            continue
        section = values
        for depth, key in enumerate(keys[:-1], start=1):
            section = section.setdefault(key, {})
            if not isinstance(section, dict):
                whole = places[keys[:depth]]
                raise ConfigurationError(
                    f"{whole} is {masked(section)}, and {where} sets a part of it", remedy="remove one of the two"
                )
        section[keys[-1]] = _parsed(value, where) if value.startswith(("[", "{")) else value
        places[keys] = where
    return Layer(values, places)


def places_of(layers: Sequence[Layer], keys: Keys) -> str:
    """Name where a setting comes from; a section may come from several places.

    Args:
        layers: The one that counts most first.
        keys: Of the setting.
    """
    found: list[str] = []
    for layer in layers:
        for at, place in sorted(layer.places.items(), key=lambda item: -len(item[0])):  # a part counts more
            if at == keys[: len(at)] and _holds(layer.values, keys):
                return " or ".join((*found, place))
            if at[: len(keys)] == keys:
                found.append(place)
    return " or ".join(found)


def masked(value: object) -> str:
    """Show a value without the passwords of addresses in it."""
    return _PASSWORD.sub("//***@", repr(value))


def _holds(values: Any, keys: Keys) -> bool:
    """Tell whether a value is set; what is inside a list or no section at all is set with it."""
    for key in keys:
        if not isinstance(values, dict):
            return True
        if key not in values:
            return False
        values = values[key]
    return True


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except PermissionError as error:
        raise RightsError(f"configuration file {path} may not be read by this user") from error
    except OSError as error:
        remedy = "name one with MARKETPRISM_CONFIG"
        raise ConfigurationError(
            f"configuration file {path} cannot be read: {error.strerror}", remedy=remedy
        ) from error
    except UnicodeDecodeError as error:
        byte = f"byte {error.object[error.start]:#04x} at position {error.start}"
        raise ConfigurationError(f"{path} is not UTF-8: {byte}", remedy="save the file as UTF-8") from error


def _parsed(text: str, place: str) -> Any:
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError) as error:  # a date that does not exist is a ValueError
        raise ConfigurationError(f"{place} is not valid YAML: {error}", remedy=f"correct {place}") from error
