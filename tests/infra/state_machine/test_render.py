"""Every path of the state machine that makes renditions on request."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from tests.infra.state_machine.conftest import Record
from tests.support.render_machine import render_machine
from tests.support.second_opinion import asl_errors, our_result, reference_results
from tests.support.state_machine import ASSET, Payload, Run, World, error, expressions, rendition

from impp_lambdas.core.money import on_request
from impp_local.services.stepfunctions.validation import diagnostics

pytestmark = pytest.mark.slow

REQUEST = {
    "source": "impp-test",
    "detail-type": "Render requested",
    "detail": {"asset": ASSET, "renditions": ["web"]},
}
ORIGINAL = {"bucket": "ingest", "key": "originals/dashcam/car/2026/11/20/a.mp4", "version": "v1"}


def order(**changes: Any) -> Payload:
    """Render's result."""
    alert = {"severity": "info", "kind": "rendering", "asset": ASSET, "title": "t", "text": "$0.01"}
    return {
        "verdict": "render",
        "asset": ASSET,
        "original": ORIGINAL,
        "renditions": [rendition("web", "mediaconvert")],
        "job_settings": {"Inputs": [], "OutputGroups": []},
        "job_name": f"impp-{ASSET}-1",
        "deadlines": {"restore_s": 60, "transcode_s": 60},
        "subject": "stated",
        "alert": alert,
        **changes,
    }


def prepared(world: World, **changes: Any) -> None:
    """Functions as they answer for an original that can be read."""

    def restore(payload: Payload) -> Payload:
        if token := payload.get("token"):
            world.answer(token, {"usage": []})
        return {"usage": []}

    done = {"severity": "info", "kind": "rendered", "asset": ASSET, "title": "t", "text": "done"}
    world.functions |= {
        "render": lambda _: order(**changes),
        "restore": restore,
        "rendered": lambda _: {"usd": 0.01, "subject": "done", "alert": done},
    }


def run(world: World) -> Run:
    return world.run(REQUEST, render_machine())


def fails(kind: type[Exception] = ValueError) -> Callable[[Payload], Any]:
    def function(_: Payload) -> Any:
        raise kind("broken")

    return function


def test_a_rendition_is_priced_made_recorded_and_announced(world: World) -> None:
    prepared(world)
    ended = run(world)
    assert ended.status == "SUCCEEDED"
    assert ended.entered == ["Prepare", "Decide", "StatePrice", "Restore", "Transcode", "Record", "Notify"]
    assert len(ended.entered) == on_request.TRANSITIONS
    (asked,) = world.called("render")
    assert (asked["asset"], asked["renditions"]) == (ASSET, ["web"])
    assert [m["Subject"] for m in world.messages] == ["stated", "done"], "the price comes before the work"
    assert world.jobs[0]["ClientRequestToken"] == f"impp-{ASSET}-1"
    (recorded,) = world.called("rendered")
    assert recorded["outputs"] == [{"duration_s": 12, "width": 1280, "height": 720}]
    assert recorded["order"]["renditions"][0]["name"] == "web"
    assert recorded["retries"] == ended.retries == 0


def test_nothing_is_made_twice(world: World) -> None:
    prepared(world)
    world.functions["render"] = lambda _: {"verdict": "nothing", "reason": "it has web already"}
    ended = run(world)
    assert ended.entered == ["Prepare", "Decide", "Nothing"]
    assert json.loads(ended.described["output"]) == {"reason": "it has web already"}
    assert world.messages == world.jobs == []


def test_an_archived_original_is_waited_for_by_its_token(world: World) -> None:
    prepared(world)
    tokens: list[str] = []

    def restore(payload: Payload) -> Payload:
        tokens.append(payload["token"])
        world.answer(payload["token"], {"usage": [{"item": "x"}]})
        return {"restoring": True}

    world.functions["restore"] = restore
    assert run(world).status == "SUCCEEDED"
    assert len(tokens) == 1
    assert world.called("rendered")[0]["usage"] == [{"item": "x"}]


