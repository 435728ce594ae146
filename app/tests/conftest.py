"""What Python itself leaves behind is no test's fault."""

import sys

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Blame no test for the garbage of those before it.

    Python 3.11.2, Debian 12's, leaves the socket of a connection that is cancelled at the end to gc, which any later
    test may set off; 3.11.7 leaves none.
    """
    if sys.version_info < (3, 11, 7):
        for item in items:
            item.add_marker(pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"))
