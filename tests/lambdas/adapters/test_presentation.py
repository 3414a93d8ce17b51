"""The HLS presentation's playlists in S3."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from tests.support.aws_fakes import WORK, mocked_account

from impp_lambdas.adapters import presentation
from impp_lambdas.adapters.settings import Settings
from impp_lambdas.adapters.speech_documents import SpeechDocuments
from impp_lambdas.core.results import hls

ASSET = "0123456789abcdef0123"
MAIN = f"assets/{ASSET}/hls/hls.m3u8"
MEDIA: dict[str, Any] = {
    "asset": ASSET,
    "plan": {"renditions": [{"name": "hls-1080"}]},
    "facts": {"duration_s": 61.2},
}


HEARD = {"transcribe": {"language": "en-US"}}
SMALL = {
    "name": "hls-480",
    "width": 854,
    "height": 480,
    "stream": {"codecs": "avc1.64001F", "peak": 900_000, "mean": 700_000, "fps": "30000/1001"},
}


def test_captions_and_our_rung_join_a_presentation_that_exists(monkeypatch: pytest.MonkeyPatch) -> None:
    settings, speech = Settings(delivery_bucket=WORK), SpeechDocuments(captions=f"assets/{ASSET}/captions.vtt")
    results: dict[str, Any] = {**HEARD, "proxy": {"outputs": [SMALL]}}
    variant = '#EXT-X-STREAM-INF:BANDWIDTH=1,CODECS="avc1.640028,mp4a.40.2",AUDIO="audio"\nhls-1080.m3u8\n'
    with mocked_account(monkeypatch):
        s3 = boto3.client("s3")
        assert presentation.deliver(settings, MEDIA, speech, HEARD) is None
        s3.put_object(Bucket=WORK, Key=MAIN, Body=f"#EXTM3U\n{variant}".encode())
        assert presentation.deliver(settings, MEDIA, SpeechDocuments(), {}) == MAIN
        assert presentation.deliver(settings, MEDIA, speech, results) == MAIN
        once = s3.get_object(Bucket=WORK, Key=MAIN)
        assert once["ContentType"] == "application/vnd.apple.mpegurl"
        main = once["Body"].read()
        assert main.decode().splitlines()[-2:] == [
            '#EXT-X-STREAM-INF:BANDWIDTH=1028000,AVERAGE-BANDWIDTH=828000,CODECS="avc1.64001F,mp4a.40.2",'
            'RESOLUTION=854x480,FRAME-RATE=29.970,AUDIO="audio",SUBTITLES="captions"',
            "hls-480.m3u8",
        ]
        assert main.count(b'SUBTITLES="captions"') == 2
        presentation.deliver(settings, MEDIA, speech, results)
        assert s3.get_object(Bucket=WORK, Key=MAIN)["Body"].read() == main
        listed = s3.get_object(Bucket=WORK, Key=f"assets/{ASSET}/hls/captions.m3u8")["Body"].read().decode()
        assert "\n../captions.vtt\n" in listed
        assert presentation.deliver(settings, {**MEDIA, "plan": {"renditions": []}}, speech, HEARD) is None


def test_the_size_of_a_rung_is_that_of_its_files(monkeypatch: pytest.MonkeyPatch) -> None:
    tracks = [hls.Track("a.cmfv", 10, [(6.0, 10, 5), (6.0, 15, 5)]), hls.Track("b.cmfv", 10, [(2.0, 10, 90)])]
    assert hls.rates(tracks) == (360, 57)
    with mocked_account(monkeypatch):
        s3 = boto3.client("s3")
        for name, body in {
            "hls-480.m3u8": hls.track_playlist(tracks).encode(),
            "a.cmfv": b"a" * 20,
            "b.cmfv": b"b" * 100,
        }.items():
            s3.put_object(Bucket=WORK, Key=f"assets/{ASSET}/hls/{name}", Body=body)
        assert presentation.track_bytes(WORK, f"assets/{ASSET}/hls/hls-480.m3u8") == 120
