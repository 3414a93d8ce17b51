"""States: variables and expressions, what a Catch matches, retries, and time."""

from __future__ import annotations

import threading
import time

import pytest
from tests.support.local_cloud import Maker, wait_until
from tests.support.states import CAUGHT, INVOKE, caught, machine, skip_backoff, task

from impp_local.kernel import billing
from impp_local.services.lambda_ import api as lambda_api


def test_variables_hold_any_text_and_branches_inherit_them(make: Maker) -> None:
    nasty = 'a "quote", a \\ and {% %} ${x}\nü'
    branch = {"StartAt": "In", "States": {"In": {"Type": "Pass", "Output": "{% $media.name %}", "End": True}}}
    run = make.run(
        machine(
            {"Type": "Pass", "Assign": {"media": {"name": "{% $states.input.name %}", "none": None}}, "Next": "Both"},
            Both={"Type": "Parallel", "Branches": [branch, branch], "Next": "Choose"},
            Choose={
                "Type": "Choice",
                "Choices": [{"Condition": "{% $media.none = null and $count($states.input) = 2 %}", "Next": "Out"}],
            },
            Out={"Type": "Pass", "Output": {"seen": "{% $states.input %}", "kept": "{% $media %}"}, "End": True},
        ),
        {"name": nasty},
    )
    assert run["output"] == {"seen": [nasty, nasty], "kept": {"name": nasty, "none": None}}


def test_an_undefined_result_is_a_query_evaluation_error(make: Maker) -> None:
    failed = make.run(machine({"Type": "Pass", "Output": "{% $states.input.gone %}", "End": True}))
    assert (failed["status"], failed["error"]) == ("FAILED", "States.QueryEvaluationError")
    assert "$states.input.gone" in failed["cause"] and "undefined" in failed["cause"]
    error = caught(make, task(INVOKE, {"FunctionName": "x", "Payload": "{% $nothing %}"}))
    assert error["Error"] == "States.QueryEvaluationError"


def test_context_holds_the_execution(make: Maker) -> None:
    run = make.run(machine({"Type": "Pass", "Output": "{% $states.context.Execution %}", "End": True}), {"a": 1})
    context = run["output"]
    assert context["Id"] == run["executionArn"] and context["Name"] == run["name"] and context["Input"] == {"a": 1}
    assert context["StartTime"].endswith("Z")


@pytest.mark.parametrize(
    ("error", "catch", "matches"),
    [
        ("Late", "Late", True),
        ("Late", "Other", False),
        ("Late", "States.ALL", True),
        ("Late", "States.TaskFailed", True),
        ("States.Timeout", "States.Timeout", True),
        ("States.Timeout", "States.TaskFailed", False),
        ("States.Timeout", "States.ALL", True),
        ("States.Runtime", "States.ALL", False),
        ("States.DataLimitExceeded", "States.TaskFailed", False),
    ],
)
def test_what_a_catch_matches(make: Maker, error: str, catch: str, matches: bool) -> None:
    fails = {"StartAt": "Fails", "States": {"Fails": {"Type": "Fail", "Error": error, "Cause": "why"}}}
    catcher = {"ErrorEquals": [catch], "Output": "{% $states.errorOutput %}", "Next": "Caught"}
    both = {"Type": "Parallel", "Branches": [fails], "Catch": [catcher], "End": True}
    run = make.run(machine(both, Caught=CAUGHT))
    if matches:
        assert run["output"] == {"Error": error, "Cause": "why"}
    else:
        assert (run["status"], run["error"]) == ("FAILED", error) and run["cause"].endswith("why")


def test_a_retry_runs_the_function_again_and_counts_a_transition(make: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    skip_backoff(monkeypatch)
    code = """
        calls = 0
        def handler(event, context):
            global calls  # a failed invocation does not end its worker
            calls += 1
            if calls == 1:
                raise ConnectionError("flaky")
            return calls
    """
    retry = [{"ErrorEquals": ["ConnectionError"], "IntervalSeconds": 1, "MaxAttempts": 2, "BackoffRate": 1}]
    run = make.run(machine(task(INVOKE, {"FunctionName": make.function(code), "Payload": {}}, Retry=retry)))
    assert run["output"]["Payload"] == 2
    used = {key: n for key, n in billing.METER._used.items() if key[2] == run["executionArn"]}
    assert used["states", "standard_transition", run["executionArn"]] == 2
    assert used["lambda", "request", run["executionArn"]] == 2


def test_waiting_for_a_worker_does_not_count_towards_the_timeout(make: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    slots = threading.BoundedSemaphore(1)
    monkeypatch.setattr(lambda_api.running().runner, "_slots", slots)
    arn = make.function("import time\ndef handler(e, c):\n    time.sleep(e['s'])\n    return 'in time'")
    call = task(INVOKE, {"FunctionName": arn, "Payload": {"s": "{% $states.input.s %}"}}, TimeoutSeconds=1)
    sleeper = make.machine(machine(call))
    make.invoke(arn, {"s": 0})  # a cold start does count
    with slots:
        runs = [make.start(sleeper, {"s": 0.01}) for _ in range(5)]
        wait_until(lambda: lambda_api.running().in_flight() == 5)
        time.sleep(1.2)  # longer than the timeout
    ended = [make.ended(run) for run in runs]
    assert [run["status"] for run in ended] == ["SUCCEEDED"] * 5
    assert make.ended(make.start(sleeper, {"s": 6}))["error"] == "States.Timeout"


def test_a_machine_times_out_as_a_whole(make: Maker) -> None:
    slow = machine({"Type": "Wait", "Seconds": 600, "End": True}) | {"TimeoutSeconds": 1}
    ended = make.ended(make.start(make.machine(slow)))
    assert ended["status"] == "TIMED_OUT" and "stopDate" in ended
