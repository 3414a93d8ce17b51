"""The gateway answers as AWS does, errors included."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from impp_local.cloud import LocalCloud
from impp_local.kernel.contract import AwsError, Call, Service
from impp_local.kernel.defaults import HOST


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
def test_errors_are_in_the_protocol_of_the_service(
    cloud: LocalCloud, service: str, call: Callable[[Any], Any], code: str, status: int
) -> None:
    client = cloud.client(service)
    with pytest.raises(ClientError) as caught:
        call(client)
    response = caught.value.response
    assert (response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]) == (code, status)
    assert response["Error"]["Message"]


class Odd(Service):
    """A service that responds in every possible way."""

    name = "codestar-notifications"

    def list_targets(self, call: Call) -> dict[str, Any]:
        """Fail, as a bug would, or as AWS would."""
        if call.params.get("MaxResults") == 1:
            raise ZeroDivisionError("a bug")
        raise AwsError("InvalidNextTokenException", "No such token", NextToken=call.params["NextToken"])


def test_a_bug_is_an_internal_failure_and_an_aws_error_keeps_its_code(
    cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    assert cloud._services
    monkeypatch.setitem(cloud._services._services._values, Odd.name, Odd())
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
    with pytest.raises(ClientError) as raised:
        client.list_targets(NextToken="abc")
    assert raised.value.response["Error"]["Code"] == "InvalidNextTokenException"


def test_of_many_concurrent_conditional_puts_one_succeeds(cloud: LocalCloud) -> None:
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


@pytest.mark.slow
def test_many_connections_lose_no_response(cloud: LocalCloud) -> None:
    failed: list[Exception] = []

    def work() -> None:
        import http.client

        scope = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/sqs/aws4_request, SignedHeaders=host, Signature=0"
        headers = {
            "Authorization": scope,
            "X-Amz-Target": "AmazonSQS.ListQueues",
            "Content-Type": "application/x-amz-json-1.0",
        }
        connection = http.client.HTTPConnection(HOST, cloud.port, timeout=60)
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
