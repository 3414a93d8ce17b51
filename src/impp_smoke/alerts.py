"""Hears the alerts of a run: a queue of its own, subscribed to the alert topic beside chat and e-mail."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

from botocore.exceptions import ClientError

from impp_smoke.environment import Environment

QUEUE_PREFIX: Final = "impp-"
WAIT_S: Final = 1


class AlertQueue:
    """The queue of a run. Its name is that of the run's device, so that another process can remove it."""

    def __init__(self, environment: Environment, device: str) -> None:
        self._sqs, self._sns = environment.client("sqs"), environment.client("sns")
        self._topic = str(environment.outputs["alert_topic_arn"])
        self._name = f"{QUEUE_PREFIX}{device}"
        self._arn = f"arn:{self._topic.split(':')[1]}:sqs:{environment.region}:{environment.account}:{self._name}"
        self._url = ""
        self.alerts: list[dict[str, Any]] = []

    def open(self) -> None:
        """Create the queue and subscribe it."""
        # Only SNS may send, and only for this topic (SNS developer guide, "Subscribing an Amazon SQS queue").
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": self._arn,
            "Condition": {"ArnEquals": {"aws:SourceArn": self._topic}},
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        self._url = self._sqs.create_queue(QueueName=self._name, Attributes={"Policy": policy})["QueueUrl"]
        raw = {"RawMessageDelivery": "true"}
        self._sns.subscribe(TopicArn=self._topic, Protocol="sqs", Endpoint=self._arn, Attributes=raw)

    def receive(self, has_all: Callable[[list[dict[str, Any]]], bool], attempts: int) -> list[dict[str, Any]]:
        """Receive until `has_all`, at most `attempts` times; returns all alerts so far."""
        for _ in range(attempts):
            response = self._sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=10, WaitTimeSeconds=WAIT_S)
            for message in response.get("Messages", []):
                self.alerts.append(_parsed(message["Body"]))
                self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
            if has_all(self.alerts):
                break
        return self.alerts

    def close(self) -> None:
        """Remove subscription and queue, also those of an earlier process. Nothing happens where there are none."""
        pages = self._sns.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=self._topic)
        for subscription in [entry for page in pages for entry in page["Subscriptions"]]:
            if subscription["Endpoint"] == self._arn:
                self._sns.unsubscribe(SubscriptionArn=subscription["SubscriptionArn"])
        try:
            url = self._sqs.get_queue_url(QueueName=self._name)["QueueUrl"]
        except ClientError as error:
            if "NonExistentQueue" in error.response["Error"]["Code"] or "QueueDoesNotExist" in str(error):
                return
            raise
        self._sqs.delete_queue(QueueUrl=url)


def _parsed(body: str) -> dict[str, Any]:
    """An alert; empty for a message of another form, as CloudWatch's."""
    try:
        alert = json.loads(body)
    except ValueError:
        return {}
    return alert if isinstance(alert, dict) else {}
