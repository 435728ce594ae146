"""A pipeline for each test, and the table of all of them at the end."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.rig import Rig
from tests.faults.table import HEADER, Table
from tests.integration.servers import artifact

_TABLE = pytest.StashKey[Table]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--kills", type=int, default=130, help="Kills of each process.")


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_TABLE] = Table([])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    lines = config.stash[_TABLE].lines
    if lines:
        terminalreporter.section("faults")
        terminalreporter.write_line("\n".join((*HEADER, *lines)))


@pytest.fixture
def table(pytestconfig: pytest.Config) -> Table:
    return pytestconfig.stash[_TABLE]


@pytest.fixture
def kills(pytestconfig: pytest.Config) -> int:
    return int(pytestconfig.getoption("--kills"))


@pytest.fixture
def make_rig(tmp_path: Path) -> Iterator[Callable[..., Rig]]:
    """Make a pipeline that is not started yet, and end it after the test."""
    if artifact("nats_server") is None or artifact("clickhouse_engine") is None:
        pytest.skip("a server is not in the cache; run ansible-playbook playbooks/artifacts.yml")
    made: list[Rig] = []

    def make(**options: object) -> Rig:
        made.append(Rig(tmp_path, **options))
        return made[-1]

    yield make
    for rig in made:
        rig.stop()


@pytest.fixture
def rig(make_rig: Callable[..., Rig]) -> Rig:
    """A pipeline in which events flow."""
    made = make_rig()
    made.start()
    return made
