"""A long file in the state machine, with the real functions Sample, Join and Analyze."""

from __future__ import annotations

import json

import boto3
import pytest
from tests.infra.state_machine.test_paths import check_transitions
from tests.support import long_file
from tests.support.aws_fakes import INGEST, WORK, FakeContext
from tests.support.long_file import Payload
from tests.support.state_machine import World, media

from impp_lambdas.adapters import aws
from impp_lambdas.handlers import analyze, join, sample

pytestmark = pytest.mark.slow

CONTEXT = FakeContext(memory_limit_in_mb=1769)


def test_a_long_file_is_sampled_in_parts_of_which_one_is_retried_alone(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMPP_WORK_BUCKET", WORK)
    long_file.stand_in(monkeypatch)
    for bucket in (INGEST, WORK):
        boto3.client("s3").create_bucket(Bucket=bucket)
    original = long_file.put(0.0, 4.0, 8.0, 12.0)
    original["plan"] = {**media()["plan"], **original["plan"], "managed_calls": 0}
    attempts: list[int] = []

    def sampling(payload: Payload) -> Payload:
        part = payload.get("part")
        attempts.extend([] if part is None else [part])
        if part == 1 and attempts.count(1) == 1:
            raise RuntimeError("Task timed out")
        return sample.handler(payload | {"token": None}, CONTEXT)  # the world answers

    world.functions |= {
        "inspect": lambda _: media(**original),
        "sample": sampling,
        "join": lambda payload: join.handler(payload, CONTEXT),
        "analyze": lambda payload: analyze.handler(payload | {"token": None}, CONTEXT),
    }
    run = world.run()
    aws.client.cache_clear()
    assert run.status == "SUCCEEDED", run.described["cause"]
    assert sorted(attempts) == [0, 1, 1, 2]
    published = world.called("publish")[0]
    assert (published["branches"]["sample"]["status"], published["branches"]["sample"]["incomplete"]) == ("ok", None)
    document = boto3.client("s3").get_object(Bucket=WORK, Key=published["branches"]["analyze"]["analysis"])
    frames = json.loads(document["Body"].read())["frames"]
    assert [int(frame["t"]) for frame in frames] == list(range(12))
    assert published["branches"]["analyze"]["labels"][0]["name"] == "Car"
    check_transitions(world, run)
