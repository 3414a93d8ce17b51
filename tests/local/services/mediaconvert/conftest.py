"""A bucket for media, and uploads to it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.support.local_cloud import Maker


@pytest.fixture
def bucket(make: Maker) -> str:
    name = make.name("media")
    make.client("s3").create_bucket(Bucket=name)
    return name


@pytest.fixture
def put(make: Maker, bucket: str) -> Callable[[Path, str], str]:
    def upload(path: Path, key: str) -> str:
        make.client("s3").upload_file(str(path), bucket, key)
        return f"s3://{bucket}/{key}"

    return upload
