import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from marketprism.cli import COMMANDS, app


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_of_the_list_explains_itself(name: str) -> None:
    result = CliRunner().invoke(app, [name, "--help"])
    assert result.exit_code == 0
    assert f" {name} " in result.output


def test_the_help_lists_every_command_by_name() -> None:
    output = CliRunner().invoke(app, ["--help"]).output
    assert [name for name in COMMANDS if f"│ {name} " not in output] == []


def test_a_misspelt_command_is_answered_with_the_near_ones() -> None:
    result = CliRunner().invoke(app, ["statu"])
    assert result.exit_code == 2
    assert "'status'" in result.output


def without_driver(tmp_path: Path, *words: str) -> subprocess.CompletedProcess[str]:
    (tmp_path / "clickhouse_driver.py").write_text("raise ImportError('taken away')")
    source = Path(__file__).parents[2] / "src"
    return subprocess.run(
        [sys.executable, "-m", "marketprism", *words],
        env={"PYTHONPATH": f"{tmp_path}:{source}"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("name", ["doctor", "status", "health"])
def test_a_package_that_is_missing_does_not_silence_those_who_look(tmp_path: Path, name: str) -> None:
    answer = without_driver(tmp_path, name, "--help")
    assert (answer.returncode, answer.stderr) == (0, "")


def test_a_command_whose_package_is_missing_says_so_in_one_line(tmp_path: Path) -> None:
    answer = without_driver(tmp_path, "storage", "--help")
    assert answer.returncode == 1
    assert answer.stderr == (
        "marketprism: storage cannot start, taken away; mend the installation: ./scripts/manage_all.sh repair\n"
    )
