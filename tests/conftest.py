"""The order of the whole suite, which tests share a process, and the profiles of Hypothesis."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.examples import register_profiles
from xdist.scheduler import LoadFileScheduling

TESTS = Path(__file__).parent
FIRST = ("e2e", "infra")

register_profiles()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the folders that wait for Terraform, so that the others run while they wait."""
    items.sort(key=lambda item: FIRST.index(_folder(item)) if _folder(item) in FIRST else len(FIRST))


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> LoadFileScheduling:
    """Give each file to one process, and all of e2e, which deploys once."""
    return _FilesAndE2e(config, log)


class _FilesAndE2e(LoadFileScheduling):
    def _split_scope(self, nodeid: str) -> str:
        file = str(super()._split_scope(nodeid))
        return "tests/e2e" if file.startswith("tests/e2e/") else file


def _folder(item: pytest.Item) -> str:
    """The folder of a test below this one, such as "edge"."""
    return item.path.relative_to(TESTS).parts[0]
