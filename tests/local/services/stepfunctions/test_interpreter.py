"""State machines: what a definition sees, how tasks end, and what the bus and the history tell about it."""

from __future__ import annotations

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.support.local_cloud import Maker, wait_until

from impp_local.services.events import bus
from impp_local.services.lambda_ import api as lambda_api
from impp_local.services.stepfunctions import interpreter, tasks

INVOKE = "arn:aws:states:::lambda:invoke"
WAIT = "arn:aws:states:::lambda:invoke.waitForTaskToken"


def task(resource: str, arguments: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {
        "Type": "Task",
        "Resource": resource,
        "Arguments": arguments,
        **({"End": True} if "Next" not in fields else {}),
        **fields,
    }


def machine(first: dict[str, Any], **others: Any) -> dict[str, Any]:
    return {"StartAt": "First", "States": {"First": first, **others}}


CAUGHT = {"Type": "Pass", "End": True}
CATCH = [{"ErrorEquals": ["States.ALL"], "Output": "{% $states.errorOutput %}", "Next": "Caught"}]


def caught(make: Maker, state: dict[str, Any]) -> dict[str, Any]:
    """The error that a state ends with."""
    run = make.run(machine({**state, "Catch": CATCH}, Caught=CAUGHT))
    assert run["status"] == "SUCCEEDED", run
    error: dict[str, Any] = run["output"]
    return error


# --- JSONata ----------------------------------------------------------------------------------------------------------


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


# --- functions and services -------------------------------------------------------------------------------------------


def test_function_results_and_errors(make: Maker) -> None:
    arn = make.function(
        "def handler(e, c):\n    if e.get('fail'): raise LookupError('no ' + e['fail'])\n    return {'got': e}"
    )
    run = make.run(machine(task(INVOKE, {"FunctionName": arn, "Payload": {"x": [1, None]}})))
    assert run["output"] == {"ExecutedVersion": "$LATEST", "Payload": {"got": {"x": [1, None]}}, "StatusCode": 200}
    error = caught(make, task(INVOKE, {"FunctionName": arn, "Payload": {"fail": "way"}}))
    assert error["Error"] == "LookupError"
    assert json.loads(error["Cause"])["errorMessage"] == "no way"
    missing = caught(make, task(INVOKE, {"FunctionName": "missing", "Payload": {}}))
    assert missing["Error"] == "Lambda.ResourceNotFoundException"


def test_a_retry_runs_the_function_again_and_counts_a_transition(make: Maker) -> None:
    url, _ = make.queue()
    code = f"""
        import boto3
        def handler(event, context):
            sqs = boto3.client("sqs")
            seen = sqs.get_queue_attributes(QueueUrl="{url}", AttributeNames=["ApproximateNumberOfMessages"])
            sqs.send_message(QueueUrl="{url}", MessageBody="try")
            if int(seen["Attributes"]["ApproximateNumberOfMessages"]) < 1:
                raise ConnectionError("flaky")
            return "ok"
    """
    retry = [{"ErrorEquals": ["ConnectionError"], "IntervalSeconds": 1, "MaxAttempts": 2, "BackoffRate": 1}]
    run = make.run(machine(task(INVOKE, {"FunctionName": make.function(code), "Payload": {}}, Retry=retry)))
    assert run["output"]["Payload"] == "ok"
    assert len(make.messages(url, 2)) == 2
    from impp_local.kernel import billing

    used = {key: n for key, n in billing.METER._used.items() if key[2] == run["executionArn"]}
    assert used["states", "standard_transition", run["executionArn"]] == 2
    assert used["lambda", "request", run["executionArn"]] == 2


def test_waiting_for_a_worker_is_not_the_states_time(make: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lambda_api.running().runner, "_slots", threading.BoundedSemaphore(1))
    arn = make.function("import time\ndef handler(e, c):\n    time.sleep(e['s'])\n    return 'in time'")
    call = task(INVOKE, {"FunctionName": arn, "Payload": {"s": "{% $states.input.s %}"}}, TimeoutSeconds=2)
    sleeper = make.machine(machine(call))
    ended = [make.ended(run) for run in [make.start(sleeper, {"s": 0.9}) for _ in range(5)]]  # the last waits 3.6 s
    assert [run["status"] for run in ended] == ["SUCCEEDED"] * 5
    assert make.ended(make.start(sleeper, {"s": 6}))["error"] == "States.Timeout"


def test_dynamodb_error_names_differ_between_integrations(make: Maker) -> None:
    table = make.name("table")
    make.client("dynamodb").create_table(
        TableName=table,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
    )
    put = {"TableName": table, "Item": {"pk": {"S": "CLAIM"}}, "ConditionExpression": "attribute_not_exists(pk)"}
    assert make.run(machine(task("arn:aws:states:::dynamodb:putItem", put)))["status"] == "SUCCEEDED"
    optimised = caught(make, task("arn:aws:states:::dynamodb:putItem", put))
    sdk = caught(make, task("arn:aws:states:::aws-sdk:dynamodb:putItem", put))
    assert optimised["Error"] == "DynamoDB.ConditionalCheckFailedException"
    assert sdk["Error"] == "DynamoDb.ConditionalCheckFailedException"


@pytest.mark.parametrize(
    ("service", "name"),
    [
        ("s3", "S3"),
        ("transcribe", "Transcribe"),
        ("mediaconvert", "MediaConvert"),
        ("sns", "Sns"),
        ("sfn", "Sfn"),
        ("secretsmanager", "SecretsManager"),
        ("dynamodb", "DynamoDb"),
    ],
)
def test_sdk_error_prefixes(service: str, name: str) -> None:
    assert tasks.sdk_service_name(service) == name


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


def test_sdk_answers_are_json_with_iso_moments(make: Maker) -> None:
    run = make.run(machine(task("arn:aws:states:::aws-sdk:iam:getRole", {"RoleName": make.role().rsplit("/", 1)[-1]})))
    assert run["status"] == "SUCCEEDED", run
    assert run["output"]["Role"]["CreateDate"].endswith("Z")


def test_publishing_sends_objects_as_json_text(make: Maker) -> None:
    topic = make.client("sns").create_topic(Name=make.name("topic"))["TopicArn"]
    url, queue = make.queue()
    make.client("sns").subscribe(
        TopicArn=topic, Protocol="sqs", Endpoint=queue, Attributes={"RawMessageDelivery": "true"}
    )
    run = make.run(machine(task("arn:aws:states:::sns:publish", {"TopicArn": topic, "Message": {"kind": "published"}})))
    assert "MessageId" in run["output"]
    assert json.loads(make.messages(url)[0]["Body"]) == {"kind": "published"}


# --- task tokens ------------------------------------------------------------------------------------------------------


def token_machine(make: Maker, **fields: Any) -> tuple[dict[str, Any], str]:
    """A machine that hands its token to a queue and waits; and the queue's URL."""
    url, _ = make.queue()
    code = f"""
        import boto3
        def handler(event, context):
            boto3.client("sqs").send_message(QueueUrl="{url}", MessageBody=event["token"])
    """
    arguments = {"FunctionName": make.function(code), "Payload": {"token": "{% $states.context.Task.Token %}"}}
    return machine(task(WAIT, arguments, **fields)), url


def test_a_token_is_answered_once(make: Maker) -> None:
    definition, url = token_machine(make)
    run = make.start(make.machine(definition))
    token = make.messages(url)[0]["Body"]
    client = make.client("stepfunctions")
    with pytest.raises(ClientError, match="InvalidOutput"):
        client.send_task_success(taskToken=token, output="{no json")
    client.send_task_success(taskToken=token, output='{"ok": 1}')
    assert json.loads(make.ended(run)["output"]) == {"ok": 1}
    with pytest.raises(ClientError, match="TaskTimedOut"):
        client.send_task_success(taskToken=token, output="{}")
    with pytest.raises(ClientError, match="TaskTimedOut"):
        client.send_task_heartbeat(taskToken=token)
    with pytest.raises(ClientError, match="InvalidToken"):
        client.send_task_success(taskToken="made up", output="{}")


def test_a_failed_token_is_retried_with_a_new_one(make: Maker) -> None:
    definition, url = token_machine(
        make, Retry=[{"ErrorEquals": ["Flaky"], "IntervalSeconds": 1, "MaxAttempts": 1}], Catch=CATCH
    )
    definition["States"]["Caught"] = CAUGHT
    run = make.start(make.machine(definition))
    client = make.client("stepfunctions")
    first = make.messages(url)[0]["Body"]
    client.send_task_failure(taskToken=first, error="Flaky", cause="once")
    second = wait_until(lambda: [m["Body"] for m in make.messages(url) if m["Body"] != first])[0]
    client.send_task_failure(taskToken=second, error="Broken", cause="for good")
    assert json.loads(make.ended(run)["output"]) == {"Error": "Broken", "Cause": "for good"}


@pytest.mark.parametrize("fields", [{"TimeoutSeconds": 1}, {"TimeoutSeconds": 60, "HeartbeatSeconds": 1}])
def test_a_token_that_nobody_answers_times_out(make: Maker, fields: dict[str, int]) -> None:
    definition, url = token_machine(make, **fields, Catch=CATCH)
    definition["States"]["Caught"] = CAUGHT
    run = make.start(make.machine(definition))
    token = make.messages(url)[0]["Body"]
    assert json.loads(make.ended(run)["output"])["Error"] == "States.Timeout"

    def late() -> bool:
        try:
            make.client("stepfunctions").send_task_success(taskToken=token, output="{}")
        except ClientError as error:
            return error.response["Error"]["Code"] == "TaskTimedOut"
        return False

    assert late()


def test_heartbeats_keep_a_token_alive(make: Maker) -> None:
    definition, url = token_machine(make, TimeoutSeconds=60, HeartbeatSeconds=1)
    run = make.start(make.machine(definition))
    token = make.messages(url)[0]["Body"]
    client = make.client("stepfunctions")
    for _ in range(6):
        time.sleep(0.4)  # the passing of time is what is tested
        client.send_task_heartbeat(taskToken=token)
    client.send_task_success(taskToken=token, output='"alive"')
    assert json.loads(make.ended(run)["output"]) == "alive"


# --- mediaconvert:createJob.sync --------------------------------------------------------------------------------------


class Jobs:
    """MediaConvert as its client sees it; `end` finishes a job as the service does, with an event."""

    def __init__(self) -> None:
        self.jobs: dict[str, dict[str, Any]] = {}
        self.asked: list[dict[str, Any]] = []

    def __call__(self, region: str, service: str, credentials: Any) -> Jobs:
        assert service == "mediaconvert"
        return self

    def create_job(self, **arguments: Any) -> dict[str, Any]:
        self.asked.append(arguments)
        if arguments["Settings"].get("refuse"):
            meta = {"HTTPStatusCode": 400, "RequestId": "r", "HTTPHeaders": {}, "RetryAttempts": 0}
            error = {"Code": "BadRequestException", "Message": "no input"}
            raise ClientError({"Error": error, "ResponseMetadata": meta}, "CreateJob")  # type: ignore[typeddict-item]
        job = {"Id": f"job-{len(self.asked)}", "Status": "SUBMITTED", "UserMetadata": {"asset": "a"}}
        self.jobs[job["Id"]] = job
        return {"Job": dict(job), "ResponseMetadata": {}}

    def get_job(self, Id: str) -> dict[str, Any]:
        return {"Job": dict(self.jobs[Id]), "ResponseMetadata": {}}

    def cancel_job(self, Id: str) -> None:
        self.jobs[Id]["Status"] = "CANCELED"

    def end(self, job: str, status: str, **fields: Any) -> None:
        self.jobs[job].update(Status=status, **fields)
        detail = {"jobId": job, "status": status}
        bus.publish({"source": "aws.mediaconvert", "detail-type": "MediaConvert Job State Change", "detail": detail})


@pytest.fixture
def jobs(make: Maker, monkeypatch: pytest.MonkeyPatch) -> Jobs:
    fake = Jobs()
    monkeypatch.setattr(tasks.MediaConvertTask, "clients", fake)
    monkeypatch.setattr(tasks, "POLL_S", 3600.0)  # only the event ends the wait
    return fake


def job_task(**fields: Any) -> dict[str, Any]:
    arguments = {"Role": "arn:role", "Settings": {"Inputs": []}, "UserMetadata": {"asset": "{% 'a' & 'b' %}"}}
    return task("arn:aws:states:::mediaconvert:createJob.sync", arguments, **fields)


def test_a_job_is_awaited_and_returned(make: Maker, jobs: Jobs) -> None:
    run = make.start(make.machine(machine(job_task())))
    wait_until(lambda: jobs.jobs)
    jobs.end("job-1", "PROGRESSING")
    jobs.end("job-1", "COMPLETE", OutputGroupDetails=[{"OutputDetails": [{"DurationInMs": 10}]}])
    job = json.loads(make.ended(run)["output"])["Job"]
    assert job["Status"] == "COMPLETE" and job["OutputGroupDetails"] == [{"OutputDetails": [{"DurationInMs": 10}]}]
    assert jobs.asked[0]["UserMetadata"] == {"asset": "ab"}
    assert jobs.asked[0]["Tags"] == {"ManagedByService": "AWSStepFunctions"}


def test_a_job_that_fails_fails_the_task_with_the_job_as_cause(make: Maker, jobs: Jobs) -> None:
    run = make.start(make.machine(machine(job_task(Catch=CATCH), Caught=CAUGHT)))
    wait_until(lambda: jobs.jobs)
    jobs.end("job-1", "ERROR", ErrorCode=1010, ErrorMessage="unreadable")
    error = json.loads(make.ended(run)["output"])
    assert error["Error"] == "States.TaskFailed"
    assert json.loads(error["Cause"])["ErrorCode"] == 1010


def test_a_job_that_is_refused_names_the_service_and_code(make: Maker, jobs: Jobs) -> None:
    state = job_task()
    state["Arguments"]["Settings"] = {"refuse": True}
    error = caught(make, state)
    assert error["Error"] == "MediaConvert.BadRequestException" and "no input" in error["Cause"]


def test_a_task_that_times_out_or_stops_cancels_its_job(make: Maker, jobs: Jobs) -> None:
    assert caught(make, job_task(TimeoutSeconds=1))["Error"] == "States.Timeout"
    wait_until(lambda: jobs.jobs["job-1"]["Status"] == "CANCELED")
    run = make.start(make.machine(machine(job_task())))
    wait_until(lambda: "job-2" in jobs.jobs)
    make.client("stepfunctions").stop_execution(executionArn=run, error="Enough", cause="by hand")
    ended = make.ended(run)
    assert (ended["status"], ended["error"], ended["cause"]) == ("ABORTED", "Enough", "by hand")
    wait_until(lambda: jobs.jobs["job-2"]["Status"] == "CANCELED")


# --- executions -------------------------------------------------------------------------------------------------------


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
    assert interpreter.running() >= 1
    began = time.monotonic()
    make.client("stepfunctions").stop_execution(executionArn=run)
    assert make.ended(run)["status"] == "ABORTED"
    assert time.monotonic() - began < 5


def test_a_machine_times_out_as_a_whole(make: Maker) -> None:
    slow = machine({"Type": "Wait", "Seconds": 600, "End": True}) | {"TimeoutSeconds": 1}
    ended = make.ended(make.start(make.machine(slow)))
    assert ended["status"] == "TIMED_OUT" and "stopDate" in ended


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


def test_history_is_a_timeline_in_pages(make: Maker) -> None:
    run = make.run(machine({"Type": "Pass", "Assign": {"q": 'a"b'}, "Next": "Last"}, Last={"Type": "Succeed"}))
    client = make.client("stepfunctions")
    pages = client.get_paginator("get_execution_history").paginate(
        executionArn=run["executionArn"], PaginationConfig={"PageSize": 2}
    )
    history = [event for page in pages for event in page["events"]]
    assert [event["type"] for event in history] == [
        "ExecutionStarted",
        "PassStateEntered",
        "PassStateExited",
        "SucceedStateEntered",
        "SucceedStateExited",
        "ExecutionSucceeded",
    ]
    assert [event["id"] for event in history] == [1, 2, 3, 4, 5, 6]
    assert history[2]["stateExitedEventDetails"]["assignedVariables"] == {"q": '"a\\"b"'}
    moments = [event["timestamp"] for event in history]
    assert moments == sorted(moments) and moments[0].tzinfo is not None
    last = client.get_execution_history(executionArn=run["executionArn"], reverseOrder=True, maxResults=1)
    assert last["events"][0]["type"] == "ExecutionSucceeded"


def test_the_history_is_logged_where_the_machine_says(make: Maker) -> None:
    group = make.name("/aws/vendedlogs/states")
    make.client("logs").create_log_group(logGroupName=group)
    destination = {
        "cloudWatchLogsLogGroup": {"logGroupArn": f"arn:aws:logs:us-east-1:123456789012:log-group:{group}:*"}
    }
    definition = machine({"Type": "Fail", "Error": "Bad", "Cause": "why"}) | {"QueryLanguage": "JSONata"}
    arn = make.client("stepfunctions").create_state_machine(
        name=make.name("machine"),
        definition=json.dumps(definition),
        roleArn="arn:aws:iam::123456789012:role/states",
        loggingConfiguration={"level": "ERROR", "includeExecutionData": False, "destinations": [destination]},
    )["stateMachineArn"]
    run = make.start(arn, {"secret": 1})
    logged = wait_until(lambda: make.client("logs").filter_log_events(logGroupName=group)["events"])
    entries = [json.loads(entry["message"]) for entry in logged]
    assert [entry["type"] for entry in entries] == ["FailStateEntered", "ExecutionFailed"]
    assert all(entry["execution_arn"] == run for entry in entries)
    assert entries[0]["details"] == {"name": "First"}
    assert entries[1]["details"] == {"error": "Bad", "cause": "why"}


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
