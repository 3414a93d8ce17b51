"""Hear against S3, with the real model: transcript and captions of real speech, and a recording in several attempts."""

from __future__ import annotations

import io
import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import boto3
import ctranslate2
import numpy as np
import pytest
from tests.support.aws_fakes import INGEST, WORK, FakeContext, mocked_account
from tests.support.media_clips import SPOKEN, word_error_rate, words

from impp_engines import assets, speech, weights
from impp_lambdas.adapters import task_tokens
from impp_lambdas.core.intake.unreadable import Unreadable
from impp_lambdas.core.media import hearing
from impp_lambdas.core.replies import Unfinished
from impp_lambdas.handlers import hear

pytestmark = pytest.mark.slow

ASSET = "0123456789abcdef0123"
KEY = "originals/dashcam/car/2026/11/22/a.wav"
SPEECH_S = 44.4


@pytest.fixture(autouse=True)
def account(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """An account, and a function whose weights are in the developer's cache."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("IMPP_WEIGHTS_BUCKET", "impp-test-code")
    monkeypatch.setenv("IMPP_WEIGHTS_KEYS", "{}")
    monkeypatch.setenv(weights.VARIABLE, "")
    with mocked_account(monkeypatch):
        yield


@dataclass
class OnePiece(FakeContext):
    """A function whose time is up when it has heard one piece."""

    memory_limit_in_mb: int = 1769
    asked: int = 0

    def get_remaining_time_in_millis(self) -> int:
        self.asked += 1
        return 100_000 if self.asked == 1 else 20_000


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the task tokens were answered."""
    sent: list[dict[str, Any]] = []
    monkeypatch.setattr(task_tokens, "succeed", lambda token, output: bool(sent.append({token: output})) or True)
    return sent


def event(data: bytes, voiced: list[list[float]] | None, *, execution: str = "one", **facts: Any) -> dict[str, Any]:
    boto3.client("s3").put_object(Bucket=INGEST, Key=KEY, Body=data)
    known = {"kind": "audio", "has_audio": True, "bytes": len(data), "duration_s": 0, **facts}
    given = {"asset": ASSET, "bucket": INGEST, "key": KEY, "version": "null", "facts": known, "speech": True}
    return {"token": "t", "execution": execution, "voiced": voiced, **given}


def read(name: str) -> bytes:
    return bytes(boto3.client("s3").get_object(Bucket=WORK, Key=f"work/{ASSET}/{name}")["Body"].read())


def recording(before_s: float, after_s: float) -> bytes:
    """The sample speech between two stretches of silence, as AAC in MP4, as a camera writes it."""
    with av.open(str(assets.path("two_cities.wav"))) as source:
        resampler = av.AudioResampler(format="s16", layout="mono", rate=16_000)
        frames = [f for frame in source.decode(audio=0) for f in resampler.resample(frame)]
        voice = np.concatenate([frame.to_ndarray().reshape(-1) for frame in frames])
    silence = [np.zeros(round(seconds * 16_000), np.int16) for seconds in (before_s, after_s)]
    return movie_of(np.concatenate([silence[0], voice, silence[1]]))


def movie_of(samples: Any) -> bytes:
    out = io.BytesIO()
    with av.open(out, "w", format="mp4") as target:
        stream = target.add_stream("aac", rate=16_000, layout="mono")
        for at in range(0, samples.size, 1024):
            frame = av.AudioFrame.from_ndarray(samples[at : at + 1024].reshape(1, -1), format="s16", layout="mono")
            frame.sample_rate = 16_000
            frame.pts = at
            target.mux(stream.encode(frame))
        target.mux(stream.encode(None))
    return out.getvalue()


def test_only_the_voiced_stretch_is_heard_and_times_are_those_of_the_recording(answers: list[dict[str, Any]]) -> None:
    data = recording(60, 30)
    out = hear.handler(event(data, [[59.5, 60 + SPEECH_S]]), FakeContext(memory_limit_in_mb=1769, seconds=900))
    assert out == {"status": "ok"}
    (answer,) = answers
    result = answer["t"]
    assert (result["status"], result["engine"], result["language"]) == ("ok", "lambda", "en-US")
    assert result["seconds"] == pytest.approx(SPEECH_S + 0.5, abs=0.2)
    assert {line["service"] for line in result["usage"]} == {"s3", "lambda"}
    document = json.loads(read("transcript.json"))
    assert result["transcript"] == f"work/{ASSET}/transcript.json"
    text = document["results"]["transcripts"][0]["transcript"]
    assert word_error_rate(words(SPOKEN), words(text)) <= 0.06
    spoken = [item for item in document["results"]["items"] if "start_time" in item]
    assert 60 <= float(spoken[0]["start_time"]) < 62 and 98 < float(spoken[-1]["end_time"]) < 105
    assert document["results"]["language_identification"][0]["code"] == "en-US"
    vtt, srt = read("captions.vtt").decode(), read("captions.srt").decode()
    assert result["captions"] == f"work/{ASSET}/captions.vtt"
    assert vtt.startswith("WEBVTT\n\n1\n00:01:0") and srt.startswith("1\n00:01:0")
    assert all(len(line) <= 42 for line in vtt.splitlines())


def test_a_long_recording_takes_several_attempts_that_continue_each_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hearing, "PIECE_S", 15.0)
    task = event(recording(0, 0), [[0, SPEECH_S]])
    attempts = 1
    while True:
        try:
            result = hear.handler(task | {"token": None}, OnePiece())
        except Unfinished as error:
            assert "heard the first" in str(error)
            attempts += 1
            continue
        break
    assert attempts >= 4
    text = json.loads(read("transcript.json"))["results"]["transcripts"][0]["transcript"]
    assert word_error_rate(words(SPOKEN), words(text)) <= 0.08, text
    invocations = [line for line in result["usage"] if line["service"] == "lambda" and line["item"] == "request"]
    assert len(invocations) == attempts, "every attempt is in the ledger"


