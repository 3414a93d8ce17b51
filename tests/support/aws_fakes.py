"""Fakes for the handlers' tests: moto's buckets, table and topic, and Lambda's context."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache

import boto3
import pytest
from moto import mock_aws
from tests.support import moto_threads, moto_urls

from impp_lambdas.adapters import aws
from impp_local.kernel import moto_fields
from impp_local.services import dynamodb

TABLE = "impp-test-catalog"
WORK = "impp-test-work"
INGEST = "impp-test-ingest"

moto_urls.keep()
moto_fields.keep()
dynamodb.process_expressions_quickly()


@dataclass
class FakeContext:
    """Lambda's context, as far as the handlers use it."""

    aws_request_id: str = "request"
    function_name: str = "impp-test-function"
    memory_limit_in_mb: int = 1024
    seconds: float = 120.0

    def get_remaining_time_in_millis(self) -> int:
        return int(self.seconds * 1000)


@contextmanager
def mocked_account(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An account with the pipeline's buckets, catalog and alert topic in moto; yields the topic's ARN."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "IMPP_INGEST_BUCKET": INGEST,
        "IMPP_WORK_BUCKET": WORK,
        "IMPP_CATALOG_TABLE": TABLE,
    }.items():
        monkeypatch.setenv(name, value)
    aws.client.cache_clear()
    moto_threads.take_turns(monkeypatch)
    with mock_aws():
        monkeypatch.setattr(boto3, "DEFAULT_SESSION", _session())
        for bucket in (INGEST, WORK):
            boto3.client("s3").create_bucket(Bucket=bucket)
        boto3.client("dynamodb").create_table(
            TableName=TABLE,
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        topic: str = boto3.client("sns").create_topic(Name="impp-test-alerts")["TopicArn"]
        monkeypatch.setenv("IMPP_ALERT_TOPIC_ARN", topic)
        muted: str = boto3.client("sns").create_topic(Name="impp-test-alerts-muted")["TopicArn"]
        monkeypatch.setenv("IMPP_MUTED_TOPIC_ARN", muted)
        yield topic
    aws.client.cache_clear()


class _Session(boto3.Session):
    """Creates each client once: that takes longer than most calls."""

    client = cache(boto3.Session.client)


@cache
def _session() -> boto3.Session:
    """One session for all accounts of a process: a session reads the models of the services that it uses."""
    return _Session()
