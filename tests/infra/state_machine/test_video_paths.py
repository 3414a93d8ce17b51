"""Paths of a file whose video Rekognition analyses: announced, lost, failed; and what each costs."""

from __future__ import annotations

from typing import Any

import pytest
from tests.infra.state_machine.conftest import Record
from tests.support.second_opinion import our_result, reference_results
from tests.support.state_machine import ASSET, Payload, Run, World, expressions, media, planned, rendered, video_states

from impp_lambdas.core.money.ledger import transitions
from impp_lambdas.core.replies import VideoFirst

DEADLINES = {"transcribe_s": 60, "transcode_s": 60, "video_s": 60}
JOBS = {"labels": {"job": "1", "status": "SUCCEEDED"}}
LINE = {"service": "rekognition", "item": "video_label", "quantity": 0.2, "unit": "minute", "usd": 0.02}
ENDED = {"status": "ok", "jobs": JOBS, "usage": [LINE]}
OWN = {"service": "lambda", "item": "request", "quantity": 1, "unit": "request", "usd": 0.0}

pytestmark = pytest.mark.slow


def analyze(payload: Payload) -> Payload:
    if payload["video"] is None:
        raise VideoFirst
    return {"status": "ok", "labels": [], "usage": [OWN]}


def prepare(world: World, start: Any, **deadlines: int) -> None:
    plan = {"video": ["labels"], "deadlines": DEADLINES | deadlines}
    world.functions |= {"inspect": planned(**plan), "analyze": analyze, "analyze_video": start}


def result(world: World, run: Run) -> Payload:
    """Analyze's branch; its transitions are those that AWS bills."""
    assert run.status == "SUCCEEDED"
    (published,) = world.called("publish")
    billed = transitions("process", published["branches"], published["retries"])
    assert billed == len(run.entered) + run.retries
    branch: Payload = published["branches"]["analyze"]
    return branch


def test_an_analysed_video_comes_before_analyze_and_its_price_with_it(world: World) -> None:
    prepare(world, lambda payload: world.answer(payload["token"], ENDED))
    run = world.run()
    branch = result(world, run)
    assert [s for s in run.entered if "Video" in s] == ["AnalyzeVideo", "AnalyzeWithVideo"]
    assert world.called("analyze")[1]["video"] == ENDED
    assert branch["status"] == "ok" and branch["usage"] == [OWN, LINE] and branch["transitions"] == 3
    (started,) = world.called("analyze_video")
    assert started.keys() == {"token", "execution", "name", "asset", "bucket", "key", "version", "facts", "plan"}
    assert started["name"] == media()["job_name"] and started["asset"] == ASSET


def test_a_lost_announcement_is_made_up_for_by_one_look(world: World) -> None:
    prepare(world, lambda payload: ENDED if payload["token"] is None else {"started": {}}, video_s=1)
    run = world.run()
    branch = result(world, run)
    assert [s for s in run.entered if "Video" in s] == ["AnalyzeVideo", "LookAtVideo", "AnalyzeWithVideo"]
    assert branch["usage"] == [OWN, LINE] and branch["transitions"] == 4


@pytest.mark.parametrize("is_lost", [False, True])
def test_what_the_models_saw_is_kept_if_rekognition_refuses(world: World, is_lost: bool) -> None:
    def start(payload: Payload) -> Payload:
        if is_lost and payload["token"]:
            return {"started": {}}
        raise RuntimeError("the video has no size")

    prepare(world, start, video_s=1)
    branch = result(world, world.run())
    assert world.called("analyze")[-1]["video"]["status"] == "failed"
    assert "the video has no size" in world.called("analyze")[-1]["video"]["cause"]
    assert branch["status"] == "ok" and branch["usage"] == [OWN]


def test_the_price_of_a_video_survives_a_failed_analyze(world: World) -> None:
    prepare(world, lambda payload: world.answer(payload["token"], ENDED))
    world.functions["analyze"] = lambda payload: analyze({**payload, "video": payload["video"] and 1 / 0})
    branch = result(world, world.run())
    assert branch["status"] == "failed" and branch["usage"] == [LINE]


def test_the_reference_engine_agrees_on_every_expression(record: Record, request: pytest.FixtureRequest) -> None:
    """Last in this file: it replays what the other tests had the interpreter evaluate."""
    if left_out := {name for name in vars(request.module) if name.startswith("test_")} - record.tests:
        pytest.skip(f"needs all tests of this file: {', '.join(sorted(left_out))} did not run")
    evaluations = list(record.evaluations.values())
    own = expressions(video_states(rendered()))
    assert own <= {expression for expression, _ in evaluations}, "a path is not tested"
    for (expression, variables), expected in zip(evaluations, reference_results(evaluations), strict=True):
        assert our_result(expression, variables) == expected, (expression, variables)
