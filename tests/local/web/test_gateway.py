"""The gateway answers as AWS does, also when it has nothing to answer with; the cloud starts and stops cleanly."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from tests.support.paths import REPOSITORY

from impp_local.cloud import LocalCloud, PortTaken
from impp_local.kernel.contract import AwsError, Call, Service
from impp_local.kernel.defaults import HOST

SOURCE = REPOSITORY / "src"


@pytest.mark.parametrize(
    ("service", "call", "code", "status"),
    [
        ("mturk", lambda c: c.list_hits(), "UnknownOperationException", 400),
        ("iam", lambda c: c.get_context_keys_for_custom_policy(PolicyInputList=["{}"]), "InvalidAction", 400),
        ("macie2", lambda c: c.list_allow_lists(), "UnknownOperationException", 404),
        ("cloudfront", lambda c: c.list_trust_stores(), "NotImplemented", 501),
        ("s3", lambda c: c.get_bucket_request_payment(Bucket="b-1"), "NotImplemented", 501),
        ("logs", lambda c: c.delete_query_definition(queryDefinitionId="x"), "ResourceNotFoundException", 400),
        ("macie2", lambda c: c.describe_classification_job(jobId="x"), "ResourceNotFoundException", 404),
        ("dynamodb", lambda c: c.get_item(TableName="none", Key={"pk": {"S": "1"}}), "ResourceNotFoundException", 400),
    ],
)
def test_errors_come_in_the_protocol_of_the_service(
    cloud: LocalCloud, service: str, call: Callable[[Any], Any], code: str, status: int
) -> None:
    client = cloud.client(service)
    with pytest.raises(ClientError) as caught:
        call(client)
    response = caught.value.response
    assert (response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]) == (code, status)
    assert response["Error"]["Message"]


class Odd(Service):
    """Answers in every way a service can."""

    name = "codestar-notifications"

    def list_targets(self, call: Call) -> dict[str, Any]:
        """Fail, as a bug would, or as AWS would."""
        if call.params.get("MaxResults") == 1:
            raise ZeroDivisionError("a bug")
        raise AwsError("InvalidNextTokenException", "No such token", NextToken=call.params["NextToken"])


def test_a_bug_is_an_internal_failure_and_a_raised_error_what_it_says(
    cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    assert cloud._services
    monkeypatch.setitem(cloud._services._services._made, Odd.name, Odd())
    client = boto3.client(
        "codestar-notifications",
        endpoint_url=cloud.endpoint,
        region_name="us-east-1",
        aws_access_key_id="x",
        aws_secret_access_key="y",
        config=boto3.session.Config(retries={"total_max_attempts": 1}),
    )
    with pytest.raises(ClientError) as bug:
        client.list_targets(MaxResults=1)
    assert bug.value.response["Error"]["Code"] == "InternalFailure"
    assert "ZeroDivisionError" in caplog.text
    with pytest.raises(ClientError) as told:
        client.list_targets(NextToken="abc")
    assert told.value.response["Error"]["Code"] == "InvalidNextTokenException"


def test_a_condition_holds_for_one_of_many_at_once(cloud: LocalCloud) -> None:
    dynamodb = cloud.client("dynamodb")
    dynamodb.create_table(
        TableName="claims",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )

    def claim(number: int) -> bool:
        try:
            dynamodb.put_item(
                TableName="claims",
                Item={"pk": {"S": "CLAIM"}, "by": {"N": str(number)}},
                ConditionExpression="attribute_not_exists(pk)",
            )
        except dynamodb.exceptions.ConditionalCheckFailedException:
            return False
        return True

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(claim, range(64))) == 1


def test_many_connections_lose_no_answer(cloud: LocalCloud) -> None:
    failed: list[Exception] = []

    def work() -> None:
        import http.client

        scope = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/sqs/aws4_request, SignedHeaders=host, Signature=0"
        headers = {
            "Authorization": scope,
            "X-Amz-Target": "AmazonSQS.ListQueues",
            "Content-Type": "application/x-amz-json-1.0",
        }
        connection = http.client.HTTPConnection(HOST, cloud.port, timeout=30)
        try:
            for _ in range(20):
                connection.request("POST", "/", b"{}", headers)
                answer = connection.getresponse()
                if answer.status != 200 or json.loads(answer.read()) != {}:
                    raise AssertionError(answer.status)
        except Exception as error:
            failed.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []


def test_composite_alarms_and_saved_queries_are_kept(cloud: LocalCloud) -> None:
    cloudwatch, logs = cloud.client("cloudwatch"), cloud.client("logs")
    cloudwatch.put_metric_alarm(
        AlarmName="part",
        Namespace="n",
        MetricName="m",
        ComparisonOperator="GreaterThanThreshold",
        EvaluationPeriods=1,
        Period=60,
        Statistic="Sum",
        Threshold=0,
    )
    cloudwatch.put_composite_alarm(
        AlarmName="whole", AlarmRule='ALARM("part")', AlarmActions=["arn:aws:sns:us-east-1:1:t"]
    )
    (whole,) = cloudwatch.describe_alarms(AlarmNames=["whole"], AlarmTypes=["CompositeAlarm"])["CompositeAlarms"]
    assert (whole["AlarmRule"], whole["AlarmActions"]) == ('ALARM("part")', ["arn:aws:sns:us-east-1:1:t"])
    with pytest.raises(ClientError, match="Could not find alarm none"):
        cloudwatch.put_composite_alarm(AlarmName="bad", AlarmRule="OK(none)")
    made = logs.put_query_definition(name="slow", queryString="fields @message", logGroupNames=["/aws/lambda/a"])
    (saved,) = logs.describe_query_definitions(queryDefinitionNamePrefix="sl")["queryDefinitions"]
    assert (saved["queryDefinitionId"], saved["queryString"]) == (made["queryDefinitionId"], "fields @message")


@pytest.mark.parametrize(
    ("machine", "codes"),
    [
        ({"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}, []),
        ({"StartAt": "B", "States": {"A": {"Type": "Succeed"}}}, ["MISSING_TRANSITION_TARGET", "UNREACHABLE_STATE"]),
        ({"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "C"}}}, ["MISSING_TRANSITION_TARGET"]),
        ({"StartAt": "A", "States": {"A": {"Type": "Pass"}}}, ["SCHEMA_VALIDATION_FAILED"]),
        ({"StartAt": "A", "States": {"A": {"Type": "Tsak", "End": True}}}, ["SCHEMA_VALIDATION_FAILED"]),
        ("{", ["INVALID_JSON_DESCRIPTION"]),
    ],
)
def test_state_machines_are_validated(cloud: LocalCloud, machine: Any, codes: list[str]) -> None:
    definition = machine if isinstance(machine, str) else json.dumps(machine)
    told = cloud.client("stepfunctions").validate_state_machine_definition(definition=definition)
    assert [finding["code"] for finding in told["diagnostics"]] == codes
    assert told["result"] == ("FAIL" if codes else "OK")


def test_cost_explorer_tells_the_local_bill(cloud: LocalCloud) -> None:
    from datetime import UTC, datetime, timedelta

    cloud.client("s3").create_bucket(Bucket="costs")
    cloud.client("s3").put_object(Bucket="costs", Key="k", Body=b"1")
    today = datetime.now(UTC).date()
    told = cloud.client("ce").get_cost_and_usage(
        TimePeriod={"Start": str(today - timedelta(days=1)), "End": str(today + timedelta(days=1))},
        Granularity="DAILY",
        Metrics=["UnblendedCost"],
        GroupBy=[{"Type": "DIMENSION", "Key": "SERVICE"}],
    )["ResultsByTime"]
    assert [len(day["Groups"]) > 0 for day in told] == [False, True]
    with urllib.request.urlopen(f"{cloud.endpoint}/_impp/bill") as answer:
        lines = json.load(answer)["lines"]
    billed = sum(line["usd"] for line in lines if line["service"] == "s3")
    (group,) = (g for g in told[1]["Groups"] if g["Keys"] == ["Amazon Simple Storage Service"])
    assert float(group["Metrics"]["UnblendedCost"]["Amount"]) == pytest.approx(billed, abs=1e-9)


def test_a_budget_keeps_its_subscribers(cloud: LocalCloud) -> None:
    budgets = cloud.client("budgets")
    notification = {"NotificationType": "ACTUAL", "ComparisonOperator": "GREATER_THAN", "Threshold": 80.0}
    subscriber = {"SubscriptionType": "SNS", "Address": "arn:aws:sns:us-east-1:123456789012:alerts"}
    account = {"AccountId": "123456789012"}
    budgets.create_budget(
        **account,
        Budget={
            "BudgetName": "monthly",
            "BudgetLimit": {"Amount": "50", "Unit": "USD"},
            "TimeUnit": "MONTHLY",
            "BudgetType": "COST",
        },
        NotificationsWithSubscribers=[{"Notification": notification, "Subscribers": [subscriber]}],
    )
    named = {**account, "BudgetName": "monthly"}
    (kept,) = budgets.describe_notifications_for_budget(**named)["Notifications"]
    assert kept["ThresholdType"] == "PERCENTAGE"
    told = budgets.describe_subscribers_for_notification(**named, Notification=notification)
    assert told["Subscribers"] == [subscriber]
    assert budgets.describe_budget(**named)["Budget"]["BudgetLimit"]["Amount"] in ("50", "50.0")
    budgets.delete_budget(**named)
    with pytest.raises(budgets.exceptions.NotFoundException):
        budgets.describe_budget(**named)


# The process.


@contextlib.contextmanager
def command(*arguments: str, cwd: Path) -> Iterator[subprocess.Popen[str]]:
    env = os.environ | {"PYTHONPATH": str(SOURCE)}
    with subprocess.Popen(
        [sys.executable, "-m", "impp_local", *arguments],
        cwd=cwd,
        env=env,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def test_up_tells_its_endpoint_and_down_ends_it(tmp_path: Path) -> None:
    with command("up", "--port", "0", "--state", "state", cwd=tmp_path) as up:
        assert up.stdout
        endpoint = up.stdout.readline().strip()
        with urllib.request.urlopen(f"{endpoint}/_impp/health") as answer:
            health = json.load(answer)
        assert (health["status"], health["pid"]) == ("ready", up.pid)
        with command("down", "--state", "state", cwd=tmp_path) as down:
            said, _ = down.communicate(timeout=60)
            assert (down.returncode, said.strip()) == (0, f"Stopped {endpoint}.")
        assert up.wait(timeout=20) == 0
    assert not (tmp_path / "state" / "cloud.json").exists()
    with command("down", "--state", "state", cwd=tmp_path) as down:
        assert "No local cloud runs" in down.communicate(timeout=60)[0]


def test_a_taken_port_is_told_in_a_sentence(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind((HOST, 0))
        other.listen()
        port = other.getsockname()[1]
        with command("up", "--port", str(port), "--state", "state", cwd=tmp_path) as up:
            _, said = up.communicate(timeout=60)
            assert up.returncode == 1
            assert f"Port {port} is taken" in said and "--port" in said
            assert "Traceback" not in said


def test_sigterm_ends_it_cleanly_while_requests_wait(tmp_path: Path) -> None:
    with command("up", "--port", "0", "--state", "state", cwd=tmp_path) as up:
        assert up.stdout
        endpoint = up.stdout.readline().strip()
        urllib.request.urlopen(f"{endpoint}/_impp/health").read()
        asked = time.monotonic()
        up.send_signal(signal.SIGTERM)
        assert up.wait(timeout=20) == 0
        assert time.monotonic() - asked < 15


def test_a_process_holds_one_cloud(cloud: LocalCloud, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="already runs"):
        LocalCloud(0, tmp_path).start()
    assert issubclass(PortTaken, OSError)
