"""Archive against S3: the tag that the lifecycle rules act on, also of originals that wait to be processed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import boto3
import pytest
from tests.support.aws_fakes import INGEST, FakeContext, mocked_account
from tests.support.dashcam_facts import ASSET, FACTS

from impp_lambdas.handlers import archive

KEY = "originals/dashcam/car/2026/11/20/clip.mp4"


@pytest.fixture
def version(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Version of an uploaded original."""
    with mocked_account(monkeypatch):
        s3, enabled = boto3.client("s3"), {"Status": "Enabled"}
        s3.put_bucket_versioning(Bucket=INGEST, VersioningConfiguration=enabled)  # type: ignore[arg-type]
        yield s3.put_object(Bucket=INGEST, Key=KEY, Body=b"clip")["VersionId"]


@pytest.mark.parametrize(
    ("recording", "verdict", "keep_years", "tag"),
    [
        ("routine", "process", None, "deep-archive"),
        ("event", "process", None, "intelligent"),
        ("event", "process", 10, "glacier-ir"),
        ("routine", "archive_only", None, "intelligent"),
        ("event", "archive_only", 10, "intelligent"),
    ],
)
def test_an_original_goes_to_the_cheapest_class_but_stays_readable_until_it_is_processed(
    version: str, recording: str, verdict: str, keep_years: float | None, tag: str
) -> None:
    facts = replace(FACTS, recording=recording).to_dict()
    event: dict[str, Any] = {"asset": ASSET, "bucket": INGEST, "key": KEY, "version": version, "facts": facts}
    answer = archive.handler({**event, "plan": {"keep_years": keep_years}, "verdict": verdict}, FakeContext())
    tags = boto3.client("s3").get_object_tagging(Bucket=INGEST, Key=KEY, VersionId=version)["TagSet"]
    assert {t["Key"]: t["Value"] for t in tags}["impp:archive"] == answer["tag"] == tag
