"""Proxy against S3: the rendition is where the plan says, and its requests are in the usage."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import av
import boto3
import pytest
from tests.support import synthetic_media as synthetic
from tests.support.aws_fakes import INGEST, FakeContext, mocked_account

from impp_lambdas.core.intake.unreadable import Unreadable
from impp_lambdas.handlers import proxy

ASSET = "0123456789abcdef0123"
KEY = "originals/dashcam/car/2026/11/22/a b+c%ü.mp4"
DELIVERY = "impp-test-delivery"
MEMORY_MB = 1769


@pytest.fixture(autouse=True)
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("IMPP_DELIVERY_BUCKET", DELIVERY)
    with mocked_account(monkeypatch):
        boto3.client("s3").create_bucket(Bucket=DELIVERY)
        yield


def event(data: bytes) -> dict[str, Any]:
    boto3.client("s3").put_object(Bucket=INGEST, Key=KEY, Body=data)
    facts = {"kind": "video", "duration_s": 4.0, "fps": 10.0, "bytes": len(data)}
    key = f"assets/{ASSET}/video-proxy.mp4"
    size = {"width": 160, "height": 90, "fps": None, "quality": 6, "max_bitrate": 400_000}
    renditions = [{"name": "proxy", "key": key, **size, "engine": "lambda"}]
    return {"asset": ASSET, "bucket": INGEST, "key": KEY, "version": "null", "facts": facts, "renditions": renditions}


def test_the_rendition_is_delivered() -> None:
    data = synthetic.movie(synthetic.scenes(4, 1), sound=synthetic.hum(4))
    out = proxy.handler(event(data), FakeContext(memory_limit_in_mb=MEMORY_MB))
    (output,) = out["outputs"]
    assert out["status"] == "ok" and out["incomplete"] is None
    assert output == {"name": "proxy", "duration_s": pytest.approx(4, abs=0.1), "width": 160, "height": 90}
    assert {(line["service"], line["item"]) for line in out["usage"]} >= {("s3", "get"), ("s3", "put")}
    stored = boto3.client("s3").get_object(Bucket=DELIVERY, Key=f"assets/{ASSET}/video-proxy.mp4")
    assert stored["ContentType"] == "video/mp4"
    with av.open(io.BytesIO(stored["Body"].read())) as container:
        assert container.streams.video[0].average_rate == 10 and container.streams.audio


def test_what_cannot_be_decoded_leaves_no_file() -> None:
    with pytest.raises(Unreadable, match="does not open"):
        proxy.handler(event(b"noise" * 1000), FakeContext(memory_limit_in_mb=MEMORY_MB))
    assert "Contents" not in boto3.client("s3").list_objects_v2(Bucket=DELIVERY)
