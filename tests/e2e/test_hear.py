"""The deployed function `hear`: its layers, its weights from the code bucket, and its permissions suffice."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.support.media_clips import SPOKEN, word_error_rate, words
from tests.support.system import System

from impp_engines import assets

pytestmark = pytest.mark.slow

ASSET = "0e" * 10


def hear(system: System, **change: Any) -> dict[str, Any]:
    """Invoke the function as the state machine does, for an original that the pipeline processes as well."""
    bucket, prefix = system.outputs["ingest_bucket"], system.outputs["catalog_table"].removesuffix("-catalog")
    key = "originals/phone/mine/2026/11/20/spoken.wav"
    content = assets.path("two_cities.wav").read_bytes()
    system.client("s3").put_object(Bucket=bucket, Key=key, Body=content)
    facts = {"kind": "audio", "has_audio": True, "bytes": len(content), "duration_s": 44.4}
    task = {"token": "t" * 30, "execution": "one", "asset": ASSET, "bucket": bucket, "key": key, "version": None}
    payload = {**task, "facts": facts, "speech": True, "voiced": [[0, 44.4]], **change}
    response = system.client("lambda").invoke(FunctionName=f"{prefix}-hear", Payload=json.dumps(payload))
    answer: dict[str, Any] = json.loads(response["Payload"].read())
    system.wait_until_idle()
    return answer


def test_speech_is_transcribed_in_the_function_and_captioned(system: System) -> None:
    assert hear(system) == {"status": "ok"}
    work = system.outputs["ingest_bucket"].replace("-ingest", "-work")

    def read(name: str) -> str:
        return system.client("s3").get_object(Bucket=work, Key=f"work/{ASSET}/{name}")["Body"].read().decode()

    results = json.loads(read("transcript.json"))["results"]
    assert results["language_code"] == "en-US"
    assert word_error_rate(words(SPOKEN), words(results["transcripts"][0]["transcript"])) <= 0.1
    assert read("captions.vtt").startswith("WEBVTT\n\n1\n00:00:0")
    assert read("captions.srt").startswith("1\n00:00:0")
