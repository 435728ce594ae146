"""How the playbooks make the keys of NATS's users, and what they tell the server."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
from ansible.errors import AnsibleLookupError

from marketprism.nkey import NKey

PLAYBOOKS = Path(__file__).parents[2] / "playbooks"


def plugin(kind: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(kind, PLAYBOOKS / kind / "nkey.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_key_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "credentials" / "nats-admin"
    seed = plugin("lookup_plugins").seed
    made = seed(path)
    assert seed(path) == made == path.read_text().strip()
    assert [each.name for each in path.parent.iterdir()] == ["nats-admin"]
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_the_server_is_told_the_public_key(tmp_path: Path) -> None:
    made = plugin("lookup_plugins").seed(tmp_path / "nats-admin")
    assert plugin("filter_plugins").nkey_public(made) == NKey(made).public


def test_a_password_of_an_earlier_release_is_refused(tmp_path: Path) -> None:
    (tmp_path / "nats-admin").write_text("aPasswordOfThirtyTwoLetters00000\n")
    with pytest.raises(AnsibleLookupError, match=r"nats-admin is no key of a NATS user.*rotate-secrets.yml makes keys"):
        plugin("lookup_plugins").seed(tmp_path / "nats-admin")
