"""Probe on real and awkward files, through boto3."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from tests.support.local_cloud import Maker
from tests.support.media_clips import check_shape, ffmpeg, street

from impp_engines import assets
from impp_local.engines import video

pytestmark = pytest.mark.slow


def test_probe_returns_container_and_tracks(
    make: Maker, bucket: str, put: Callable[[Path, str], str], tmp_path: Path
) -> None:
    upright = street(tmp_path / "upright.mp4", 2)
    turned = ffmpeg("-display_rotation", "-90", *video.input_options(upright), "-c", "copy", to=tmp_path / "turned.mp4")
    client = make.client("mediaconvert")
    urls = [put(turned, "a phone's.mp4"), put(assets.path("two_cities.wav"), "speech.wav")]
    answer = client.probe(InputFiles=[{"FileUrl": url} for url in urls])
    check_shape("mediaconvert", "Probe", answer)
    film, sound = answer["ProbeResults"]
    head = make.client("s3").head_object(Bucket=bucket, Key="a phone's.mp4")
    assert film["Metadata"]["ETag"] == head["ETag"].strip('"')
    assert (film["Metadata"]["FileSize"], film["Metadata"]["MimeType"]) == (head["ContentLength"], "video/mp4")
    assert film["Container"]["Format"] == "mp4" and abs(film["Container"]["Duration"] - 2) < 0.1
    picture, track = film["Container"]["Tracks"]
    assert (picture["Index"], picture["TrackType"], picture["Codec"]) == (1, "video", "AVC")
    properties = picture["VideoProperties"]
    assert (properties["Width"], properties["Height"], properties["Rotation"]) == (640, 272, 90)
    assert properties["FrameRate"] == {"Numerator": 25, "Denominator": 1} and properties["BitDepth"] == 8
    assert (track["Codec"], track["AudioProperties"]["SampleRate"]) == ("AAC", 48000)
    assert film["TrackMappings"] == [{"VideoTrackIndexes": [1], "AudioTrackIndexes": [2], "DataTrackIndexes": []}]
    assert (sound["Container"]["Format"], sound["Container"]["Tracks"][0]["Codec"]) == ("wave", "PCM")
    assert round(sound["Container"]["Duration"], 1) == 44.4


def test_probe_names_other_containers_and_data_tracks(
    make: Maker, bucket: str, put: Callable[[Path, str], str], tmp_path: Path
) -> None:
    source = ["-t", "1", *video.input_options(assets.path("bikes.mp4"))]
    still = ffmpeg(*source, "-frames:v", "1", to=tmp_path / "cover.jpg")
    recipes = {
        "timecode.mov": [*source, "-timecode", "01:00:00:00", "-c", "copy"],
        "drone.ts": [*source, "-c", "copy"],
        "screen.webm": [*source, "-c:v", "libvpx", "-deadline", "realtime"],
        "song.m4a": [
            "-t",
            "1",
            *video.input_options(assets.path("two_cities.wav")),
            "-i",
            f"file:{still}",
            "-map",
            "0:a",
            "-map",
            "1:v",
            "-c:v",
            "mjpeg",
            "-disposition:v",
            "attached_pic",
        ],
    }
    urls = [put(ffmpeg(*arguments, to=tmp_path / name), name) for name, arguments in recipes.items()]
    answer = make.client("mediaconvert").probe(InputFiles=[{"FileUrl": url} for url in urls])
    check_shape("mediaconvert", "Probe", answer)
    results = [
        (
            r["Container"]["Format"],
            r["Metadata"]["MimeType"],
            [(t["TrackType"], t["Codec"]) for t in r["Container"]["Tracks"]],
        )
        for r in answer["ProbeResults"]
    ]
    assert results == [
        ("quicktime", "video/quicktime", [("video", "AVC"), ("data", "UNKNOWN")]),
        ("mpegts", "video/mp2t", [("video", "AVC")]),
        ("webm", "video/webm", [("video", "VP8")]),
        ("mp4", "audio/mp4", [("audio", "AAC"), ("data", "MJPEG")]),  # the cover is not video
    ]


def test_probe_rejects_files_that_are_not_media(make: Maker, bucket: str) -> None:
    client = make.client("mediaconvert")
    half = assets.path("bikes.mp4").read_bytes()[:90_000]
    for name, body in {"text.mp4": b"words " * 100, "empty.mp4": b"", "half.mp4": half}.items():
        make.client("s3").put_object(Bucket=bucket, Key=name, Body=body)
    cases = {
        f"s3://{bucket}/text.mp4": ("UnprocessableEntityException", 422, "No parser found"),
        f"s3://{bucket}/empty.mp4": ("UnprocessableEntityException", 422, "No parser found"),
        f"s3://{bucket}/half.mp4": ("UnprocessableEntityException", 422, "no moov box"),
        f"s3://{bucket}/missing.mp4": ("NotFoundException", 404, "key does not exist"),
        "https://example.com/a.mp4": ("BadRequestException", 400, "files on S3"),
    }
    for url, (code, status, message) in cases.items():
        with pytest.raises(ClientError) as error:
            client.probe(InputFiles=[{"FileUrl": url}])
        response = error.value.response
        assert (response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]) == (code, status)
        assert message in response["Error"]["Message"]
