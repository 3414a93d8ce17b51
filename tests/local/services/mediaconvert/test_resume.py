"""MediaConvert jobs run again after a stop, with the same id, until they have ended."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.support.local_cloud import Maker, wait_until
from tests.support.mediaconvert_jobs import ROLE, job_settings, output

from impp_local.cloud import LocalCloud
from impp_local.services.mediaconvert import runner
from impp_local.services.mediaconvert.job import Job

pytestmark = pytest.mark.slow


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """In place of ffmpeg: jobs wait for `gate`; `runs` has their ids."""
    state: dict[str, Any] = {"gate": threading.Event(), "runs": []}

    def transcode(_self: Any, job: Job, *_: Any) -> None:
        state["runs"].append(job.id)
        while not state["gate"].wait(0.02):
            if job.canceled.is_set():
                raise runner.video.Canceled
        job.outputs = [[]]

    monkeypatch.setattr(runner.Runner, "_transcode", transcode)
    return state


def create(make: Maker, **more: Any) -> dict[str, Any]:
    settings = job_settings("s3://media/in.mp4", "s3://media/out/", output("-web", Width=854, Height=362))
    job: dict[str, Any] = make.client("mediaconvert").create_job(Role=ROLE, Settings=settings, **more)["Job"]
    return job


def test_a_job_runs_again_with_its_id_and_stays_describable(tmp_path: Path, work: dict[str, Any]) -> None:
    with LocalCloud(port=0, state=tmp_path) as cloud:
        make = Maker(cloud)
        make.client("s3").create_bucket(Bucket="media")
        make.client("s3").put_object(Bucket="media", Key="in.mp4", Body=b"video")
        job = create(make, ClientRequestToken="once", Tags={"a": "b"}, UserMetadata={"asset": "x"})
        wait_until(lambda: work["runs"])
        make.client("mediaconvert").create_queue(Name="mine")
    with LocalCloud(port=0, state=tmp_path) as cloud:  # nobody asks for MediaConvert, and the job runs
        make = Maker(cloud)
        wait_until(lambda: len(work["runs"]) == 2)
        client = make.client("mediaconvert")
        again = client.get_job(Id=job["Id"])["Job"]
        assert again["Status"] == "PROGRESSING" and again["Timing"]["SubmitTime"] == job["Timing"]["SubmitTime"]
        assert create(make, ClientRequestToken="once")["Id"] == job["Id"]
        work["gate"].set()
        wait_until(lambda: client.get_job(Id=job["Id"])["Job"]["Status"] == "COMPLETE")
    assert work["runs"] == [job["Id"]] * 2
    with LocalCloud(port=0, state=tmp_path) as cloud:
        make = Maker(cloud)
        client = make.client("mediaconvert")
        ended = client.get_job(Id=job["Id"])["Job"]
        assert (ended["Status"], ended["UserMetadata"]) == ("COMPLETE", {"asset": "x"})
        assert [j["Id"] for j in client.list_jobs(Status="COMPLETE")["Jobs"]] == [job["Id"]]
        assert client.list_tags_for_resource(Arn=job["Arn"])["ResourceTags"]["Tags"] == {"a": "b"}
        assert create(make, ClientRequestToken="once")["Id"] == job["Id"]
        assert {q["Name"] for q in client.list_queues()["Queues"]} == {"Default", "mine"}
        with pytest.raises(ClientError, match="ConflictException"):
            client.cancel_job(Id=job["Id"])
    assert len(work["runs"]) == 2
