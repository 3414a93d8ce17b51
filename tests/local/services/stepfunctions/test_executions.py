"""Executions: names, status events, stopping, and many at once."""

from __future__ import annotations

import json
import pickle
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import ClientError
from moto.stepfunctions.parser.models import stepfunctions_parser_backends
from tests.support.local_cloud import Maker, wait_until
from tests.support.states import INVOKE, machine, task

from impp_local.kernel.defaults import ACCOUNT, REGION
from impp_local.services.stepfunctions import executions, moto_patches


def test_each_change_of_status_is_an_event(make: Maker) -> None:
    url, queue = make.queue()
    ends = machine({"Type": "Fail", "Error": "Quarantined", "Cause": "{% 'it is ' & $states.input.why %}"})
    arn = make.machine(ends)
    pattern = {"source": ["aws.states"], "detail": {"stateMachineArn": [arn]}}
    make.rule(pattern, Arn=queue)
    run = make.start(arn, {"why": "empty"})
    make.ended(run)
    first, second = sorted(
        (json.loads(message["Body"]) for message in make.messages(url, 2)),
        key=lambda e: e["detail"]["status"] != "RUNNING",
    )
    assert first["detail-type"] == "Step Functions Execution Status Change" and first["resources"] == [run]
    running, failed = first["detail"], second["detail"]
    assert (running["status"], running["stopDate"], running["output"], running["error"]) == (
        "RUNNING",
        None,
        None,
        None,
    )
    assert failed["status"] == "FAILED" and failed["error"] == "Quarantined" and failed["cause"] == "it is empty"
    assert failed["executionArn"] == run and json.loads(failed["input"]) == {"why": "empty"}
    assert failed["stopDate"] >= failed["startDate"] > 1_700_000_000_000
    assert failed["redriveStatus"] == "REDRIVABLE" and running["redriveStatus"] == "NOT_REDRIVABLE"


def test_stopping_ends_a_wait_at_once(make: Maker) -> None:
    run = make.start(make.machine(machine({"Type": "Wait", "Seconds": 3600, "End": True})))
    assert moto_patches.running() >= 1
    make.client("stepfunctions").stop_execution(executionArn=run)
    assert make.ended(run)["status"] == "ABORTED"


def test_a_state_machine_is_pickled_without_its_executions(make: Maker) -> None:
    run = make.start(make.machine(machine({"Type": "Wait", "Seconds": 3600, "End": True})))
    backend = stepfunctions_parser_backends[ACCOUNT][REGION]
    copied = pickle.loads(pickle.dumps(backend.state_machines))
    assert [machine.arn for machine in copied] == [machine.arn for machine in backend.state_machines]
    assert not any(machine.executions for machine in copied)
    make.client("stepfunctions").stop_execution(executionArn=run)


def test_names_are_unique_and_valid(make: Maker) -> None:
    arn = make.machine(machine({"Type": "Wait", "Seconds": 3600, "End": True}))
    client = make.client("stepfunctions")
    first = client.start_execution(stateMachineArn=arn, name="one", input="{}")["executionArn"]
    assert client.start_execution(stateMachineArn=arn, name="one", input="{}")["executionArn"] == first
    with pytest.raises(ClientError, match="ExecutionAlreadyExists"):
        client.start_execution(stateMachineArn=arn, name="one", input='{"a": 1}')
    with pytest.raises(ClientError, match="InvalidName"):
        client.start_execution(stateMachineArn=arn, name="no spaces", input="{}")
    client.stop_execution(executionArn=first)


@pytest.mark.slow
def test_many_executions_at_once_all_end(make: Maker) -> None:
    arn = make.function("def handler(e, c): return e['n'] * 2")
    call = task(INVOKE, {"FunctionName": arn, "Payload": {"n": "{% $n %}"}}, Output="{% $states.result.Payload %}")
    branches = [{"StartAt": "Call", "States": {"Call": call}}] * 2
    definition = machine(
        {"Type": "Pass", "Assign": {"n": "{% $states.input.n %}"}, "Next": "Both"},
        Both={"Type": "Parallel", "Branches": branches, "End": True},
    )
    doubled = make.machine(definition)
    with ThreadPoolExecutor(16) as pool:
        runs = list(pool.map(lambda n: make.start(doubled, {"n": n}), range(60)))
    assert [json.loads(make.ended(run)["output"]) for run in runs] == [[2 * n, 2 * n] for n in range(60)]


def test_executions_take_turns_and_one_that_is_stopped_needs_none(make: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executions, "AT_ONCE", 2)
    monkeypatch.setattr(executions, "STALLED_S", 3600.0)
    arn = make.machine(machine({"Type": "Wait", "Seconds": 3600, "End": True}))
    client = make.client("stepfunctions")
    runs = [make.start(arn) for _ in range(4)]  # the last two wait for their turn

    def entered() -> list[str]:
        return [run for run in runs if len(client.get_execution_history(executionArn=run)["events"]) > 1]

    wait_until(lambda: len(entered()) == 2)
    assert client.describe_execution(executionArn=runs[3])["status"] == "RUNNING"
    client.stop_execution(executionArn=runs[3])
    assert make.ended(runs[3])["status"] == "ABORTED"
    wait_until(lambda: client.get_execution_history(executionArn=runs[3])["events"][-1]["type"] == "ExecutionAborted")
    assert runs[2] not in entered()
    client.stop_execution(executionArn=runs[0])
    wait_until(lambda: runs[2] in entered())
    for run in runs[1:3]:
        client.stop_execution(executionArn=run)


def test_executions_that_all_wait_let_others_run(make: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executions, "AT_ONCE", 1)
    monkeypatch.setattr(executions, "STALLED_S", 0.1)
    waiting = make.start(make.machine(machine({"Type": "Wait", "Seconds": 3600, "End": True})))
    assert make.run(machine({"Type": "Pass", "End": True}))["status"] == "SUCCEEDED"
    make.client("stepfunctions").stop_execution(executionArn=waiting)
