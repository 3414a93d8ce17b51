"""One local cloud for the tests of a module: a process holds only one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.support.local_cloud import Maker

from impp_local.cloud import LocalCloud


@pytest.fixture(scope="module")
def make(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Maker]:
    with LocalCloud(port=0, state=tmp_path_factory.mktemp("cloud")) as running:
        yield Maker(running)
