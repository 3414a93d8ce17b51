"""The order of the whole suite."""

from __future__ import annotations

from pathlib import Path

import pytest

LAST = Path(__file__).parent / "e2e"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whole runs come last: what is small fails first, and their local cloud (a process holds one) disturbs nobody."""
    items.sort(key=lambda item: LAST in item.path.parents)
