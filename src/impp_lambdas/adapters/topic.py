"""Publishes alerts to SNS."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from impp_lambdas.adapters import aws
from impp_lambdas.core.results import alerts


def publish_alert(topic_arn: str, alert: Mapping[str, Any]) -> None:
    """Publish an alert (see :mod:`impp_lambdas.core.results.alerts`) to the topic, with severity and kind
    as attributes to filter by."""
    aws.client("sns").publish(
        TopicArn=topic_arn,
        Subject=alerts.subject(str(alert["title"])),
        Message=json.dumps(alert, ensure_ascii=False),
        MessageAttributes={
            name: {"DataType": "String", "StringValue": str(alert[name])} for name in ("severity", "kind")
        },
    )
