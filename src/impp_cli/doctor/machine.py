"""This machine: Terraform, the environment's variables, the state's bucket."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator

from impp_cli.aws import AwsError, Kind
from impp_cli.checkout import BACKEND_FILE, REGION_FILE, UnreadableFile
from impp_cli.doctor.model import Context, Finding, Unexamined, Verdict


def terraform(context: Context) -> Iterator[Finding]:
    """Which Terraform runs. `make` downloads one where none fits (python -m impp_local terraform)."""
    minimum = context.checkout.minimum_terraform() or (0, 0, 0)
    version = _terraform_version()
    if version is None:
        yield Finding("Terraform", Verdict.OK, "not on PATH; `make` uses its own")
    elif version < minimum:
        yield Finding(
            "Terraform", Verdict.OK, f"{_dotted(version)} is older than {_dotted(minimum)}; `make` uses its own"
        )
    else:
        yield Finding("Terraform", Verdict.OK, _dotted(version))


def _terraform_version() -> tuple[int, int, int] | None:
    """The version of the Terraform on PATH; None without one that runs."""
    binary = shutil.which("terraform")
    if binary is None:
        return None
    try:
        command = [binary, "version", "-json"]
        printed = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout  # noqa: S603
        numbers = re.match(r"(\d+)\.(\d+)\.(\d+)", json.loads(printed)["terraform_version"])
    except (OSError, ValueError, KeyError, TypeError, subprocess.SubprocessError):
        return None
    return (int(numbers[1]), int(numbers[2]), int(numbers[3])) if numbers else None


def _dotted(version: tuple[int, int, int]) -> str:
    return ".".join(map(str, version))


def variables(context: Context) -> Iterator[Finding]:
    """The environment's file: that it names its environment and its budget, which have no default."""
    try:
        named = context.variables.get("environment")
    except Unexamined as error:
        yield Finding("variables", Verdict.FAIL, str(error), "Correct it; `terraform fmt` shows the place.")
        return
    if named != context.environment:
        yield Finding(
            "variables", Verdict.FAIL, f"the file names the environment {named!r}",
            "The file's name must be the environment's.", f'environment = "{context.environment}"', context.file,
        )  # fmt: skip
    elif "monthly_budget_usd" not in context.variables:
        yield Finding(
            "variables", Verdict.FAIL, "no monthly budget, which the root requires",
            "Set one.", "monthly_budget_usd = 20", context.file,
        )  # fmt: skip
    else:
        yield Finding("variables", Verdict.OK, context.file)


def state(context: Context) -> Iterator[Finding]:
    """The bucket of Terraform's state: named, there, readable, in the right region."""
    bootstrap = "make bootstrap"
    if not context.checkout.has(BACKEND_FILE):
        yield Finding(
            "state bucket", Verdict.FAIL, f"{BACKEND_FILE} is missing",
            "Create the bucket for Terraform's state, once per account.", command=bootstrap,
        )  # fmt: skip
        return
    try:
        bucket = context.checkout.read(BACKEND_FILE).get("bucket")
    except UnreadableFile as error:
        yield Finding("state bucket", Verdict.FAIL, str(error), "Rewrite it.", command=bootstrap)
        return
    if not isinstance(bucket, str) or not bucket:
        yield Finding("state bucket", Verdict.FAIL, f"{BACKEND_FILE} names no bucket", "Rewrite it.", command=bootstrap)
        return
    try:
        head = context.account.call("s3", "head_bucket", Bucket=bucket)
    except AwsError as error:
        yield _no_bucket(context, bucket, error)
        return
    # HeadBucket follows the redirect to the bucket's region, Terraform's backend does not.
    where = head.get("BucketRegion", context.account.region)
    if where != context.account.region:
        yield Finding(
            "state bucket", Verdict.FAIL, f"{bucket} is in {where}, {REGION_FILE} says {context.account.region}",
            "A bucket cannot move: use its region, or bootstrap another one.", f'region = "{where}"', REGION_FILE,
        )  # fmt: skip
        return
    yield Finding("state bucket", Verdict.OK, bucket)


def _no_bucket(context: Context, bucket: str, error: AwsError) -> Finding:
    if error.kind is Kind.MISSING:
        text, todo = f"{bucket} does not exist", "Create it, or correct the name in the file."
        return Finding("state bucket", Verdict.FAIL, text, todo, command="make bootstrap")
    if error.kind is not Kind.DENIED:
        raise error
    owner = re.search(r"-(\d{12})$", bucket)
    if owner and context.caller and owner[1] != context.caller.account_id:
        return Finding(
            "state bucket", Verdict.FAIL, f"{bucket} belongs to account {owner[1]}, the credentials to another",
            f"Use credentials of that account, or bootstrap this one and replace {BACKEND_FILE}.",
        )  # fmt: skip
    return Finding(
        "state bucket", Verdict.FAIL, f"{bucket}: access denied", f"Allow {error.action} and the objects in it.",
    )  # fmt: skip
