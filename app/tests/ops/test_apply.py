"""The exit code tells whether somebody has to act."""

import pytest

from marketprism.ops.apply import Refused, Result


@pytest.mark.parametrize(
    ("check", "changed", "refused", "code"),
    [(False, 0, 0, 0), (False, 1, 0, 0), (True, 1, 0, 1), (True, 0, 0, 0), (False, 0, 1, 1), (True, 0, 1, 1)],
)
def test_exit_code(*, check: bool, changed: int, refused: int, code: int):
    assert Result(check, ["x"] * changed, [Refused("x", "y")] * refused).exit_code == code
