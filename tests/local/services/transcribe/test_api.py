"""Transcribe's jobs on real speech, through boto3."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.support.local_cloud import Maker, wait_until
from tests.support.media_clips import SPOKEN, check_shape, ffmpeg, street, word_error_rate, words

from impp_engines import assets
from impp_local.kernel import billing

pytestmark = pytest.mark.slow

ASSET = "0b" * 10


@pytest.fixture
def bucket(make: Maker) -> str:
    name = make.name("speech")
    make.client("s3").create_bucket(Bucket=name)
    return name


def upload(make: Maker, bucket: str, key: str, path: Path) -> dict[str, str]:
    make.client("s3").upload_file(str(path), bucket, key)
    return {"MediaFileUri": f"s3://{bucket}/{key}"}


def wait_for_job(make: Maker, name: str, seconds: float = 60) -> dict[str, Any]:
    client = make.client("transcribe")

    def ended_job() -> dict[str, Any] | None:
        answer = client.get_transcription_job(TranscriptionJobName=name)
        check_shape("transcribe", "GetTranscriptionJob", answer)
        job = answer["TranscriptionJob"]
        return job if job["TranscriptionJobStatus"] in ("COMPLETED", "FAILED") else None

    return wait_until(ended_job, seconds)


def billed_seconds(asset: str) -> list[float]:
    lines = billing.bill()["lines"]
    return [line["quantity"] for line in lines if (line["service"], line.get("asset")) == ("transcribe", asset)]


def test_a_job_writes_transcript_and_subtitles_and_publishes_its_end(make: Maker, bucket: str) -> None:
    url, arn = make.queue()
    ours = {"TranscriptionJobName": [{"prefix": f"impp-{ASSET}"}]}
    make.rule({"source": ["aws.transcribe"], "detail": ours}, Arn=arn)
    media = upload(make, bucket, "in/two cities+%.wav", assets.path("two_cities.wav"))
    name = f"impp-{ASSET}-{make.name('x')}"
    answer = make.client("transcribe").start_transcription_job(
        TranscriptionJobName=name,
        Media=media,
        LanguageCode="en-US",
        OutputBucketName=bucket,
        OutputKey=f"work/{ASSET}/transcript.json",
        Subtitles={"Formats": ["vtt", "srt"]},
        Tags=[{"Key": "impp", "Value": "yes"}],
    )
    check_shape("transcribe", "StartTranscriptionJob", answer)
    job = wait_for_job(make, name)
    assert job["TranscriptionJobStatus"] == "COMPLETED", job
    assert (job["MediaFormat"], job["MediaSampleRateHertz"]) == ("wav", 48000)
    assert job["Transcript"]["TranscriptFileUri"].endswith(f"/{bucket}/work/{ASSET}/transcript.json")
    subtitles = [uri.rpartition("/")[2] for uri in job["Subtitles"]["SubtitleFileUris"]]
    assert subtitles == ["transcript.vtt", "transcript.srt"]

    def read(key: str) -> str:
        return make.client("s3").get_object(Bucket=bucket, Key=f"work/{ASSET}/{key}")["Body"].read().decode()

    document = json.loads(read("transcript.json"))
    check_transcript(document, name)
    check_subtitles(read("transcript.vtt"), read("transcript.srt"), document)
    event = json.loads(make.messages(url)[0]["Body"])
    assert (event["detail-type"], event["detail"]) == (
        "Transcribe Job State Change",
        {"TranscriptionJobName": name, "TranscriptionJobStatus": "COMPLETED"},
    )
    assert billed_seconds(ASSET) == [45]  # 44.37 s, by the second


def check_transcript(document: dict[str, Any], name: str) -> None:
    assert (document["jobName"], document["status"], document["accountId"]) == (name, "COMPLETED", "123456789012")
    results = document["results"]
    text = results["transcripts"][0]["transcript"]
    assert word_error_rate(words(SPOKEN), words(text)) <= 0.06
    items = results["items"]
    assert [item["id"] for item in items] == list(range(len(items)))
    times = [(float(i["start_time"]), float(i["end_time"])) for i in items if i["type"] == "pronunciation"]
    assert all(start <= end for start, end in times) and times == sorted(times)
    assert 0 < times[0][0] < 2 and 38 < times[-1][1] < 45
    for item in items:
        alternative = item["alternatives"][0]
        if item["type"] == "punctuation":
            assert alternative["content"] in ".,?!" and "start_time" not in item
        else:
            assert 0 < float(alternative["confidence"]) <= 1 and alternative["content"][-1] not in ".,?!"
    assert [i for segment in results["audio_segments"] for i in segment["items"]] == list(range(len(items)))
    assert " ".join(segment["transcript"] for segment in results["audio_segments"]) == text


def check_subtitles(vtt: str, srt: str, document: dict[str, Any]) -> None:
    assert vtt.startswith("WEBVTT\n\n0\n00:00:00.")
    cues = re.findall(r"(\d+)\n(\S+) --> (\S+)\n(.+)\n", vtt)
    assert [int(cue[0]) for cue in cues] == list(range(len(cues))) and len(cues) >= 7
    assert all(start < end for _, start, end, _ in cues)
    assert all(len(text) <= 80 for *_, text in cues)
    assert " ".join(text for *_, text in cues) == document["results"]["transcripts"][0]["transcript"]
    assert srt == re.sub(r"(:\d\d)\.(\d{3})", r"\1,\2", vtt.removeprefix("WEBVTT\n\n"))


def test_identify_language_names_one_of_the_options_and_scores_it(make: Maker, bucket: str, tmp_path: Path) -> None:
    clip = ffmpeg("-i", str(assets.path("two_cities.wav")), "-c:a", "aac", to=tmp_path / "clip.m4a")
    name = make.name("job")
    make.client("transcribe").start_transcription_job(
        TranscriptionJobName=name,
        Media=upload(make, bucket, "clip.m4a", clip),
        IdentifyLanguage=True,
        LanguageOptions=["de-DE", "en-GB"],
    )
    job = wait_for_job(make, name)
    assert (job["TranscriptionJobStatus"], job["LanguageCode"], job["MediaFormat"]) == ("COMPLETED", "en-GB", "m4a")
    assert 0.7 < job["IdentifiedLanguageScore"] <= 1
    listed = make.client("transcribe").list_transcription_jobs(Status="COMPLETED", JobNameContains=name)
    check_shape("transcribe", "ListTranscriptionJobs", listed)
    summary = listed["TranscriptionJobSummaries"][0]
    assert (summary["TranscriptionJobName"], summary["OutputLocationType"]) == (name, "SERVICE_BUCKET")


def test_jobs_that_cannot_succeed_fail_with_a_reason(make: Maker, bucket: str, tmp_path: Path) -> None:
    speech = upload(make, bucket, "speech.wav", assets.path("two_cities.wav"))
    silence = ffmpeg("-f", "lavfi", "-i", "anullsrc=r=16000", "-t", "4", to=tmp_path / "silence.wav")
    short = ffmpeg("-t", "7", "-i", str(assets.path("two_cities.wav")), "-c:a", "aac", to=tmp_path / "short.m4a")
    around = ffmpeg("-t", "2", "-i", str(assets.path("two_cities.wav")), "-ac", "6", to=tmp_path / "around.wav")
    short_file = upload(make, bucket, "short.m4a", short)
    mute = street(tmp_path / "mute.mp4", 1, sound=False)
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"this is no media file at all")
    cases = [
        (speech, {"LanguageCode": "de-DE"}, "en only; de-DE can't"),
        (speech, {"IdentifyLanguage": True, "LanguageOptions": ["fr-FR", "es-ES"]}, "en only; fr-FR, es-ES can't"),
        (speech, {"LanguageCode": "en-US", "MediaFormat": "mp3"}, "does not match the detected media format"),
        (short_file, {"IdentifyLanguage": True}, "speech segment long enough"),
        (short_file, {"LanguageCode": "en-US", "MediaFormat": "mp4"}, "does not match the detected media format"),
        (upload(make, bucket, "around.wav", around), {"LanguageCode": "en-US"}, "number of channels too large"),
        (upload(make, bucket, "silence.wav", silence), {"IdentifyLanguage": True}, "speech segment long enough"),
        (upload(make, bucket, "mute.mp4", mute), {"LanguageCode": "en-US"}, "doesn't contain an audio track"),
        (upload(make, bucket, "broken.mp4", broken), {"LanguageCode": "en-US"}, "can't be read"),
    ]
    names = [make.name("fail") for _ in cases]
    for name, (media, settings, _) in zip(names, cases, strict=True):
        make.client("transcribe").start_transcription_job(TranscriptionJobName=name, Media=media, **settings)
    for name, (_, _, reason) in zip(names, cases, strict=True):
        job = wait_for_job(make, name)
        assert job["TranscriptionJobStatus"] == "FAILED"
        assert reason in job["FailureReason"], (name, job["FailureReason"])


def test_silence_yields_an_empty_transcript_and_is_billed_for_15_seconds(
    make: Maker, bucket: str, tmp_path: Path
) -> None:
    silence = ffmpeg("-f", "lavfi", "-i", "anullsrc=r=16000", "-t", "4", to=tmp_path / "silence.wav")
    asset, name = "0c" * 10, f"impp-{'0c' * 10}-{make.name('x')}"
    make.client("transcribe").start_transcription_job(
        TranscriptionJobName=name,
        Media=upload(make, bucket, "s.wav", silence),
        LanguageCode="en-US",
        OutputBucketName=bucket,
        OutputKey="folder/",
    )
    assert wait_for_job(make, name)["TranscriptionJobStatus"] == "COMPLETED"
    body = make.client("s3").get_object(Bucket=bucket, Key=f"folder/{name}.json")["Body"].read()
    assert json.loads(body)["results"]["transcripts"] == [{"transcript": ""}]
    assert billed_seconds(asset) == [15]


def test_invalid_requests_are_refused_at_once(make: Maker, bucket: str) -> None:
    client = make.client("transcribe")
    good = upload(make, bucket, "speech.wav", assets.path("two_cities.wav"))
    name = make.name("job")
    request = {"TranscriptionJobName": name, "Media": good, "LanguageCode": "de-DE"}
    client.start_transcription_job(**request)
    cases: list[tuple[dict[str, Any], str]] = [
        ({}, "ConflictException"),
        (
            {"TranscriptionJobName": make.name("a"), "Media": {"MediaFileUri": f"s3://{bucket}/gone"}},
            "BadRequestException",
        ),
        ({"TranscriptionJobName": make.name("b"), "IdentifyLanguage": True}, "BadRequestException"),
        ({"TranscriptionJobName": "a name with spaces"}, "BadRequestException"),
        (
            {"TranscriptionJobName": make.name("c"), "Settings": {"ShowSpeakerLabels": True, "MaxSpeakerLabels": 2}},
            "BadRequestException",
        ),
        (
            {"TranscriptionJobName": make.name("d"), "OutputBucketName": bucket, "OutputKey": "with space.json"},
            "BadRequestException",
        ),
    ]
    for change, code in cases:
        with pytest.raises(ClientError) as error:
            client.start_transcription_job(**(request | change))
        assert error.value.response["Error"]["Code"] == code, change
    arn = f"arn:aws:transcribe:us-east-1:123456789012:transcription-job/{name}"
    client.tag_resource(ResourceArn=arn, Tags=[{"Key": "a", "Value": "b"}])
    assert client.list_tags_for_resource(ResourceArn=arn)["Tags"] == [{"Key": "a", "Value": "b"}]
    client.delete_transcription_job(TranscriptionJobName=name)
    with pytest.raises(ClientError, match="couldn't be found"):
        client.get_transcription_job(TranscriptionJobName=name)
