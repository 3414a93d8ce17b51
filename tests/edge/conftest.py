"""Buckets to test against: the local cloud, whose gateway verifies checksums, and a SeaweedFS server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from tests.support.edge.cards import BUCKET, PART
from tests.support.edge.end_to_end import Runs, fork_server
from tests.support.edge.seaweed import Seaweed, seaweed

from impp_edge.config import Config, Folder


@pytest.fixture(scope="package")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    from impp_local.cloud import LocalCloud

    with LocalCloud(port=0, state=tmp_path_factory.mktemp("cloud")) as cloud:
        yield cloud.endpoint


@pytest.fixture(scope="module")
def weed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seaweed]:
    """A real S3 server; each test uses a bucket of its own."""
    with seaweed(tmp_path_factory.mktemp("weed")) as server:
        yield server


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    """Whole runs, each in a process of its own."""
    with fork_server(tmp_path_factory.mktemp("runs")) as server:
        yield server


@pytest.fixture
def s3(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A client, and an empty versioned bucket that is emptied again."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    client = boto3.client("s3", endpoint_url=endpoint)
    client.create_bucket(Bucket=BUCKET)
    client.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    yield client
    versions = client.list_object_versions(Bucket=BUCKET).get("Versions", [])
    if versions:
        left = [{"Key": version["Key"], "VersionId": version["VersionId"]} for version in versions]
        client.delete_objects(Bucket=BUCKET, Delete={"Objects": left, "Quiet": True})
    client.delete_bucket(Bucket=BUCKET)


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("impp_edge.run.upload.PART", PART)


@pytest.fixture
def card(tmp_path: Path) -> Path:
    folder = tmp_path / "card"
    folder.mkdir()
    return folder


@pytest.fixture
def config(card: Path, tmp_path: Path, endpoint: str, s3: Any) -> Config:
    folder = Folder(card, device="Blue Car", tags={"owner": "anna"})
    return Config(bucket=BUCKET, folders=(folder,), state=tmp_path / "state", endpoint_url=endpoint)


@pytest.fixture
def remove_versions(s3: Any) -> Iterator[None]:
    """Tests that remove or replace objects leave versions and delete markers behind."""
    yield
    listing = s3.list_object_versions(Bucket=BUCKET)
    for one in [*listing.get("Versions", []), *listing.get("DeleteMarkers", [])]:
        s3.delete_object(Bucket=BUCKET, Key=one["Key"], VersionId=one["VersionId"], BypassGovernanceRetention=True)
