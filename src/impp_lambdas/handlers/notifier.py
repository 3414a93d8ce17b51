"""Notifier: alerts from SNS to the chat channels whose webhooks are in the secret.

Every channel is tried. If one fails for good, the invocation fails, so that Lambda retries it and undeliverable alerts
end in the dead-letter queue. A retry repeats the message in the channels that already have it: better twice than never.
"""

from __future__ import annotations

import json
import logging
from typing import Any

from botocore.exceptions import ClientError

from impp_lambdas.adapters import aws, webhooks
from impp_lambdas.adapters.settings import Settings
from impp_lambdas.core.results.channels import CHANNELS
from impp_lambdas.core.results.sns_messages import alert_of

for library in ("urllib3", "botocore"):  # at DEBUG they log paths and responses, which contain the secrets
    logging.getLogger(library).setLevel(logging.INFO)

RESERVE_S = 2.0
"""Seconds of the function's timeout that are kept for returning the result."""


@aws.raises_throttled
def handler(event: dict[str, Any], context: aws.Context) -> dict[str, Any]:
    hooks = webhooks.parse_secret(_secret(Settings.from_env("webhook_secret_arn").webhook_secret_arn), CHANNELS)
    alerts = [alert_of(r["Sns"]["Message"], r["Sns"].get("Subject")) for r in event["Records"]]
    failed: list[str] = []
    for alert in alerts:
        for hook in hooks:
            try:
                webhooks.post(hook, CHANNELS[hook.channel].render(alert), lambda: aws.seconds_left(context, RESERVE_S))
            except webhooks.DeliveryError as error:
                aws.logger.error("alert not delivered", extra={"channel": repr(hook), "reason": str(error)})
                failed.append(str(error))
    if failed:
        raise webhooks.DeliveryError("; ".join(failed))
    delivered = len(alerts) * len(hooks)
    aws.logger.info("alerts delivered", extra={"alerts": len(alerts), "channels": len(hooks)})
    return {"delivered": delivered}


def _secret(arn: str) -> dict[str, Any]:
    """Read the secret's JSON. A secret without a value configures no channel."""
    try:
        text = aws.client("secretsmanager").get_secret_value(SecretId=arn)["SecretString"]
    except ClientError as error:
        if aws.code(error) == "ResourceNotFoundException":
            aws.logger.warning("the webhook secret has no value: no alert is sent")
            return {}
        raise
    try:
        document = json.loads(text)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise webhooks.DeliveryError("the webhook secret is not a JSON object")
    return document
