"""Every fenced command and query of the README works as printed."""

import re

import pytest

from tests.lab.conftest import CLONE, DEPLOY, ask, run

BLOCKS = re.findall(
    r"^```(\w*)\n(.*?)^```", (CLONE / "README.md").read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
)
LINES = [line for language, body in BLOCKS if language == "bash" for line in body.splitlines()]
QUERIES = [body for language, body in BLOCKS if language == "sql"]
ELSEWHERE = {DEPLOY: "the fixture runs it", "./scripts/test.sh": "it runs this"}

pytestmark = pytest.mark.lab


def test_the_two_commands_stand_on_top() -> None:
    assert LINES[:2] == list(ELSEWHERE)
    assert len(QUERIES) == 3
    assert {language for language, _ in BLOCKS} <= {"bash", "sql", "text"}


def test_deploying_ends_with_what_a_user_wants_to_know(lab: str) -> None:
    for words in ("Inventory: lab", "marketprism-collector.service", "trades", "orderbooks", "healthy", "Next:"):
        assert words in lab
    assert "+++ after" not in lab, "what is in the files is shown where --diff asks for it"


@pytest.mark.parametrize("line", [line for line in LINES if line not in ELSEWHERE])
@pytest.mark.usefixtures("lab")
def test_a_command_works(line: str) -> None:
    done = run(line)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.strip()


@pytest.mark.parametrize("query", QUERIES, ids=["candles", "spread", "missing"])
@pytest.mark.usefixtures("lab")
def test_a_query_answers_with_rows(query: str) -> None:
    rows = ask(query)
    assert rows
    assert all(int(row.get("missing", 0)) == 0 for row in rows)
