"""Sample against S3: every result is under the key that the function returns."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from PIL import Image
from tests.support import synthetic_media as synthetic
from tests.support.aws_fakes import INGEST, WORK, FakeContext, mocked_account

from impp_engines import assets
from impp_lambdas.adapters.looks import unpack
from impp_lambdas.handlers import sample

ASSET = "0123456789abcdef0123"
KEY = "originals/dashcam/car/2026/11/22/a b+c%ü.mp4"


@pytest.fixture(autouse=True)
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with mocked_account(monkeypatch):
        yield


def event(data: bytes, kind: str = "video") -> dict[str, Any]:
    boto3.client("s3").put_object(Bucket=INGEST, Key=KEY, Body=data)
    plan = {
        "frames": {"interval_s": 1, "max": 4},
        "look": {"interval_s": 1, "max": 11},
        "detectors": {"labels": "rekognition"},
        "managed_calls": 4,
        "escalate": [],
        "speech": "lambda",
        "parts": [[0.0, 11.0]],
    }
    facts = {"kind": kind, "duration_s": None, "bytes": len(data)}
    return {"asset": ASSET, "bucket": INGEST, "key": KEY, "version": "null", "facts": facts, "plan": plan}


def read(key: str) -> bytes:
    return bytes(boto3.client("s3").get_object(Bucket=WORK, Key=key)["Body"].read())


def test_every_returned_key_exists() -> None:
    out = sample.handler(event(synthetic.movie(synthetic.scenes(5, 2), sound=synthetic.speech(10))), FakeContext())
    assert out["status"] == "ok" and out["frame_count"] == 4 and out["speech"] is True
    frames = json.loads(read(out["frames"]))["frames"]
    for frame in frames:
        assert frame["key"] == f"work/{ASSET}/frames/{round(frame['t'] * 1000):09d}.jpg"
        assert Image.open(io.BytesIO(read(frame["key"]))).size == (frame["width"], frame["height"])
    assert out["poster"] == f"work/{ASSET}/poster.jpg" and read(out["poster"]).startswith(b"\xff\xd8")
    small, large = (Image.open(io.BytesIO(read(out[name]))) for name in ("thumbnail", "poster"))
    assert max(small.size) == min(480, max(large.size)) and len(read(out["thumbnail"])) < len(read(out["poster"]))
    assert out["storyboard"] == f"work/{ASSET}/storyboard.jpg" and read(out["storyboard"])
    assert read(f"work/{ASSET}/storyboard.vtt").startswith(b"WEBVTT")
    assert {line["service"] for line in out["usage"]} == {"s3", "lambda"}
    assert len(json.dumps(out)) < 2000
    assert [list(frame["ask"]) for frame in frames] == [["labels"]] * 4


class Weights:
    """In place of the code bucket, which is not there: the developer's cache has the models."""

    @staticmethod
    def fetch() -> int:
        return 0


@pytest.mark.slow
def test_the_models_look_every_second_and_few_frames_are_left_for_rekognition(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample, "weights", Weights)
    request = event(assets.path("bikes.mp4").read_bytes())
    request["plan"] |= {"detectors": {"labels": "cascade"}, "managed_calls": 2, "escalate": ["people", "novel"]}
    out = sample.handler(request, FakeContext())
    looks = list(unpack(read(out["findings"])))
    labels = [finding for look in looks for finding in look["labels"]]
    assert len(looks) >= 9 and {"Person", "Bicycle"} <= {label["name"] for label in labels}
    assert all(label["engine"] == "lambda" for label in labels)
    frames = json.loads(read(out["frames"]))["frames"]
    assert 1 <= len(frames) <= 2 and all(frame["ask"]["labels"] for frame in frames)


def test_audio_has_no_pictures() -> None:
    out = sample.handler(event(synthetic.movie(sound=synthetic.hum(5)), "audio"), FakeContext())
    assert (out["frame_count"], out["poster"], out["thumbnail"], out["speech"]) == (0, None, None, False)
    assert json.loads(read(out["frames"])) == {"frames": []}


def test_a_deleted_original_raises_the_error_of_s3() -> None:
    gone = event(synthetic.movie(synthetic.scenes(1, 1)))
    boto3.client("s3").delete_object(Bucket=INGEST, Key=KEY)
    with pytest.raises(ClientError, match="NoSuchKey"):
        sample.handler(gone, FakeContext())
