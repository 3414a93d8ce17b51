"""The order of the whole suite."""

from __future__ import annotations

from pathlib import Path

import pytest

WHOLE_RUNS = Path(__file__).parent / "e2e"


@pytest.hookimpl(tryfirst=True)  # before xdist writes the groups into the tests' names
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whole runs come last: what is small fails first, and their local cloud, which a process holds to its end, is in
    nobody's way. Where files run side by side, the tests of one stay in one process, and so do all whole runs.
    """
    items.sort(key=lambda item: WHOLE_RUNS in item.path.parents)
    for item in items:
        group = "e2e" if WHOLE_RUNS in item.path.parents else str(item.path)
        item.add_marker(pytest.mark.xdist_group(group))
