"""Order of the tests of a scenario."""

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put last what takes the machine apart; a scenario's own tests come before it."""
    items.sort(key=lambda item: item.path.name == "test_long.py")
