"""Transcribe and Resume: each token is answered once, despite retries, late or repeated events and foreign jobs."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import av
import boto3
import numpy as np
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber
from tests.support import synthetic_media as synthetic
from tests.support.aws_fakes import INGEST, TABLE, WORK, FakeContext, mocked_account

from impp_lambdas.adapters import aws, dynamo
from impp_lambdas.core import keys
from impp_lambdas.core.money.usage import transcribe_line
from impp_lambdas.core.planning import transcription
from impp_lambdas.handlers import resume, transcribe

pytestmark = pytest.mark.slow

ASSET = "0123456789abcdef0123"
EXECUTION = "arn:aws:states:us-east-1:123456789012:execution:impp-test-pipeline:one"
JOB = transcription.job_name(ASSET, EXECUTION)
FACTS = {"kind": "video", "duration_s": 61.2, "has_audio": True, "container": "mp4", "bytes": 1000,
         "audio_channels": 2}  # fmt: skip


@pytest.fixture(autouse=True)
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with mocked_account(monkeypatch):
        yield


@pytest.fixture
def states() -> Iterator[Stubber]:
    with Stubber(aws.client("stepfunctions")) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


@pytest.fixture
def jobs() -> Iterator[Stubber]:
    with Stubber(aws.client("transcribe")) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def event(
    token: str = "t1",
    speech: bool = True,
    key: str = "originals/x/clip.mp4",
    voiced_s: float | None = 40.0,
    **facts: Any,
) -> dict[str, Any]:
    return {
        "token": token, "execution": EXECUTION, "asset": ASSET, "bucket": INGEST, "key": key, "version": "null",
        "facts": {**FACTS, **facts}, "speech": speech, "voiced_s": voiced_s,
    }  # fmt: skip


def waiting() -> dict[str, Any] | None:
    return dynamo.get_item(TABLE, keys.catalog_token(JOB))


def job_event(status: str = "COMPLETED") -> dict[str, Any]:
    return {"detail-type": "Transcribe Job State Change",
            "detail": {"TranscriptionJobName": JOB, "TranscriptionJobStatus": status}}  # fmt: skip


def job_answer(status: str, **more: Any) -> dict[str, Any]:
    base = f"https://s3.us-east-1.amazonaws.com/{WORK}/work/{ASSET}/transcript"
    done = {
        "LanguageCode": "en-US",
        "Transcript": {"TranscriptFileUri": f"{base}.json"},
        "Subtitles": {"Formats": ["vtt", "srt"], "SubtitleFileUris": [f"{base}.vtt", f"{base}.srt"]},
    }
    job = {"TranscriptionJobName": JOB, "TranscriptionJobStatus": status, **more}
    return {"TranscriptionJob": job | (done if status == "COMPLETED" else {})}


def start(jobs: Stubber) -> None:
    jobs.add_response("start_transcription_job", {"TranscriptionJob": {"TranscriptionJobName": JOB}})


@pytest.mark.parametrize(
    ("speech", "facts", "reason"),
    [
        (False, {}, "no speech"),
        (True, {"has_audio": False}, "no sound track"),
        (True, {"duration_s": 15_000}, "longer than Transcribe's 4 hours"),
        (True, {"duration_s": 0.2}, "shorter than 0.5 s"),
    ],
)
def test_a_task_without_speech_is_answered_at_once(
    states: Stubber, jobs: Stubber, speech: bool, facts: dict[str, Any], reason: str
) -> None:
    sent: list[dict[str, Any]] = []
    aws.client("stepfunctions").meta.events.register("provide-client-params.*", lambda params, **_: sent.append(params))
    states.add_response("send_task_success", {})
    assert transcribe.handler(event(speech=speech, **facts), FakeContext()) == {"started": False, "reason": reason}
    output = json.loads(sent[0]["output"])
    assert (output["status"], output["reason"]) == ("skipped", reason)
    assert waiting() is None


def test_the_token_is_stored_before_the_job_starts(jobs: Stubber) -> None:
    jobs.add_client_error("start_transcription_job", "BadRequestException")
    with pytest.raises(ClientError, match="BadRequest"):
        transcribe.handler(event(), FakeContext())
    item = waiting()
    assert item is not None and item["token"] == "t1"


def test_the_job_has_the_settings_of_the_function(jobs: Stubber, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMPP_KMS_KEY_ARN", "arn:aws:kms:us-east-1:123456789012:key/k")
    jobs.add_response(
        "start_transcription_job",
        {},
        {
            "TranscriptionJobName": JOB,
            "Media": {"MediaFileUri": f"s3://{INGEST}/originals/x/clip.mp4"},
            "OutputBucketName": WORK,
            "OutputKey": f"work/{ASSET}/transcript.json",
            "OutputEncryptionKMSKeyId": "arn:aws:kms:us-east-1:123456789012:key/k",
            "Subtitles": {"Formats": ["vtt", "srt"], "OutputStartIndex": 1},
            "Tags": [{"Key": "impp:asset", "Value": ASSET}],
            "IdentifyLanguage": True,
        },
    )
    assert transcribe.handler(event(), FakeContext()) == {"started": True, "job": JOB}


@pytest.mark.parametrize(
    ("setting", "voiced_s", "language"),
    [
        ("auto", 30.0, {"IdentifyLanguage": True}),
        ("auto", 29.9, {"LanguageCode": "de-DE"}),
        ("auto", None, {"LanguageCode": "de-DE"}),
        ("fr-FR", 2.0, {"LanguageCode": "fr-FR"}),
    ],
)
def test_the_language_is_detected_only_with_enough_speech(
    jobs: Stubber, monkeypatch: pytest.MonkeyPatch, setting: str, voiced_s: float | None, language: dict[str, Any]
) -> None:
    monkeypatch.setenv("IMPP_TRANSCRIBE_LANGUAGE", setting)
    monkeypatch.setenv("IMPP_TRANSCRIBE_FALLBACK_LANGUAGE", "de-DE")
    sent: list[dict[str, Any]] = []
    aws.client("transcribe").meta.events.register("provide-client-params.*", lambda params, **_: sent.append(params))
    start(jobs)
    transcribe.handler(event(voiced_s=voiced_s), FakeContext())
    assert {name: sent[0][name] for name in ("IdentifyLanguage", "LanguageCode") if name in sent[0]} == language


def test_a_job_with_too_little_speech_to_detect_the_language_is_skipped(jobs: Stubber, states: Stubber) -> None:
    reason = "Your audio file must have a speech segment long enough in duration to perform automatic language"
    start(jobs)
    transcribe.handler(event(), FakeContext())
    sent: list[dict[str, Any]] = []
    aws.client("stepfunctions").meta.events.register("provide-client-params.*", lambda params, **_: sent.append(params))
    jobs.add_response("get_transcription_job", job_answer("FAILED", FailureReason=reason))
    states.add_response("send_task_success", {})
    assert resume.handler(job_event("FAILED"), FakeContext())["answered"] is True
    output = json.loads(sent[0]["output"])
    assert (output["status"], output["reason"]) == ("skipped", reason)


def test_a_retry_replaces_the_token_of_the_running_job(jobs: Stubber) -> None:
    start(jobs)
    transcribe.handler(event("t1"), FakeContext())
    jobs.add_client_error("start_transcription_job", "ConflictException")
    jobs.add_response("get_transcription_job", job_answer("IN_PROGRESS"))
    transcribe.handler(event("t2"), FakeContext())
    item = waiting()
    assert item is not None and item["token"] == "t2"


def test_a_retry_answers_at_once_if_the_job_has_ended(jobs: Stubber, states: Stubber) -> None:
    sent: list[dict[str, Any]] = []
    aws.client("stepfunctions").meta.events.register("provide-client-params.*", lambda params, **_: sent.append(params))
    jobs.add_client_error("start_transcription_job", "ConflictException")
    jobs.add_response("get_transcription_job", job_answer("COMPLETED"))
    states.add_response("send_task_success", {})
    transcribe.handler(event("t2"), FakeContext())
    assert sent[0]["taskToken"] == "t2"
    assert waiting() is None


def test_another_executions_token_is_never_replaced(jobs: Stubber) -> None:
    dynamo.put_item(TABLE, keys.catalog_token(JOB), {"token": "theirs", "execution": "another"})
    with pytest.raises(RuntimeError, match="another execution"):
        transcribe.handler(event(), FakeContext())
    item = waiting()
    assert item is not None and item["token"] == "theirs"


def test_a_file_of_unknown_length_is_transcribed(jobs: Stubber) -> None:
    start(jobs)
    assert transcribe.handler(event(duration_s=None), FakeContext())["started"] is True


def test_the_sound_of_a_quicktime_file_is_extracted(jobs: Stubber) -> None:
    data = synthetic.movie(synthetic.scenes(1, 2), sound=synthetic.speech(6), container="mov")
    key = "originals/phone/p/IMG_0001 ü.MOV"
    boto3.client("s3").put_object(Bucket=INGEST, Key=key, Body=data)
    start(jobs)
    transcribe.handler(event(key=key, container="mov,mp4,m4a", bytes=len(data)), FakeContext())
    body = boto3.client("s3").get_object(Bucket=WORK, Key=f"work/{ASSET}/sound.flac")["Body"].read()
    with av.open(io.BytesIO(body)) as sound:
        samples = np.concatenate([frame.to_ndarray()[0] for frame in sound.decode(audio=0)])
        assert sound.streams.audio[0].rate == 16_000
    assert abs(len(samples) / 16_000 - 6) < 0.2
    assert np.abs(samples.astype(int)).max() > 3000


@pytest.mark.parametrize(
    ("container", "key", "size", "channels", "expected"),
    [
        ("mp4", "a.mp4", 10, 2, True),
        ("mov,mp4,m4a,3gp,3g2,mj2", "a.m4a", 10, 1, True),
        ("quicktime", "a.mp4", 10, 2, False),
        ("mov,mp4,m4a", "a.MOV", 10, 2, False),
        ("matroska,webm", "a.webm", 10, 2, True),
        ("matroska", "a.mkv", 10, 2, False),
        ("mpegts", "a.ts", 10, 2, False),
        ("wav", "a", 10, 2, True),
        ("wave", "a.WAV", 10, 2, True),
        ("mp4", "a.mp4", 2_000_000_001, 2, False),
        ("mp4", "a.mp4", 10, 6, False),
        ("mp4", "a.mp4", 10, None, False),
        ("mp4", "originals/phone/p/2026/11/20/IMG_0001 (2).mp4", 10, 2, False),
        ("mp4", "a+b.mp4", 10, 2, False),
        ("mp4", "50%.mp4", 10, 2, False),
        ("mp4", "#1.mp4", 10, 2, False),
        ("mp4", "über.mp4", 10, 2, False),
        ("mp4", "it's_(2)!.mp4", 10, 2, True),
    ],
)
def test_transcribe_accepts_some_originals_as_they_are(
    container: str, key: str, size: int, channels: int | None, expected: bool
) -> None:
    facts = {"container": container, "bytes": size, "audio_channels": channels}
    assert transcription.is_accepted(facts, key) is expected


def test_a_completed_job_answers_its_token_once(jobs: Stubber, states: Stubber) -> None:
    start(jobs)
    transcribe.handler(event(), FakeContext())
    sent: list[dict[str, Any]] = []
    aws.client("stepfunctions").meta.events.register("provide-client-params.*", lambda params, **_: sent.append(params))
    jobs.add_response("get_transcription_job", job_answer("COMPLETED"), {"TranscriptionJobName": JOB})
    states.add_response("send_task_success", {})
    assert resume.handler(job_event(), FakeContext())["answered"] is True
    output = json.loads(sent[0]["output"])
    assert sent[0]["taskToken"] == "t1"
    assert output["transcript"] == f"work/{ASSET}/transcript.json"
    assert output["captions"] == f"work/{ASSET}/transcript.vtt"
    assert (output["status"], output["language"], output["seconds"]) == ("ok", "en-US", 62)
    assert output["usage"][0]["usd"] == pytest.approx(62 * 0.0001)
    assert waiting() is None
    assert resume.handler(job_event(), FakeContext())["answered"] is False  # a repeated event


def test_a_failed_job_fails_its_task_with_the_reason(jobs: Stubber, states: Stubber) -> None:
    start(jobs)
    transcribe.handler(event(), FakeContext())
    jobs.add_response("get_transcription_job", job_answer("FAILED", FailureReason="no audio in it"))
    states.add_response(
        "send_task_failure", {}, {"taskToken": "t1", "error": "TranscriptionFailed", "cause": "no audio in it"}
    )
    assert resume.handler(job_event("FAILED"), FakeContext())["answered"] is True
    assert waiting() is None


@pytest.mark.parametrize("code", ["TaskTimedOut", "TaskDoesNotExist", "InvalidToken"])
def test_a_task_that_has_ended_is_not_an_error(jobs: Stubber, states: Stubber, code: str) -> None:
    start(jobs)
    transcribe.handler(event(), FakeContext())
    jobs.add_response("get_transcription_job", job_answer("COMPLETED"))
    states.add_client_error("send_task_success", code)
    assert resume.handler(job_event(), FakeContext())["answered"] is False
    assert waiting() is None


def test_an_event_of_a_running_job_preserves_the_token(jobs: Stubber, states: Stubber) -> None:
    start(jobs)
    transcribe.handler(event(), FakeContext())
    jobs.add_response("get_transcription_job", job_answer("IN_PROGRESS"))
    assert resume.handler(job_event(), FakeContext())["answered"] is False
    assert waiting() is not None


def test_object_keys_are_read_from_every_style_of_address() -> None:
    for uri in (
        "s3://b/work/a/x.vtt",
        "https://s3.us-east-1.amazonaws.com/b/work/a/x.vtt",
        "https://b.s3.amazonaws.com/work/a/x.vtt",
        "http://127.0.0.1:4580/b/work/a/x.vtt",
    ):
        assert transcription.object_key(uri, "b") == "work/a/x.vtt"


@pytest.mark.parametrize(("seconds", "billed"), [(0.5, 15), (15.0, 15), (15.001, 16), (61.2, 62), (3600.0, 3600)])
def test_a_job_is_billed_per_second_with_a_minimum_of_fifteen(seconds: float, billed: int) -> None:
    assert transcribe_line(seconds).quantity == billed
