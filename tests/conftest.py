"""The order of the whole suite, which tests share a process, and what is set for all of them."""

from __future__ import annotations

import gc
import os
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from tests.support import service_models
from tests.support.examples import register_profiles
from xdist.scheduler import LoadFileScheduling

TESTS = Path(__file__).parent
FIRST = (
    "e2e",
    "infra/test_modules.py",
    "infra/test_root.py",
    "lambdas/handlers/test_difficult_files.py",
    "e2e/test_terraform.py",
)
"""The longest files. The last needs the deployment that the first makes, and begins when that is nearly ready."""

register_profiles()
service_models.share()
# The quick model; a test of another language asks for the other one.
os.environ.setdefault("IMPP_SPEECH_MODEL", "tiny.en")


@pytest.fixture
def uncollected() -> Iterator[None]:
    """No garbage is collected meanwhile: a finalizer that runs deep in a recursion, as of nested JSON, fails there."""
    gc.disable()
    yield
    gc.enable()


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Keep what was imported out of every later collection of garbage: it stays until the end and takes long to search.

    A full collection took 0.2 s of processor time, and the tests are in a process of hundreds of modules. What tests
    leave grows, too: with Python's thresholds (700, 10, 10), 3.3 of 35 s went into full collections.
    """
    gc.disable()
    result = yield
    gc.freeze()
    gc.set_threshold(1000, 10, 100)
    gc.enable()
    return result


def pytest_sessionfinish() -> None:
    """Leave what there is to the end of the process: pytest would search it twice, 3 s of processor time."""
    gc.freeze()


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
    """What a file of tests belongs to: most of e2e shares an environment, what removes one has its own; the gallery's
    tests share a browser, the build's a cache of wheels."""
    folder = file.partition("/")[0]
    return folder if folder in ("build", "e2e", "gallery") and file != "e2e/test_terraform.py" else file
