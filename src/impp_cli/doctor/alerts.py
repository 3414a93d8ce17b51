"""Alerts: whether anybody gets them."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from impp_cli import deployment
from impp_cli.aws import AwsError, Kind
from impp_cli.doctor.model import Context, Finding, Verdict

NAME = "alerts"


def channels(context: Context) -> Iterator[Finding]:
    """That there is a channel (the root refuses prod without), and that each address has confirmed."""
    addresses = sorted(context.collection("alert_emails", list))
    version = context.number("webhooks_version")
    if any(context.collection("webhooks", dict).values()) and version < 1:
        yield Finding(
            NAME, Verdict.FAIL, "TF_VAR_webhooks is set, but webhooks_version is not",
            "Increment it with each change of the webhooks.", "webhooks_version = 1", context.file,
        )  # fmt: skip
    elif not addresses and version < 1 and context.account.is_local:
        yield Finding(NAME, Verdict.OFF, "no alert_emails, no webhooks")
    elif not addresses and version < 1:
        yield Finding(
            NAME, Verdict.FAIL if context.environment == "prod" else Verdict.HINT, "nobody would receive them",
            "Add addresses, or set webhooks (docs/guide/deploy.md):", 'alert_emails = ["you@example.org"]',
            context.file,
        )  # fmt: skip
    else:
        yield _confirmations(context, addresses)


def _confirmations(context: Context, addresses: list[str]) -> Finding:
    caller, name = context.known_caller(), deployment.alert_topic(context.environment)
    topic = f"arn:{caller.partition}:sns:{context.account.region}:{caller.account_id}:{name}"
    try:
        subscriptions = context.account.call("sns", "list_subscriptions_by_topic", TopicArn=topic)["Subscriptions"]
    except AwsError as error:
        if error.kind is not Kind.MISSING:
            raise
        text = f"{_counted(len(addresses))} to confirm after the deployment" if addresses else "webhooks"
        return Finding(NAME, Verdict.OK, text)
    # Subscriptions that wait have this in place of an ARN (SNS API reference, Subscribe).
    waiting = [one["Endpoint"] for one in subscriptions if one["SubscriptionArn"] == "PendingConfirmation"]
    if not waiting:
        text = f"{_counted(len(addresses))} confirmed" if addresses else "webhooks"
        return Finding(NAME, Verdict.OK, text)
    address = shlex.quote(min(waiting))
    return Finding(
        NAME, Verdict.HINT, f"not confirmed: {', '.join(sorted(waiting))}",
        "Follow the link in AWS's e-mail, which is valid for two days. For another e-mail:",
        command=f"aws sns subscribe --topic-arn {topic} --protocol email --notification-endpoint {address}",
    )  # fmt: skip


def _counted(count: int) -> str:
    return f"{count} address{'' if count == 1 else 'es'}"
