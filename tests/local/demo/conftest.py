"""A made-up run, and the delivery bucket that its report refers to."""

from __future__ import annotations

import pytest
from tests.support.sample_report import sample_media, sample_report

from impp_local.demo.facts import Report


@pytest.fixture
def bucket() -> dict[str, bytes]:
    return dict(sample_media())


@pytest.fixture
def run(bucket: dict[str, bytes]) -> Report:
    return sample_report({key: len(content) for key, content in bucket.items()})
