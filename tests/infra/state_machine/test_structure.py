"""Properties of the definition for every choice of features: it lints, every Task has timeout, retries and Catch."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from statelint.config import Config
from statelint.linter import Linter
from tests.support.functions_table import TIMEOUTS
from tests.support.second_opinion import asl_errors
from tests.support.state_machine import ALL, SECONDS, TEMPLATE, expressions, rendered

from impp_lambdas.adapters import aws, custom_detectors
from impp_lambdas.core.money import ledger, runtimes
from impp_lambdas.core.money.functions import steps
from impp_lambdas.core.planning import plan
from impp_local.services.stepfunctions import definitions, jsonata
from impp_local.services.stepfunctions.validation import faults

CHOICES = [c for n in range(len(ALL) + 1) for c in itertools.combinations(ALL, n)]
STATE_OF = {
    "analyze": "Analyze",
    "hear": "Speech",
    "transcribe": "Speech",
    "proxy": "Renditions",
    "transcode": "Transcode",
}
PREFIX = {
    "dynamodb": "DynamoDB.",
    "lambda": "Lambda.",
    "mediaconvert": "MediaConvert.",
    "sns": "SNS.",
    "transcribe": "Transcribe.",
}

QUOTAS = {"Contended", "Throttled", "Lambda.TooManyRequestsException"}
"""What functions raise when a quota is met (impp_lambdas.adapters.aws and dynamo), and Lambda itself."""
ANALYZE = ("Analyze", "AnalyzeWithVideo")
NOTHING = {"StartAt": "Nothing", "States": {"Nothing": {"Type": "Succeed"}}}
"""A branch."""
RENDITIONS = {"MediaConvertOnly", "MediaConvertToo", "Unfinished"}
CALLED = {name for verdict in ledger.OTHER_STATES for name in steps(verdict)} | {
    *("sample", "join", "analyze", "analyze_video", "proxy"),
}
"""Functions that a state names; that of Speech is chosen by an expression."""
REPLIES = {
    "Analyze": {"Unfinished", "VideoFirst"},
    "AnalyzeWithVideo": {"Unfinished", "VideoFirst"},
    "Renditions": RENDITIONS,
    "ProxyOfBoth": RENDITIONS,
    "Sample": {"LongFile"},
    "Speech": {"Unfinished"},
}
"""What functions reply by their tokens."""
START_S = 10
"""Longest start of a function's environment, which its timeout does not include (Lambda's developer guide)."""
QUEUE_MAX_S = 1515
"""Longest wait of one state for a quota, in seconds."""


def states(definition: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """All states with their names, including those inside branches and maps."""
    for name, state in definition["States"].items():
        yield name, state
        for inner in [*state.get("Branches", []), *filter(None, [state.get("ItemProcessor")])]:
            yield from states(inner)


def path(definition: dict[str, Any], verdict: str) -> Iterator[dict[str, Any]]:
    """The states that a run with this verdict of Inspect enters outside the branches if nothing fails."""
    name: str | None = definition["StartAt"]
    while name is not None:
        state = definition["States"][name]
        yield state
        chosen = (rule["Next"] for rule in state.get("Choices", ()) if f"'{verdict}'" in rule["Condition"])
        name = next(chosen, state.get("Default", state.get("Next")))


def service(resource: str) -> str:
    parts = resource.split(":")
    return parts[6] if parts[5] == "aws-sdk" else parts[5]


@pytest.mark.parametrize("features", CHOICES, ids="+".join)
def test_every_choice_of_features_has_its_states_and_lints(features: tuple[str, ...]) -> None:
    definition = rendered(features)
    names = [name for name, _ in states(definition)]
    wanted = {STATE_OF[name] for name in features} | ({"Renditions"} if "transcode" in features else set())
    assert wanted == {*STATE_OF.values()} & {*names}
    assert len(names) == len(set(names)), "history and metrics identify states by name"
    assert faults(definition) == []
    complaints = Linter.validate(json.dumps(definition), Config())
    # The specification lets these two be JSONata; statelint 3.1 does not know it.
    known = re.compile(r'.*\.(TimeoutSeconds|HeartbeatSeconds) is "\{%.*%\}" but should be an Integer')
    assert [complaint for complaint in complaints if not known.fullmatch(complaint)] == []


def test_the_interpreter_reads_each_state_of_every_choice() -> None:
    """All in one definition, each once: the choices share most of their states."""
    texts = {
        json.dumps({**state, "Branches": [NOTHING]} if "Branches" in state else state)
        for features in CHOICES
        for _, state in states(rendered(features))
    }
    numbered = {str(number): json.loads(text) for number, text in enumerate(sorted(texts))}
    program = definitions.parse(json.dumps({"QueryLanguage": "JSONata", "StartAt": "0", "States": numbered}))
    assert program.states.states.keys() == numbered.keys()


@pytest.mark.slow
def test_a_second_validator_accepts_the_definition() -> None:
    definitions = [rendered(features) for features in CHOICES if len(features) != 2]  # pairs have no state of their own
    broken = rendered()
    broken["States"]["Archive"]["Next"] = "Nowhere"
    *errors, of_broken = asl_errors([*definitions, broken])
    assert errors == [[] for _ in definitions]
    assert any("Nowhere" in error for error in of_broken)


@pytest.mark.parametrize(("name", "state"), list(states(rendered())), ids=lambda v: v if isinstance(v, str) else "")
def test_every_task_has_timeout_retries_and_catch(name: str, state: dict[str, Any]) -> None:
    catches = [c["ErrorEquals"] for c in state.get("Catch", [])]
    for position, errors in enumerate(catches):
        assert ("States.ALL" in errors) == (position == len(catches) - 1), "States.ALL stands alone and last"
    if state["Type"] in ("Parallel", "Map"):
        assert catches
    if state["Type"] != "Task":
        return
    assert catches
    assert "TimeoutSeconds" in state
    own = PREFIX[service(state["Resource"])]
    retried = [error for retrier in state["Retry"] for error in retrier["ErrorEquals"]]
    assert any(error.startswith(own) for error in retried)
    own_names = QUOTAS | {"Unreadable"} | REPLIES.get(name, set()) if own == "Lambda." else set()
    final = {"States.HeartbeatTimeout", "States.Timeout"} | ({"TranscriptionFailed"} if name == "Speech" else set())
    finals = final if "HeartbeatSeconds" in state else set()
    assert {e for e in retried if not e.startswith(own)} <= own_names | finals | {"States.TaskFailed"}
    regular = {tuple(r["ErrorEquals"]) for r in state["Retry"] if r["JitterStrategy"] != "FULL"}
    assert regular == ({("Unfinished",)} if name in ANALYZE else set())
    if finals:
        never = next(r for r in state["Retry"] if finals == set(r["ErrorEquals"]))
        last = next(r for r in state["Retry"] if "States.TaskFailed" in r["ErrorEquals"])
        assert never["MaxAttempts"] == 0 and state["Retry"].index(never) < state["Retry"].index(last)


@pytest.mark.parametrize("cause", [{}, {"Cause": ""}, {"Cause": None}], ids=["missing", "empty", "null"])
def test_a_catch_copes_with_an_error_without_cause(cause: dict[str, Any]) -> None:
    """LocalStack recorded AWS with "" after a timeout (test_invoke_timeout) and null after SendTaskFailure without any
    (v2/callback/test_callback.snapshot.json). An expression that fails in a Catch ends the execution."""
    caught = {"input": {}, "context": {"State": {"RetryCount": 0}}, "errorOutput": {"Error": "States.Timeout", **cause}}
    caught["input"] = {step: {"transitions": 1} for step in ("sample", "analyze", "transcode")}
    variables = {"states": caught, "retries": 0, "media": {"facts": {"has_audio": True}, "plan": {"parts": [1]}}}
    for _, state in states(rendered()):
        for clause in state.get("Catch", []):
            for expression in expressions([clause.get("Output"), clause.get("Assign")]):
                result = jsonata.evaluate(expression, variables)
                assert '"null"' not in json.dumps(result), expression
    failed = rendered()["States"]["Failed"]["Cause"][2:-2]
    variables = {"failed": {"step": "Inspect", "error": "States.Timeout", **{k.lower(): v for k, v in cause.items()}}}
    assert jsonata.evaluate(failed, variables) == "Inspect: no cause given"


def test_a_whole_card_waits_for_the_quotas() -> None:
    """400 files at two requests per second take 200 s. States retry for at least three times as long."""
    tasks = {name: state for name, state in states(rendered()) if state["Type"] == "Task"}
    for name, quota in [("Transcode", "MediaConvert.TooManyRequestsException")] + [
        (name, error)
        for name, task in tasks.items()
        if "lambda:invoke" in task["Resource"]
        for error in ["Lambda.TooManyRequestsException", *QUOTAS]
    ]:
        retrier = next(r for r in tasks[name]["Retry"] if quota in r["ErrorEquals"])
        waits = [
            min(retrier["IntervalSeconds"] * retrier["BackoffRate"] ** n, retrier["MaxDelaySeconds"])
            for n in range(retrier["MaxAttempts"])
        ]
        assert sum(waits) / 2 >= 600, f"{name}, {quota}: full jitter waits half of that on average"
        assert sum(waits) <= QUEUE_MAX_S


def test_analyze_outlasts_the_wait_for_an_asynchronous_endpoint() -> None:
    retriers = dict(states(rendered()))["Analyze"]["Retry"]
    (retrier,) = (r for r in retriers if "Unfinished" in r["ErrorEquals"])
    assert retrier["BackoffRate"] == 1.0 and retrier["MaxAttempts"] == runtimes.MOST_WAITS
    assert retrier["IntervalSeconds"] * (runtimes.MOST_WAITS - 1) >= custom_detectors.WAIT_S


def test_the_definition_is_jsonata_throughout_and_ends_within_a_day() -> None:
    definition = rendered()
    assert definition["QueryLanguage"] == "JSONata"
    assert definition["TimeoutSeconds"] == 86_400
    for _, state in states(definition):
        assert state.get("QueryLanguage", "JSONata") == "JSONata"
        assert not {"InputPath", "OutputPath", "ResultPath", "Parameters", "ResultSelector"} & state.keys()
        assert state["Type"] not in ("Wait", "Pass"), "no polling, no noise"
    speech = dict(states(definition))["Speech"]
    heard = sum(r["MaxAttempts"] for r in speech["Retry"] if "Unfinished" in r["ErrorEquals"]) * SECONDS["hear"]
    longest = max(plan.TRANSCODE_MAX_S, heard) + 2 * 910 + 310 + 600 + 5 * QUEUE_MAX_S
    assert longest < 86_400, "the longest branch and the steps around it fit into the whole"


def test_each_state_waits_longer_than_its_function_may_run() -> None:
    called = {}
    for _, state in states(rendered()):
        if "lambda:invoke" in state.get("Resource", "") and "HeartbeatSeconds" not in state:
            called[state["Arguments"]["FunctionName"].rpartition(":")[2]] = state["TimeoutSeconds"]
    assert called == {name: SECONDS[name] + START_S for name in CALLED}


@pytest.mark.parametrize("verdict", ledger.OTHER_STATES)
def test_the_table_of_functions_has_the_steps_of_every_verdict(verdict: str) -> None:
    """Quote and ledger count the states outside the branches by it."""
    entered = list(path(rendered(), verdict))
    called = [state["Arguments"]["FunctionName"] for state in entered if "lambda:invoke" in state.get("Resource", "")]
    assert sorted(name.rpartition(":")[2] for name in called) == sorted(steps(verdict))
    assert ledger.transitions(verdict, {}) == len(entered)


@pytest.mark.parametrize(
    ("engine", "function"), [("lambda", "hear"), ("transcribe", "transcribe"), ("off", "transcribe")]
)
def test_the_plan_chooses_the_function_for_speech_and_its_deadline(engine: str, function: str) -> None:
    speech = dict(states(rendered()))["Speech"]
    variables = {"media": {"plan": {"speech": engine, "deadlines": {"transcribe_s": 1234}}}}
    name, heartbeat, whole = (
        jsonata.evaluate(text[2:-2], variables)
        for text in (speech["Arguments"]["FunctionName"], speech["HeartbeatSeconds"], speech["TimeoutSeconds"])
    )
    assert name.rpartition(":")[2] == function
    assert heartbeat == (SECONDS["hear"] + START_S if engine == "lambda" else 1234)
    assert whole == heartbeat + 60
    assert TIMEOUTS["transcribe"] <= plan.TRANSCRIBE_BASE_S


def test_hear_goes_on_until_twelve_hours_of_speech_are_heard() -> None:
    """Attempts of its whole time, less the minute in which each one starts, reads and saves. Transitions are billed."""
    speech = dict(states(rendered()))["Speech"]
    (resumed,) = [retrier for retrier in speech["Retry"] if "Unfinished" in retrier["ErrorEquals"]]
    hearing_s = (resumed["MaxAttempts"] + 1) * (SECONDS["hear"] - 60)
    assert hearing_s > 12 * 3600 / 2, "at twice real time"
    assert resumed["IntervalSeconds"] == resumed["BackoffRate"] == 1


def test_inspect_outlasts_every_attempt_of_its_slowest_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    config = aws.client.__wrapped__("mediaconvert").meta.config
    attempts = config.retries["total_max_attempts"]
    assert TIMEOUTS["inspect"] > attempts * (config.connect_timeout + config.read_timeout)


def test_terraform_fills_every_placeholder() -> None:
    functions = {f"{name}_function_arn" for name in (*CALLED, "hear", "transcribe")}
    others = {
        "catalog_table_name",
        "alert_topic_arn",
        "muted_topic_arn",
        "mediaconvert_queue_arn",
        "mediaconvert_role_arn",
    }
    text = re.sub(r"<#.*?#>", "", TEMPLATE.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert set(re.findall(r"\$\{(.*?)\}", text)) == functions | others
