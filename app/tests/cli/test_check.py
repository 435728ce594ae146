"""What people and programs read on the command line."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

MARKETPRISM = Path(sys.executable).with_name("marketprism")


def run(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([MARKETPRISM, *arguments], capture_output=True, text=True, env=environ, check=False)


def test_the_contract_is_json_for_the_deployment() -> None:
    printed = json.loads(run("contract", "--json").stdout)
    assert printed["ports"]["collector_metrics"] == 9093
    assert printed["data_types"]["trade"] == {
        "table": "trades",
        "stream": "MARKET_DATA",
        "freshness_seconds": 45,
    }
    assert printed["venues"]["deribit"] == {"enabled": True, "symbols": ["BTC-USD", "ETH-USD"]}
    assert printed["nats_users"]["storage"]["subscribe"] == ["_INBOX.storage.>"]


def test_a_valid_configuration_is_said_to_be_valid(tmp_path: Path) -> None:
    path = tmp_path / "marketprism.yml"
    path.write_text("source: simulated\n")
    done = run("config-check", str(path))
    assert (done.returncode, done.stdout) == (0, f"{path} is valid\n")


@pytest.mark.parametrize(
    ("content", "environ", "message"),
    [("sauce: live\n", {}, "did you mean 'source'?"), ("", {"MARKETPRISM_SAUCE": "live"}, "did you mean 'source'?")],
)
def test_a_wrong_configuration_is_one_line_and_exit_code_2(
    tmp_path: Path, content: str, environ: dict[str, str], message: str
) -> None:
    path = tmp_path / "marketprism.yml"
    path.write_text(content)
    done = run("config-check", str(path), **environ)
    assert done.returncode == 2
    assert done.stderr.startswith("marketprism: unknown setting")
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_status_without_an_installation_names_the_remedy(tmp_path: Path) -> None:
    if Path("/etc/marketprism/installation.json").exists():
        pytest.skip("MarketPrism is installed on this very machine")
    done = run("status", MARKETPRISM_CONFIG=str(_empty(tmp_path)))
    assert done.returncode == 2
    assert "one_click_deploy.sh --fresh" in done.stderr


def _empty(folder: Path) -> Path:
    path = folder / "marketprism.yml"
    path.write_text("")
    return path
