"""Transcription jobs run again after a stop, under their name, until they have ended."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.support.local_cloud import Maker, wait_until

from impp_local.cloud import LocalCloud
from impp_local.services.transcribe.api import Job, Transcribe

pytestmark = pytest.mark.slow


def test_a_job_runs_again_and_stays_describable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gate, runs = threading.Event(), []

    def transcribe(self: Transcribe, job: Job) -> None:
        runs.append(job.name)
        while not gate.wait(0.02) and not self._closed:
            pass

    monkeypatch.setattr(Transcribe, "_transcribe", transcribe)
    given: dict[str, Any] = {"Media": {"MediaFileUri": "s3://media/in.wav"}, "LanguageCode": "en-US"}
    with LocalCloud(port=0, state=tmp_path) as cloud:
        make = Maker(cloud)
        make.client("s3").create_bucket(Bucket="media")
        make.client("s3").put_object(Bucket="media", Key="in.wav", Body=b"sound")
        for name in ("one", "two"):
            make.client("transcribe").start_transcription_job(TranscriptionJobName=name, **given)
        wait_until(lambda: runs)
    assert runs == ["one"]
    with LocalCloud(port=0, state=tmp_path) as cloud:
        client = Maker(cloud).client("transcribe")
        gate.set()
        for name in ("one", "two"):
            wait_until(lambda name=name: status(client, name) == "COMPLETED")
    assert runs == ["one", "one", "two"]
    with LocalCloud(port=0, state=tmp_path) as cloud:
        client = Maker(cloud).client("transcribe")
        listed = client.list_transcription_jobs(Status="COMPLETED")["TranscriptionJobSummaries"]
        assert [job["TranscriptionJobName"] for job in listed] == ["two", "one"]
        with pytest.raises(ClientError, match="ConflictException"):
            client.start_transcription_job(TranscriptionJobName="one", **given)
        client.delete_transcription_job(TranscriptionJobName="one")
        with pytest.raises(ClientError, match="BadRequestException"):
            client.get_transcription_job(TranscriptionJobName="one")


def status(client: Any, name: str) -> str:
    job = client.get_transcription_job(TranscriptionJobName=name)["TranscriptionJob"]
    return str(job["TranscriptionJobStatus"])
