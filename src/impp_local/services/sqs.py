"""SQS as a target: events, notifications and dead letters go to moto's queues."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from moto.sqs.models import sqs_backends

from impp_local.kernel import targets
from impp_local.kernel.contract import Cloud, Service
from impp_local.kernel.moto import changing


class Sqs(Service):
    """Receives what other services send to a queue; the API is moto's."""

    name = "sqs"

    def start(self) -> None:
        """Queues are targets."""
        targets.register("sqs", receive)


def receive(arn: str, payload: str, target: Mapping[str, Any]) -> None:
    """Put a message on a queue, with the group and the attributes (`{name: (type, value)}`) that the target names."""
    _, _, _, region, account, name = arn.split(":")
    group = (target.get("SqsParameters") or {}).get("MessageGroupId")
    attributes = target.get("MessageAttributes") or {}
    with changing("sqs"):
        sqs_backends[account][region].send_message(
            queue_name=name,
            message_body=payload,
            message_attributes={
                key: {"DataType": kind, "StringValue": value} for key, (kind, value) in attributes.items()
            },
            group_id=group,
        )


def create(cloud: Cloud) -> Service:  # noqa: ARG001  # all state is moto's
    """Called when the cloud starts."""
    return Sqs()
