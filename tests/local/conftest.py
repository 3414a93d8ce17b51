"""One local cloud for the tests of a module (a process holds only one); each test makes what it needs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.support.local_cloud import Maker

from impp_local.cloud import LocalCloud


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    with LocalCloud(port=0, state=tmp_path_factory.mktemp("cloud")) as running:
        yield running


@pytest.fixture
def make(cloud: LocalCloud) -> Maker:
    return Maker(cloud)
