"""What services do with a role that was passed to them, for a caller, or in their own name."""

from __future__ import annotations

import re

from impp_local.iam import enforcement, key_needs
from impp_local.iam.need import Need
from impp_local.iam.policies import Caller
from impp_local.iam.s3_needs import object_arn
from impp_local.kernel.contract import AwsError
from impp_local.kernel.dispatch import Undeliverable

EVENTS = "events.amazonaws.com"
SCHEDULER = "scheduler.amazonaws.com"
SNS = "sns.amazonaws.com"


def require_read(caller: Caller, bucket: str, key: str) -> None:
    """Raise AwsError unless the caller may read an object."""
    if enforcement.is_on():
        read = Need("s3:GetObject", object_arn(bucket, key))
        enforcement.require(caller, "s3", [read, *key_needs.of_object(bucket, key, key_needs.READ)])


def require_write(caller: Caller, bucket: str, key: str) -> None:
    """Raise AwsError unless the caller may write an object."""
    if enforcement.is_on():
        write = Need("s3:PutObject", object_arn(bucket, key), {"s3:objectcreationoperation": "true"})
        enforcement.require(caller, "s3", [write, *key_needs.of_object(bucket, key, key_needs.WRITE)])


def require_origin_read(distribution_arn: str, bucket: str, key: str) -> None:
    """Raise AwsError unless a distribution may read an object through its origin access control.

    https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-restricting-access-to-s3.html
    """
    if enforcement.is_on():
        source = {"aws:sourcearn": distribution_arn}
        decrypt = (_with(need, source) for need in key_needs.of_object(bucket, key, key_needs.READ))
        read = Need("s3:GetObject", object_arn(bucket, key), source)
        enforcement.require_of_service("cloudfront.amazonaws.com", "s3", [read, *decrypt])


def require_origin_invoke(distribution_arn: str, function_arn: str) -> None:
    """Raise AwsError unless a distribution may call a function URL through its origin access control.

    Since October 2025 new function URLs need both actions (Lambda developer guide, "Control access to Lambda function
    URLs").
    """
    if enforcement.is_on():
        arn = re.sub(r":\d+$|:\$LATEST$", "", function_arn)
        source = {"aws:sourcearn": distribution_arn, "lambda:functionurlauthtype": "AWS_IAM"}
        both = [Need(f"lambda:{action}", arn, source) for action in ("InvokeFunctionUrl", "InvokeFunction")]
        enforcement.require_of_service("cloudfront.amazonaws.com", "lambda", both)


def deliver(target_arn: str, *, role: Caller | None = None, service: str = "", source_arn: str = "") -> None:
    """Raise Undeliverable unless a target may be sent to: by a role, else by a service's own principal.

    EventBridge names its rule to queues and functions, and nothing to SNS and KMS (SNS developer guide, "Configuring
    AWS KMS permissions"). SNS names its topic to all of them.
    """
    if not enforcement.is_on():
        return
    needed, of_key = _needs_to_send(target_arn)
    try:
        if role is not None:
            enforcement.require(role, "", [*needed, *of_key])
            return
        source = {"aws:sourcearn": source_arn}
        is_silent = service == EVENTS
        own = [need if is_silent and need.action == "sns:Publish" else _with(need, source) for need in needed]
        keys = [need if is_silent else _with(need, source) for need in of_key]
        enforcement.require_of_service(service, "", [*own, *keys])
    except AwsError as error:
        raise Undeliverable("NO_PERMISSIONS", error.message, retry=False) from error


def _needs_to_send(arn: str) -> tuple[list[Need], list[Need]]:
    """What sending to a target needs: of the target, and of the key that it is encrypted with."""
    _, _, service, region, _, name = arn.split(":", 5)
    match service:
        case "sqs":
            return [Need("sqs:SendMessage", arn)], key_needs.of_queue(name, key_needs.BOTH, region=region)
        case "sns":
            return [Need("sns:Publish", arn)], key_needs.of_topic(arn)
        case "lambda":
            return [Need("lambda:InvokeFunction", arn)], []
        case "states":
            return [Need("states:StartExecution", arn)], key_needs.of_machine(arn, key_needs.BOTH)
        case "events":
            return [Need("events:PutEvents", arn)], []
    return [], []


def _with(need: Need, context: dict[str, str]) -> Need:
    return Need(need.action, need.resource, {**need.context, **context})
