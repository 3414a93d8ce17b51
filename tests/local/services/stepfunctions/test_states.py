"""States: variables and expressions, what a Catch matches, retries, and time."""

from __future__ import annotations

import re
import threading
import time
from types import SimpleNamespace
from typing import Any

import pytest
from tests.support.local_cloud import Maker, wait_until
from tests.support.states import CATCH, CAUGHT, INVOKE, caught, machine, skip_backoff, task

from impp_local.kernel import billing
from impp_local.services.lambda_ import api as lambda_api
from impp_local.services.stepfunctions import states


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
    run = make.run(machine({"Type": "Pass", "Output": "{% $states.context %}", "End": True}), {"a": 1})
    context = run["output"]["Execution"]
    assert context["Id"] == run["executionArn"] and context["Name"] == run["name"] and context["Input"] == {"a": 1}
    assert context["RedriveCount"] == 0
    for moment in (context["StartTime"], run["output"]["State"]["EnteredTime"]):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", moment)


@pytest.mark.parametrize(
    ("error", "catch", "matches"),
    [
        ("Late", "Late", True),
        ("Late", "Other", False),
        ("Late", "States.ALL", True),
        ("Late", "States.TaskFailed", True),
        ("States.Permissions", "States.TaskFailed", True),
        ("States.Timeout", "States.Timeout", True),
        ("States.Timeout", "States.TaskFailed", False),
        ("States.Timeout", "States.ALL", True),
        ("States.QueryEvaluationError", "States.TaskFailed", False),
        ("States.QueryEvaluationError", "States.ALL", True),
        ("States.Runtime", "States.ALL", False),
        ("States.Runtime", "States.TaskFailed", False),
        ("States.DataLimitExceeded", "States.ALL", False),
        ("States.DataLimitExceeded", "States.TaskFailed", False),
        ("States.DataLimitExceeded", "States.DataLimitExceeded", True),
    ],
)
def test_what_error_equals_matches(error: str, catch: str, matches: bool) -> None:
    """https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html"""
    declared = SimpleNamespace(error_names=[SimpleNamespace(error_name=catch)])
    env = SimpleNamespace(stack=[SimpleNamespace(error_name=error)])
    states.match_error(declared, env)
    assert env.stack == [matches]


def test_a_catch_receives_the_error_of_a_branch(make: Maker) -> None:
    fails = {"StartAt": "Fails", "States": {"Fails": {"Type": "Fail", "Error": "Late", "Cause": "why"}}}
    assert caught(make, {"Type": "Parallel", "Branches": [fails], "End": True}) == {"Error": "Late", "Cause": "why"}


def test_a_fail_state_may_not_raise_errors_of_step_functions_itself(make: Maker) -> None:
    """\"The error names cannot begin with the States. prefix\" (same page). A literal one is refused at creation."""
    run = make.run(machine({"Type": "Fail", "Error": "{% 'States.Timeout' %}", "Cause": "why"}))
    assert run["error"] == "States.Runtime"
    assert "reserved prefix" in run["cause"]


FAILS = "$states.input.gone"
SUMS = "$sum(['a'])"
WRONG = 'threw an error during evaluation. T0412: Argument 1 of function "sum" must be an array of "numbers"'
NOTHING = "returned nothing (undefined)."


@pytest.mark.parametrize(
    ("state", "expression", "field", "reason"),
    [
        ({"Type": "Pass", "Output": {"a": ["x", f"{{% {FAILS} %}}"]}}, FAILS, "Output/a[1]", NOTHING),
        ({"Type": "Pass", "Assign": {"v": {"w": f"{{% {SUMS} %}}"}}}, SUMS, "Assign/v/w", WRONG),
        ({"Type": "Succeed", "Output": f"{{% {FAILS} %}}"}, FAILS, "Output", NOTHING),
        ({"Type": "Fail", "Error": "E", "Cause": f"{{% {FAILS} %}}"}, FAILS, "Cause", NOTHING),
        ({"Type": "Wait", "Seconds": f"{{% {FAILS} %}}"}, FAILS, "Seconds", NOTHING),
        (
            task(INVOKE, {"FunctionName": "f", "Payload": {"a": f"{{% {FAILS} %}}"}}),
            FAILS,
            "Arguments/Payload/a",
            NOTHING,
        ),
        (task(INVOKE, {}, TimeoutSeconds=f"{{% {FAILS} %}}"), FAILS, "TimeoutSeconds", NOTHING),
        (
            task(INVOKE, {}, TimeoutSeconds="{% 'x' %}"),
            "'x'",
            "TimeoutSeconds",
            "returned an unexpected result type. Expected 'number', but was 'string' for value: \"x\"",
        ),
        (
            {"Type": "Choice", "Choices": [{"Condition": "{% 0 %}", "Next": "Done"}], "Default": "Done"},
            "0",
            "Choices[0]/Condition",
            "returned an unexpected result type. Expected 'boolean', but was 'number' for value: 0",
        ),
        ({"Type": "Pass", "Output": "{% $sum %}"}, "$sum", "Output", "returned an unsupported result type."),
    ],
    ids=lambda v: v if isinstance(v, str) and "/" in v else "",
)
def test_a_failed_expression_is_reported_as_aws_does(
    make: Maker, state: dict[str, Any], expression: str, field: str, reason: str
) -> None:
    """As LocalStack recorded AWS: v2/assign/test_assign_reference_variables.snapshot.json and others."""
    if state["Type"] in ("Pass", "Wait"):
        state |= {"End": True}
    inner = {"StartAt": "Inner", "States": {"Inner": state, "Done": CAUGHT} if "Default" in state else {"Inner": state}}
    run = make.run(machine({"Type": "Parallel", "Branches": [inner], "End": True}))
    history = make.client("stepfunctions").get_execution_history(executionArn=run["executionArn"])["events"]
    entered = next(e["id"] for e in history if e.get("stateEnteredEventDetails", {}).get("name") == "Inner")
    (failed,) = [e["evaluationFailedEventDetails"] for e in history if e["type"] == "EvaluationFailed"]
    cause = (
        f"An error occurred while executing the state 'Inner' (entered at the event id #{entered}). "
        f"The JSONata expression '{expression}' specified for the field '{field}' {reason}"
    )
    error = "States.QueryEvaluationError"
    assert failed == {"error": error, "cause": cause, "location": field, "state": "Inner"}
    assert (run["error"], run["cause"]) == (error, cause)


