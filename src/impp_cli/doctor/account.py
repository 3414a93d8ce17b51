"""The account: who deploys, and where."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from impp_cli import deployment
from impp_cli.aws import AwsError, Kind
from impp_cli.checkout import BOOTSTRAP_FILE, LOCAL, REGION_FILE
from impp_cli.doctor.model import Caller, Context, Finding, Verdict

BOUNDARY = "boundary"


def identify(context: Context) -> tuple[Caller | None, Finding]:
    """The caller, and what is to be said about the credentials."""
    try:
        caller = Caller(*context.account.identity())
    except AwsError as error:
        return None, _no_aws(context) or _no_identity(context, error)
    return caller, _no_aws(context) or _identified(context, caller)


def _no_aws(context: Context) -> Finding | None:
    """That the endpoint is not AWS's, for an environment on AWS."""
    if not context.account.is_local or context.environment == LOCAL:
        return None
    return Finding(
        "credentials", Verdict.FAIL,
        f"AWS_ENDPOINT_URL points to a local cloud, but environment {context.environment} is on AWS",
        "Terraform follows it too; to reach AWS:", command="unset AWS_ENDPOINT_URL",
    )  # fmt: skip


def _identified(context: Context, caller: Caller) -> Finding:
    if caller.arn.endswith(":root"):
        return Finding(
            "credentials", Verdict.HINT, f"root user of account {caller.account_id}",
            "Deploy as an administrator with temporary credentials, such as a user of IAM Identity Center.",
        )  # fmt: skip
    profile = context.account.profile
    if profile and profile != context.shell.get("AWS_PROFILE"):
        return Finding(
            "credentials", Verdict.HINT, f"{caller.arn}, by the profile {profile} of the environment's settings",
            "Terraform does not read these settings. To deploy to the same account:",
            command=f"export AWS_PROFILE={shlex.quote(profile)}",
        )  # fmt: skip
    return Finding("credentials", Verdict.OK, caller.arn)


def _no_identity(context: Context, error: AwsError) -> Finding:
    if error.kind is Kind.UNREACHABLE and context.account.is_local:
        text, todo = f"the local cloud does not respond: {error.message}", "Start it."
        return Finding("credentials", Verdict.FAIL, text, todo, command="make up")
    if error.kind is Kind.UNREACHABLE:
        text, todo = f"AWS does not respond: {error.message}", "Check network, proxy and AWS_ENDPOINT_URL."
        return Finding("credentials", Verdict.FAIL, text, todo)
    if "xpired" in error.code + error.message:
        text, todo = "expired", "Get new ones, for example:"
        return Finding("credentials", Verdict.FAIL, text, todo, command="aws sso login")
    return Finding(
        "credentials", Verdict.FAIL, error.message.rstrip(".") or error.code,
        "Set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or configure a profile:",
        command="aws configure sso",
    )  # fmt: skip


# Values of RegionOptStatus (Account Management API reference, "Region").
NOT_USABLE = {
    "DISABLED": ("is not enabled in this account", "Enable it, which takes minutes to hours."),
    "DISABLING": ("is being disabled", "Enable it once that is done."),
    "ENABLING": ("is being enabled", "Wait until that is done, minutes to hours."),
}


def region(context: Context) -> Iterator[Finding]:
    """The region of region.tfvars: whether the account has it, and whether `aws` commands use it too."""
    name = context.account.region
    if not context.account.is_local:
        answer = context.account.call("account", "list_regions")
        known = {one["RegionName"]: one["RegionOptStatus"] for one in answer["Regions"]}
        if name not in known:
            text, todo = f"AWS has no region {name}", "Use an existing region."
            yield Finding("region", Verdict.FAIL, text, todo, 'region = "us-east-1"', REGION_FILE)
            return
        if known[name] in NOT_USABLE:
            text, todo = NOT_USABLE[known[name]]
            enable = f"aws account enable-region --region-name {name}" if known[name] == "DISABLED" else None
            yield Finding("region", Verdict.FAIL, f"{name} {text}", todo, command=enable)
            return
    shell = context.account.session_region()
    if shell not in (None, name):
        yield Finding(
            "region", Verdict.HINT, f"{name} by {REGION_FILE}; `aws` commands in this shell use {shell}",
            "The deployment is right. To use the same region in commands:", command=f"export AWS_REGION={name}",
        )  # fmt: skip
        return
    prices = "" if name == "us-east-1" else "; quotes use the prices of us-east-1"
    yield Finding("region", Verdict.OK, name + prices)


def boundary(context: Context) -> Iterator[Finding]:
    """The permissions boundary that every role of the environment has: IAM refuses roles with one that is not there."""
    if context.variables.get("permissions_boundary") in (False, "false"):
        yield Finding(BOUNDARY, Verdict.OFF, "permissions_boundary = false")
        return
    name = deployment.boundary(context.environment)
    caller = context.known_caller()
    try:
        context.account.call(
            "iam", "get_policy", PolicyArn=f"arn:{caller.partition}:iam::{caller.account_id}:policy/{name}"
        )
    except AwsError as error:
        if error.kind is not Kind.MISSING:
            raise
        todo = f"Create it; where {BOOTSTRAP_FILE} lists `environments`, {context.environment} must be one of them."
        yield Finding(BOUNDARY, Verdict.FAIL, f"the policy {name} does not exist", todo, command="make bootstrap")
        return
    yield Finding(BOUNDARY, Verdict.OK, name)
