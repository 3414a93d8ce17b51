"""Proxy against S3: the rendition is where the plan says, and its requests are in the usage."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import av
import boto3
import pytest
from tests.support import synthetic_media as synthetic
from tests.support.aws_fakes import INGEST, WORK, FakeContext, mocked_account
from tests.support.difficult_files import CASES

from impp_lambdas.adapters import decoding, rungs
from impp_lambdas.adapters.ranged import RangedFile
from impp_lambdas.adapters.settings import Settings
from impp_lambdas.core.intake.unreadable import Unreadable
from impp_lambdas.core.media import rung
from impp_lambdas.core.media.proxy import Size
from impp_lambdas.core.replies import MediaConvertOnly, MediaConvertToo, Unfinished
from impp_lambdas.handlers import proxy

ASSET = "0123456789abcdef0123"
KEY = "originals/dashcam/car/2026/11/22/a b+c%ü.mp4"
DELIVERY = "impp-test-delivery"
EXECUTION = "arn:aws:states:us-east-1:123456789012:execution:impp:1"
MEMORY_MB = 1769


@pytest.fixture(autouse=True)
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("IMPP_DELIVERY_BUCKET", DELIVERY)
    monkeypatch.setenv("IMPP_WORK_BUCKET", WORK)
    with mocked_account(monkeypatch):
        boto3.client("s3").create_bucket(Bucket=DELIVERY)
        yield


def event(data: bytes) -> dict[str, Any]:
    boto3.client("s3").put_object(Bucket=INGEST, Key=KEY, Body=data)
    facts = {"kind": "video", "duration_s": 4.0, "fps": 10.0, "bytes": len(data)}
    key = f"assets/{ASSET}/video-proxy.mp4"
    size = {"width": 160, "height": 90, "fps": None, "quality": 6, "max_bitrate": 400_000}
    renditions = [{"name": "proxy", "key": key, **size, "engine": "lambda"}]
    names = {"execution": EXECUTION, "asset": ASSET}
    return {**names, "bucket": INGEST, "key": KEY, "version": "null", "facts": facts, "renditions": renditions}


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


@pytest.mark.slow
def test_a_camera_that_cannot_be_decoded_leaves_the_others() -> None:
    (case,) = [case for case in CASES if case.name == "two cameras.mp4"]
    asked = event(case.make())
    asked["facts"]["duration_s"] = 2.0
    proxies = [
        {**asked["renditions"][0], "name": f"proxy-{n}", "key": f"assets/{ASSET}/{n}.mp4", "track": n} for n in (2, 3)
    ]
    asked["renditions"] += proxies
    out = proxy.handler(asked, FakeContext(memory_limit_in_mb=MEMORY_MB))
    sizes = [(output["name"], output["width"], output["height"]) for output in out["outputs"]]
    assert sizes == [("proxy", 160, 90), ("proxy-2", 160, 90)]
    assert out["incomplete"] == "video track 3 has no rendition: no picture of the video could be decoded"


@pytest.mark.parametrize("name", ["voice.amr", "sound.aiff"])
def test_sound_that_mediaconvert_cannot_read_is_delivered(name: str) -> None:
    (case,) = [case for case in CASES if case.name == name]
    asked = event(case.make())
    asked["facts"] = {"kind": "audio", "duration_s": 2.0, "fps": None, "bytes": asked["facts"]["bytes"]}
    key = f"assets/{ASSET}/video-audio.m4a"
    sizes = dict.fromkeys(("width", "height", "fps", "quality"))
    asked["renditions"] = [{"name": "audio", "key": key, **sizes, "max_bitrate": 128_000, "engine": "lambda"}]
    out = proxy.handler(asked, FakeContext(memory_limit_in_mb=MEMORY_MB))
    stored = boto3.client("s3").get_object(Bucket=DELIVERY, Key=key)
    assert stored["ContentType"] == "audio/mp4" and out["incomplete"] is None
    with av.open(io.BytesIO(stored["Body"].read())) as container:
        assert container.streams.audio[0].codec_context.name == "aac" and not container.streams.video
        assert container.duration / av.time_base == pytest.approx(out["outputs"][0]["duration_s"], abs=0.2)


def test_what_cannot_be_decoded_leaves_no_file() -> None:
    with pytest.raises(Unreadable, match="does not open"):
        proxy.handler(event(b"noise" * 1000), FakeContext(memory_limit_in_mb=MEMORY_MB))
    assert "Contents" not in boto3.client("s3").list_objects_v2(Bucket=DELIVERY)


def test_it_leaves_a_job_to_mediaconvert_and_a_photo_alone() -> None:
    request, context = event(b""), FakeContext(memory_limit_in_mb=MEMORY_MB)
    with pytest.raises(MediaConvertToo):
        proxy.handler(request | {"has_job": True}, context)
    with pytest.raises(MediaConvertOnly):
        proxy.handler(request | {"has_job": True, "renditions": []}, context)
    out = proxy.handler(request | {"has_job": False, "renditions": []}, context)
    assert (out["status"], out["reason"]) == ("skipped", "no renditions planned")


def test_a_rung_that_takes_several_attempts_is_one_playlist(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time of the first attempt ends after 90 packets; the second one goes on, and reports what both have used."""
    left = iter(range(90))

    def cut(file: RangedFile, path: Path, size: dict[str, Any], first: int, _: Any) -> dict[str, Any]:
        wanted = Size(**{**size, "fps": Fraction(size["fps"])})
        return asdict(rung.encode(file, path, wanted, first, lambda: first == 0 and next(left, None) is None))

    monkeypatch.setattr(decoding, "rung", cut)
    request = event(synthetic.movie(synthetic.scenes(4, 4)))
    request["facts"]["duration_s"] = 16.0
    key = f"assets/{ASSET}/hls/hls-90.m3u8"
    request["renditions"][0] |= {"name": "hls-90", "key": key, "fps": "10/1"}
    context = FakeContext(memory_limit_in_mb=MEMORY_MB)
    with pytest.raises(Unfinished):
        proxy.handler(request, context)
    out = proxy.handler(request, context)
    stream = {"codecs": ANY, "peak": ANY, "mean": ANY, "fps": "10/1"}
    assert out["outputs"] == [{"name": "hls-90", "duration_s": 16.0, "width": 160, "height": 90, "stream": stream}]
    puts = sum(line["quantity"] for line in out["usage"] if line["item"] == "put")
    assert puts == 4  # two files, the progress and the playlist
    text = boto3.client("s3").get_object(Bucket=DELIVERY, Key=key)["Body"].read().decode()
    assert text.count("#EXTINF") == 3 and text.count("#EXT-X-MAP") == 2
    settings, (rendition,) = Settings(work_bucket=WORK), request["renditions"]
    assert rungs.load(settings, request, rendition).tracks
    assert rungs.load(settings, {**request, "execution": "another"}, rendition).tracks == []
