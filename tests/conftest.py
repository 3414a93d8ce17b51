"""The order of the whole suite, and which tests share a process."""

from __future__ import annotations

from pathlib import Path

import pytest

TESTS = Path(__file__).parent
FIRST = ("e2e", "infra")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the tests of a file share a process, and all of e2e, which deploys once.

    The folders that wait for Terraform begin first, so that the others run while they wait.
    """
    items.sort(key=lambda item: FIRST.index(_folder(item)) if _folder(item) in FIRST else len(FIRST))
    for item in items:
        group = "e2e" if _folder(item) == "e2e" else str(item.path)
        item.add_marker(pytest.mark.xdist_group(group))


def _folder(item: pytest.Item) -> str:
    """The folder of a test below this one, such as "edge"."""
    return item.path.relative_to(TESTS).parts[0]
