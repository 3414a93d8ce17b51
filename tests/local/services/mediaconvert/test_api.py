"""MediaConvert's lists and tokens, through boto3."""

from __future__ import annotations

import pytest
from tests.support.local_cloud import Maker
from tests.support.media_clips import check_shape
from tests.support.mediaconvert_jobs import ROLE, job_settings, output

pytestmark = pytest.mark.slow


def test_a_client_request_token_is_idempotent_and_lists_are_paged(make: Maker, bucket: str) -> None:
    client = make.client("mediaconvert")
    name = make.name("queue")
    client.create_queue(Name=name)
    settings = job_settings(f"s3://{bucket}/nothing.mp4", f"s3://{bucket}/out/", output())
    request = {"Role": ROLE, "Queue": name, "Settings": settings}
    token = make.name("token")
    first = client.create_job(**request, ClientRequestToken=token)["Job"]["Id"]
    assert client.create_job(**request, ClientRequestToken=token)["Job"]["Id"] == first
    others = [client.create_job(**request)["Job"]["Id"] for _ in range(2)]
    page = client.list_jobs(Queue=name, MaxResults=2)
    check_shape("mediaconvert", "ListJobs", page)
    rest = client.list_jobs(Queue=name, NextToken=page["NextToken"])
    assert [job["Id"] for job in page["Jobs"] + rest["Jobs"]] == [first, *others]
    newest = client.list_jobs(Queue=name, Order="DESCENDING", MaxResults=1)["Jobs"]
    assert [job["Id"] for job in newest] == others[-1:]
    assert len(client.search_jobs(InputFile=f"{bucket}/nothing")["Jobs"]) == 3
