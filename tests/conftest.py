"""The order of the whole suite."""

from __future__ import annotations

from pathlib import Path

import pytest

WHOLE_RUNS = Path(__file__).parent / "e2e"


@pytest.hookimpl(tryfirst=True)  # before xdist writes the groups into the tests' names
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Whole runs come last, so that what is small fails first; side by side with others they come first, being long.

    Side by side, the tests of a file stay in one process, since they share a local cloud and a process holds one. The
    whole runs share one deployed environment, so they are one group.
    """
    together = bool(config.getoption("numprocesses", None)) or hasattr(config, "workerinput")
    items.sort(key=lambda item: (WHOLE_RUNS in item.path.parents) != together)
    for item in items:
        group = "e2e" if WHOLE_RUNS in item.path.parents else str(item.path)
        item.add_marker(pytest.mark.xdist_group(group))
