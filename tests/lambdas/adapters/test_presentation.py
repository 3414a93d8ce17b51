"""The HLS presentation's playlists in S3."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from tests.support.aws_fakes import WORK, mocked_account

from impp_lambdas.adapters import presentation
from impp_lambdas.adapters.settings import Settings
from impp_lambdas.adapters.spoken import Spoken

ASSET = "0123456789abcdef0123"
MAIN = f"assets/{ASSET}/hls/hls.m3u8"
MEDIA: dict[str, Any] = {
    "asset": ASSET,
    "plan": {"renditions": [{"name": "hls-1080"}]},
    "facts": {"duration_s": 61.2},
}


def test_captions_join_a_presentation_that_exists(monkeypatch: pytest.MonkeyPatch) -> None:
    settings, said = Settings(delivery_bucket=WORK), Spoken(captions=f"assets/{ASSET}/captions.vtt")
    with mocked_account(monkeypatch):
        s3 = boto3.client("s3")
        assert presentation.deliver(settings, MEDIA, said, "en-US") is None
        s3.put_object(Bucket=WORK, Key=MAIN, Body=b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nhls-1080.m3u8\n")
        assert presentation.deliver(settings, MEDIA, Spoken(), None) == MAIN
        assert presentation.deliver(settings, MEDIA, said, "en-US") == MAIN
        main = s3.get_object(Bucket=WORK, Key=MAIN)
        assert main["ContentType"] == "application/vnd.apple.mpegurl"
        assert b'BANDWIDTH=1,SUBTITLES="captions"' in main["Body"].read()
        listed = s3.get_object(Bucket=WORK, Key=f"assets/{ASSET}/hls/captions.m3u8")["Body"].read().decode()
        assert "\n../captions.vtt\n" in listed
        assert presentation.deliver(settings, {**MEDIA, "plan": {"renditions": []}}, said, "en-US") is None
