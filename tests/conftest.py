"""The order of the whole suite, which tests share a process, and the profiles of Hypothesis."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.support.examples import register_profiles
from xdist.scheduler import LoadFileScheduling

TESTS = Path(__file__).parent
FIRST = ("e2e", "infra/test_modules.py", "infra/test_root.py", "e2e/test_terraform.py")
"""The longest files, which wait for Terraform; the last of them waits for the deployment that the first one makes."""

register_profiles()
# The quick model; a test of another language asks for the other one.
os.environ.setdefault("IMPP_SPEECH_MODEL", "tiny.en")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest files, then those with slow tests, so that no process has one of them left at the end."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}

    def rank(item: pytest.Item) -> int:
        part = _part(item.path.relative_to(TESTS).as_posix())
        return FIRST.index(part) if part in FIRST else len(FIRST) + (item.path not in slow)

    items.sort(key=rank)


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> LoadFileScheduling:
    """Give each part to one process."""
    return _Parts(config, log)


class _Parts(LoadFileScheduling):
    def _split_scope(self, nodeid: str) -> str:
        return _part(str(super()._split_scope(nodeid)).removeprefix("tests/"))


def _part(file: str) -> str:
    """What a file of tests belongs to: most of e2e shares an environment; what removes one has its own."""
    return "e2e" if file.startswith("e2e/") and file != "e2e/test_terraform.py" else file
