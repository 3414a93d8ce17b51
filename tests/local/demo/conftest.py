"""A made-up run, and the delivery bucket that its report refers to."""

from __future__ import annotations

import pytest
from tests.support.made_report import made_media, made_report

from impp_local.demo.facts import Report


@pytest.fixture
def bucket() -> dict[str, bytes]:
    return dict(made_media())


@pytest.fixture
def run(bucket: dict[str, bytes]) -> Report:
    return made_report({key: len(content) for key, content in bucket.items()})
