"""The deployed function `hear`: its layers, its weights from the code bucket, and its permissions suffice."""

from __future__ import annotations

import json

import pytest
from tests.support.media_clips import SPOKEN, word_error_rate, words
from tests.support.system import System

from impp_engines import assets

pytestmark = pytest.mark.slow

KEY = "originals/phone/mine/2026/11/20/spoken.wav"


def test_speech_is_transcribed_in_the_function_and_captioned(system: System) -> None:
    asset = system.upload(assets.path("two_cities.wav"), KEY)
    system.wait_until_idle()
    item = system.asset(asset)
    assert (item["state"], item.get("reason")) == ("published", None)
    assert "transcribe" not in {line["service"] for line in item["ledger"]}
    work = system.outputs["ingest_bucket"].replace("-ingest", "-work")

    def read(name: str) -> str:
        return system.client("s3").get_object(Bucket=work, Key=f"work/{asset}/{name}")["Body"].read().decode()

    results = json.loads(read("transcript.json"))["results"]
    assert results["language_code"] == "en-US"
    assert word_error_rate(words(SPOKEN), words(results["transcripts"][0]["transcript"])) <= 0.1
    assert read("captions.vtt").startswith("WEBVTT\n\n1\n00:00:0")
    assert read("captions.srt").startswith("1\n00:00:0")