def test_another_execution_starts_over(answers: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hearing, "PIECE_S", 15.0)
    data = recording(0, 0)
    with pytest.raises(Unfinished):
        hear.handler(event(data, [[0, SPEECH_S]]) | {"token": None}, OnePiece())
    before = json.loads(read("hearing.json"))
    assert before["execution"] == "one" and 5 < before["position_s"] <= 15
    with pytest.raises(Unfinished):
        hear.handler(event(data, [[0, SPEECH_S]], execution="two") | {"token": None}, OnePiece())
    after = json.loads(read("hearing.json"))
    assert after["execution"] == "two" and after["position_s"] == before["position_s"]


@dataclass(frozen=True)
class Skip:
    """A recording without anything to hear, and the reason."""

    change: dict[str, Any]
    reason: str
    language: str = "auto"


SKIPS = [
    Skip({"speech": False}, "no speech"),
    Skip({"voiced": []}, "no speech"),
    Skip({"facts": {"has_audio": False}}, "no sound track"),
    Skip({}, "the speech model does not understand zu-ZA", "zu-ZA"),
]


@pytest.mark.parametrize("skip", SKIPS, ids=lambda skip: skip.reason)
def test_without_anything_to_hear_the_token_is_answered_at_once(
    skip: Skip, answers: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMPP_TRANSCRIBE_LANGUAGE", skip.language)
    task = event(b"never read", [[0, 5]])
    task |= {key: task[key] | value if isinstance(value, dict) else value for key, value in skip.change.items()}
    assert hear.handler(task, FakeContext()) == {"status": "skipped"}
    assert (answers[0]["t"]["status"], answers[0]["t"]["reason"]) == ("skipped", skip.reason)


def test_noise_that_was_taken_for_speech_leaves_no_transcript(
    answers: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(speech, "_models", {})  # the threads of a model that was used before have a seed already
    ctranslate2.set_random_seed(7)
    noise = np.random.default_rng(1).normal(0, 3000, 8 * 16_000).astype(np.int16)
    data = movie_of(np.concatenate([noise, np.zeros(8 * 16_000, np.int16)]))
    hear.handler(event(data, None, duration_s=16.0), FakeContext(memory_limit_in_mb=1769, seconds=900))
    assert answers[0]["t"]["status"] == "skipped" and answers[0]["t"]["reason"] == "no words were recognised"


def test_a_file_that_does_not_open_fails_with_its_reason() -> None:
    with pytest.raises(Unreadable, match="does not open"):
        hear.handler(
            event(b"no media" * 100, [[0, 5]]) | {"token": None}, FakeContext(memory_limit_in_mb=1769, seconds=900)
        )
