"""Tables and JSON on standard output."""

import json

import pytest

from marketprism.cli import render


def test_a_table_of_numbers_is_aligned_at_its_ends_and_never_cut(capsys: pytest.CaptureFixture[str]) -> None:
    wide = "7" * 120
    render.rows(("bid", "ask"), [("9.5", wide), ("10.25", "8")])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines] == [["bid", "ask"], ["9.5", wide], ["10.25", "8"]]
    assert len({line.rindex(line.split()[-1]) + len(line.split()[-1]) for line in lines}) == 1


@pytest.mark.parametrize(("indent", "lines"), [(2, 3), (None, 1)])
def test_json_is_one_document(capsys: pytest.CaptureFixture[str], indent: int | None, lines: int) -> None:
    render.as_json({"reason": "größer"}, indent=indent)
    printed = capsys.readouterr().out
    assert json.loads(printed) == {"reason": "größer"}
    assert printed.count("\n") == lines
    assert "größer" in printed
