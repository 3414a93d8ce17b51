"""The services that process footage: whether the account may use them, and how much of each at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from impp_cli.aws import AwsError, Kind
from impp_cli.doctor.model import Context, Finding, Verdict


@dataclass(frozen=True)
class Quota:
    """A service with the quota that limits the pipeline, and a free call that an account without the service is
    refused. `is_deployed`: Terraform creates something in it."""

    name: str
    service: str
    code: str
    unit: str
    probe: str
    parameters: dict[str, Any]
    is_deployed: bool
    applied: Callable[[dict[str, Any]], float | None] = lambda _answer: None


# Codes and names as Service Quotas lists them, recorded in gruntwork-io/terraform-aws-utilities,
# modules/request-quota-increase/variables.tf: "Concurrent executions", "Concurrent jobs per on-demand queue",
# "Transactions per second per account for the Amazon Rekognition Image operation DetectLabels", "Number of concurrent
# batch transcription jobs".
#
# AWS gives new accounts less than its defaults, for example 10 concurrent executions (Lambda developer guide, "Lambda
# quotas": "New AWS accounts have reduced concurrency and memory quotas"), and has refused new accounts a service while
# its quotas looked ordinary (digital-go-jp/genai-web#13: Transcribe, "The AWS Access Key Id needs a subscription for
# the service"). Hence the probes.
QUOTAS: Final = (
    Quota(
        "Lambda", "lambda", "L-B99A9384", "concurrent executions", "get_account_settings", {}, is_deployed=True,
        applied=lambda answer: float(answer["AccountLimit"]["ConcurrentExecutions"]),
    ),
    Quota(
        "Rekognition", "rekognition", "L-E29B542B", "DetectLabels requests per second", "list_collections",
        {"MaxResults": 1}, is_deployed=False,
    ),
    Quota(
        "Transcribe", "transcribe", "L-6F7AB1C9", "concurrent jobs", "list_transcription_jobs",
        {"MaxResults": 1}, is_deployed=False,
    ),
    Quota(
        "MediaConvert", "mediaconvert", "L-1D14865F", "concurrent jobs per queue", "list_queues",
        {"MaxResults": 1}, is_deployed=True,
    ),
)  # fmt: skip


def check(quota: Quota) -> Callable[[Context], Iterator[Finding]]:
    """The check of one service."""
    return lambda context: _service(context, quota)


def _service(context: Context, quota: Quota) -> Iterator[Finding]:
    try:
        answer = context.account.call(quota.service, quota.probe, **quota.parameters)
    except AwsError as error:
        if error.kind is not Kind.NOT_SUBSCRIBED:
            raise
        effect = "the deployment would fail" if quota.is_deployed else "this part of each file would fail"
        yield Finding(
            quota.name, Verdict.FAIL if quota.is_deployed else Verdict.HINT,
            f"this account may not use it ({error.code}): {effect}",
            "New accounts wait up to 24 hours; on the free plan, upgrade the account.",
        )  # fmt: skip
        return
    default = _value(context, "get_aws_default_service_quota", quota)
    applied = quota.applied(answer) or _applied(context, quota) or default
    if default is None or applied is None:
        yield Finding(quota.name, Verdict.OK, "active; Service Quotas does not list its limit")
    elif applied < default:
        yield Finding(
            quota.name, Verdict.HINT,
            f"{applied:,.0f} {quota.unit} (AWS's default: {default:,.0f}): files wait for each other",
            "Request the default:",
            command=f"aws service-quotas request-service-quota-increase --service-code {quota.service}"
            f" --quota-code {quota.code} --desired-value {default:.0f} --region {context.account.region}",
        )  # fmt: skip
    else:
        yield Finding(quota.name, Verdict.OK, f"{applied:,.0f} {quota.unit}")


def _applied(context: Context, quota: Quota) -> float | None:
    """The account's own value; None where only the default exists (botocore's documentation of GetServiceQuota)."""
    return _value(context, "get_service_quota", quota)


def _value(context: Context, operation: str, quota: Quota) -> float | None:
    try:
        answer = context.account.call("service-quotas", operation, ServiceCode=quota.service, QuotaCode=quota.code)
    except AwsError as error:
        if error.kind is Kind.MISSING:
            return None
        raise
    value = answer["Quota"].get("Value")
    return None if value is None else float(value)


def cloudfront(context: Context) -> Iterator[Finding]:
    """Whether AWS lets the account create distributions.

    No operation says so: CreateDistribution answers an unverified account AccessDenied, "Your account must be verified
    before you can add new CloudFront resources" (recorded in hashicorp/terraform-provider-aws#36663). An account that
    has a distribution was allowed to create it.
    """
    delivers = bool(context.collection("delivery", dict).get("enabled", True))
    listed = context.account.call("cloudfront", "list_distributions", MaxItems="1")["DistributionList"]
    if listed.get("Quantity", 0) > 0:
        yield Finding("CloudFront", Verdict.OK, "verified: the account has a distribution")
    elif not delivers:
        yield Finding("CloudFront", Verdict.OFF, "this environment does not use it")
    else:
        yield Finding(
            "CloudFront", Verdict.UNKNOWN,
            "AWS shows only on creation whether it has verified the account for distributions",
            "If it says \"Your account must be verified\", ask AWS Support, and deploy without one until then.",
            "delivery = { enabled = false }", context.file,
        )  # fmt: skip
