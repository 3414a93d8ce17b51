"""Tasks: what functions and services return, how their errors are named, and MediaConvert jobs."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.support.local_cloud import Maker, wait_until
from tests.support.states import CATCH, CAUGHT, INVOKE, caught, machine, task

from impp_local.kernel import events
from impp_local.services.stepfunctions import executions, tasks


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


# --- mediaconvert:createJob.sync --------------------------------------------------------------------------------------


class Jobs:
    """MediaConvert as its client sees it; `end` finishes a job as the service does, with an event."""

    def __init__(self) -> None:
        self.jobs: dict[str, dict[str, Any]] = {}
        self.requests: list[dict[str, Any]] = []
        self.answering = threading.Event()
        self.answering.set()

    def __call__(self, region: str, service: str, credentials: Any) -> Jobs:
        assert service == "mediaconvert"
        return self

    def create_job(self, **arguments: Any) -> dict[str, Any]:
        self.requests.append(arguments)
        if arguments["Settings"].get("refuse"):
            meta = {"HTTPStatusCode": 400, "RequestId": "r", "HTTPHeaders": {}, "RetryAttempts": 0}
            error = {"Code": "BadRequestException", "Message": "no input"}
            raise ClientError({"Error": error, "ResponseMetadata": meta}, "CreateJob")  # type: ignore[typeddict-item]
        job = {"Id": f"job-{len(self.requests)}", "Status": "SUBMITTED", "UserMetadata": {"asset": "a"}}
        self.jobs[job["Id"]] = job
        return {"Job": dict(job), "ResponseMetadata": {}}

    def get_job(self, Id: str) -> dict[str, Any]:
        self.answering.wait(60)
        return {"Job": dict(self.jobs[Id]), "ResponseMetadata": {}}

    def cancel_job(self, Id: str) -> None:
        self.jobs[Id]["Status"] = "CANCELED"

    def end(self, job: str, status: str, **fields: Any) -> None:
        self.jobs[job].update(Status=status, **fields)
        detail = {"jobId": job, "status": status}
        events.publish({"source": "aws.mediaconvert", "detail-type": "MediaConvert Job State Change", "detail": detail})


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
    assert jobs.requests[0]["UserMetadata"] == {"asset": "ab"}
    assert jobs.requests[0]["Tags"] == {"ManagedByService": "AWSStepFunctions"}


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


def test_a_task_that_notices_its_timeout_after_its_execution_has_ended_cancels_its_job(make: Maker, jobs: Jobs) -> None:
    jobs.answering.clear()
    assert caught(make, job_task(TimeoutSeconds=1))["Error"] == "States.Timeout"
    wait_until(lambda: not executions.RUNNING.in_memory())
    jobs.answering.set()
    wait_until(lambda: jobs.jobs["job-1"]["Status"] == "CANCELED")


def test_a_task_that_times_out_or_stops_cancels_its_job(make: Maker, jobs: Jobs) -> None:
    assert caught(make, job_task(TimeoutSeconds=1))["Error"] == "States.Timeout"
    wait_until(lambda: jobs.jobs["job-1"]["Status"] == "CANCELED")
    run = make.start(make.machine(machine(job_task())))
    wait_until(lambda: "job-2" in jobs.jobs)
    make.client("stepfunctions").stop_execution(executionArn=run, error="Enough", cause="by hand")
    ended = make.ended(run)
    assert (ended["status"], ended["error"], ended["cause"]) == ("ABORTED", "Enough", "by hand")
    wait_until(lambda: jobs.jobs["job-2"]["Status"] == "CANCELED")