def test_an_output_that_fails_is_caught_but_not_retried_as_a_failed_task(make: Maker) -> None:
    call = task(
        INVOKE,
        {"FunctionName": make.function("def handler(e, c):\n    return 1"), "Payload": {}},
        Assign={"got": "{% $states.result.Payload %}"},
        Output="{% $states.result.Nothing %}",
        Retry=[{"ErrorEquals": ["States.TaskFailed"], "MaxAttempts": 3, "IntervalSeconds": 600}],
    )
    handler = {"Type": "Pass", "Output": {"error": "{% $states.input %}", "got": "{% $exists($got) %}"}, "End": True}
    run = make.run(machine({**call, "Catch": CATCH}, Caught=handler))
    assert run["output"]["error"]["Error"] == "States.QueryEvaluationError"
    assert "'Output' returned nothing" in run["output"]["error"]["Cause"]
    assert run["output"]["got"] is False


def test_a_choice_without_a_match_ends_the_execution(make: Maker) -> None:
    rule = {"Condition": "{% false %}", "Next": "Done"}
    run = make.run(machine({"Type": "Choice", "Choices": [rule]}, Done=CAUGHT))
    assert run["error"] == "States.Runtime"
    assert run["cause"] == (
        "An error occurred while executing the state 'First' (entered at the event id #2). "
        "Failed to transition out of the state. The state does not point to a next state."
    )


def test_output_sees_the_variables_from_before_assign(make: Maker) -> None:
    """https://docs.aws.amazon.com/step-functions/latest/dg/workflow-variables.html: they are evaluated in parallel."""
    step = {"Assign": {"n": "{% $n + 1 %}", "was": "{% $n %}"}, "Output": "{% [$states.input, $n] %}"}
    rule = {"Condition": "{% $n = 2 %}", **step, "Next": "Third"}
    call = {"FunctionName": make.function("def handler(e, c):\n    return 1"), "Payload": {}}
    run = make.run(
        machine(
            task(INVOKE, call, Assign={"n": "{% $states.result.Payload %}"}, Output=[], Next="Second"),
            Second={"Type": "Pass", **step, "Next": "Choose"},
            Choose={"Type": "Choice", "Choices": [rule]},
            Third={"Type": "Pass", "Output": "{% $append($states.input, [$n, $was]) %}", "End": True},
        )
    )
    assert run["output"] == [1, 2, 3, 2]


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


def test_each_visit_of_a_state_has_all_of_its_retries(make: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    skip_backoff(monkeypatch)
    code = """
        calls = 0
        def handler(event, context):
            global calls
            calls += 1
            if calls % 2:
                raise ConnectionError("flaky")
            return calls
    """
    retry = [{"ErrorEquals": ["ConnectionError"], "MaxAttempts": 1, "IntervalSeconds": 1}]
    call = task(INVOKE, {"FunctionName": make.function(code), "Payload": {}}, Retry=retry, Next="Again")
    rule = {"Condition": "{% $states.input.Payload < 4 %}", "Next": "First"}
    run = make.run(
        machine(call, Again={"Type": "Choice", "Choices": [rule], "Default": "Done"}, Done={"Type": "Succeed"})
    )
    assert run["output"]["Payload"] == 4


def test_arguments_have_the_size_limit_of_a_states_input(make: Maker) -> None:
    """https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html, States.DataLimitExceeded"""
    call = {"FunctionName": "f", "Payload": "{% $pad('', 262144, 'x') %}"}
    run = make.run(machine({**task(INVOKE, call), "Catch": CATCH}, Caught=CAUGHT))
    assert run["error"] == "States.DataLimitExceeded"


def test_waiting_for_a_worker_does_not_count_towards_the_timeout(make: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    slots = threading.BoundedSemaphore(1)
    monkeypatch.setattr(lambda_api.running().runner, "_slots", slots)
    arn = make.function("import time\ndef handler(e, c):\n    time.sleep(e['s'])\n    return 'in time'")
    call = task(INVOKE, {"FunctionName": arn, "Payload": {"s": "{% $states.input.s %}"}}, TimeoutSeconds=3)
    sleeper = make.machine(machine(call))
    make.invoke(arn, {"s": 0})  # a cold start does count
    with slots:
        runs = [make.start(sleeper, {"s": 0.01}) for _ in range(5)]
        wait_until(lambda: lambda_api.running().in_flight() == 5)
        time.sleep(3.2)  # longer than the timeout
    ended = [make.ended(run) for run in runs]
    assert [run["status"] for run in ended] == ["SUCCEEDED"] * 5
    assert make.ended(make.start(sleeper, {"s": 60}))["error"] == "States.Timeout"


def test_a_machine_times_out_as_a_whole(make: Maker) -> None:
    slow = machine({"Type": "Wait", "Seconds": 600, "End": True}) | {"TimeoutSeconds": 1}
    ended = make.ended(make.start(make.machine(slow)))
    assert ended["status"] == "TIMED_OUT" and "stopDate" in ended
