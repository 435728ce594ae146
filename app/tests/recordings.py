"""Recorded frames of the exchanges, which are not part of the repository: their tests run where they are."""

import os
from pathlib import Path

import pytest

RECORDINGS = Path(os.environ.get("RECORDINGS", Path(__file__).parents[3] / "shared" / "recordings"))


def needs_recording(path: str) -> pytest.MarkDecorator:
    """Skip the test where the recordings lack this file or folder."""
    return pytest.mark.skipif(
        not (RECORDINGS / path).exists(),
        reason=f"recorded frames are not part of the repository, and there is no {RECORDINGS / path}; "
        "RECORDINGS names their folder",
    )