def test_a_lost_event_is_made_up_for_by_one_look(world: World) -> None:
    prepared(world, deadlines={"restore_s": 1, "transcode_s": 60})
    world.functions["restore"] = lambda payload: {"restoring": True} if "token" in payload else {"usage": []}
    ended = run(world)
    assert ended.status == "SUCCEEDED"
    assert ended.entered.count("LookAtOriginal") == 1
    assert world.called("rendered")[0]["retries"] == 1


def test_retries_are_counted(world: World) -> None:
    prepared(world)
    calls: list[int] = []

    class Throttled(Exception):
        pass

    def render(_: Payload) -> Payload:
        calls.append(1)
        if len(calls) < 3:
            raise Throttled
        return order()

    def create(**_: Any) -> Payload:
        calls.append(1)
        if len(calls) == 4:
            raise error("TooManyRequestsException")
        return {"Job": {"Id": "job-1"}}

    world.functions["render"] = render
    world.services["create_job"] = create
    ended = run(world)
    assert world.called("rendered")[0]["retries"] == ended.retries == 3


@pytest.mark.parametrize(
    "step", ["Prepare", "StatePrice", "Restore", "LookAtOriginal", "Transcode", "Record", "Notify"]
)
def test_a_failed_request_names_step_and_cause(world: World, step: str) -> None:
    prepared(world)
    names = {"Prepare": "render", "Restore": "restore", "Record": "rendered"}
    if step in names:
        world.functions[names[step]] = fails()
    elif step == "LookAtOriginal":
        prepared(world, deadlines={"restore_s": 1, "transcode_s": 60})
        world.functions["restore"] = lambda payload: {"restoring": True} if "token" in payload else fails()(payload)
    elif step == "Transcode":
        world.services["get_job"] = lambda **_: {"Job": {"Id": "job-1", "Status": "ERROR", "ErrorMessage": "codec"}}
    else:
        sent: list[Payload] = []

        def publish(**message: Any) -> Payload:
            sent.append(message)
            if len(sent) == (2 if step == "Notify" else 1):
                raise error("AuthorizationErrorException")
            return {"MessageId": "m"}

        world.services["publish"] = publish
    ended = run(world)
    assert ended.status == "FAILED"
    assert ended.entered[-1] == "Failed"
    expected = "Restore" if step == "LookAtOriginal" else step
    assert ended.described["cause"].startswith(f"{expected}: ")


def test_a_refused_request_is_not_repeated(world: World) -> None:
    class Refused(Exception):
        pass

    prepared(world)
    world.functions["render"] = fails(Refused)
    ended = run(world)
    assert (ended.described["error"], len(world.called("render"))) == ("Refused", 1)


def test_the_definition_lints() -> None:
    definition = render_machine()
    assert diagnostics(json.dumps(definition)) == []
    assert asl_errors([definition]) == [[]]
    for name, state in definition["States"].items():
        if state["Type"] == "Task":
            assert state["Catch"][-1]["ErrorEquals"] == ["States.ALL"], name
            assert "TimeoutSeconds" in state and state["Retry"], name


def test_the_reference_engine_agrees_on_every_expression(record: Record, request: pytest.FixtureRequest) -> None:
    """Last in this file: it replays what the other tests had the interpreter evaluate."""
    if left_out := {name for name in vars(request.module) if name.startswith("test_")} - record.tests:
        pytest.skip(f"needs all tests of this file: {', '.join(sorted(left_out))} did not run")
    evaluations = list(record.evaluations.values())
    assert expressions(render_machine()) <= {expression for expression, _ in evaluations}, "a path is not tested"
    for (expression, variables), expected in zip(evaluations, reference_results(evaluations), strict=True):
        assert our_result(expression, variables) == expected, (expression, variables)
