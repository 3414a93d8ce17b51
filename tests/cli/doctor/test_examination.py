"""A whole examination, as it is printed: a new account, an account without permissions, no account."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest
from botocore.exceptions import EndpointConnectionError, NoCredentialsError
from click.testing import CliRunner, Result
from tests.support.doctor_account import ACCOUNT, CALLER, LOCAL, StubbedAws, make_checkout
from tests.support.paths import REPOSITORY

from impp_cli.aws import Account
from impp_cli.cli import main
from impp_cli.commands.doctor import lines
from impp_cli.doctor import examination, services
from impp_cli.doctor.model import Finding, Verdict
from impp_cli.environments import Settings

GUIDE = REPOSITORY / "docs" / "guide" / "deploy.md"
BUCKET = f"impp-terraform-{ACCOUNT}"

Doctor = Callable[..., Result]


@pytest.fixture
def doctor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Doctor:
    """Runs `impp doctor --env dev` in a checkout, against an account; another environment by a second --env."""
    checkout = make_checkout(tmp_path / "checkout")
    (checkout.root / "terraform" / "envs" / "local.tfvars").write_text(
        'environment = "local"\nmonthly_budget_usd = 20\n'
    )
    (checkout.root / "terraform" / "envs" / "backend.hcl").write_text(f'bucket = "{BUCKET}"\n')
    binary = tmp_path / "programs" / "terraform"
    binary.parent.mkdir()
    binary.write_text('#!/bin/sh\necho \'{"terraform_version": "1.11.4"}\'\n')
    binary.chmod(0o755)
    monkeypatch.setattr(examination, "WORKERS", 1)  # a stub gives its answers in order
    environment: dict[str, str | None] = dict.fromkeys(
        ("AWS_ENDPOINT_URL", "AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "IMPP_ENV")
    )
    environment |= {
        "AWS_CONFIG_FILE": str(tmp_path / "none"),
        "COLUMNS": "200",  # whatever terminal the tests run on
        "PATH": str(binary.parent),
        "XDG_CONFIG_HOME": str(tmp_path),
    }

    def run(account: Account, *options: str) -> Result:
        monkeypatch.setattr("impp_cli.aws.Account", lambda _region, _settings: account)
        arguments = ["doctor", "--env", "dev", "--checkout", str(checkout.root), *options]
        return CliRunner(env=environment).invoke(main, arguments)

    return run


def new_account() -> StubbedAws:
    """An account of its first day, after the bootstrap: little of everything, nothing enabled."""
    aws = StubbedAws()
    aws.answer("sts", "get_caller_identity", {"Account": ACCOUNT, "Arn": CALLER.arn, "UserId": "AROA:me"})
    aws.answer(
        "account", "list_regions", {"Regions": [{"RegionName": "us-east-1", "RegionOptStatus": "ENABLED_BY_DEFAULT"}]}
    )
    aws.answer("s3", "head_bucket", {"BucketRegion": "us-east-1"}, Bucket=BUCKET)
    aws.answer("iam", "get_policy", {"Policy": {"PolicyName": "impp-dev-boundary"}})
    answers: list[tuple[dict[str, Any], list[float]]] = [
        ({"AccountLimit": {"ConcurrentExecutions": 10}}, [1000]),
        ({"CollectionIds": []}, [50, 50]),
        ({"TranscriptionJobSummaries": []}, [250, 250]),
        ({"Queues": []}, [100, 100]),
    ]
    for quota, (probe, values) in zip(services.QUOTAS, answers, strict=True):
        aws.answer(quota.service, quota.probe, probe)
        for operation, value in zip(("get_aws_default_service_quota", "get_service_quota"), values, strict=False):
            aws.answer("service-quotas", operation, {"Quota": {"Value": value}})
    none = {"Marker": "", "MaxItems": 1, "IsTruncated": False, "Quantity": 0}
    aws.answer("cloudfront", "list_distributions", {"DistributionList": none})
    for operation in ("list_cost_allocation_tags", "get_anomaly_monitors"):
        aws.refuse("ce", operation, "AccessDeniedException", "User not enabled for cost explorer access")
    aws.refuse("budgets", "describe_budget", "NotFoundException", "Unable to get budget: impp-dev-monthly")
    return aws


def test_a_new_account_reads_as_in_the_guide(doctor: Doctor) -> None:
    aws = new_account()
    result = doctor(aws.account())
    aws.assert_all_used()
    assert result.exit_code == 0
    assert f"```text\n{result.output}```" in GUIDE.read_text(encoding="utf-8"), result.output


def test_json_has_every_finding_and_what_to_do(doctor: Doctor) -> None:
    document = json.loads(doctor(new_account().account(), "--json").output)
    assert (document["environment"], document["region"], document["deployable"]) == ("dev", "us-east-1", True)
    findings = {finding["check"]: finding for finding in document["findings"]}
    assert len(findings) == len(document["findings"]) == 18
    assert findings["Lambda"]["verdict"] == "hint" and findings["Lambda"]["command"].endswith("--region us-east-1")
    assert findings["alerts"]["line"] == 'alert_emails = ["you@example.org"]'
    assert findings["alerts"]["file"] == "terraform/envs/dev.tfvars"


def test_without_permissions_each_is_named_and_nothing_fails(doctor: Doctor) -> None:
    """A role may be allowed to deploy and not to look."""
    aws = StubbedAws()
    aws.answer("sts", "get_caller_identity", {"Account": ACCOUNT, "Arn": CALLER.arn, "UserId": "AROA:me"})
    aws.answer("s3", "head_bucket", {"BucketRegion": "us-east-1"})
    denied = [
        ("account", "list_regions"),
        ("iam", "get_policy"),
        ("cloudfront", "list_distributions"),
        ("budgets", "describe_budget"),
    ]
    denied += [(quota.service, quota.probe) for quota in services.QUOTAS]
    denied += [("ce", "list_cost_allocation_tags"), ("ce", "get_anomaly_monitors")]
    for service, operation in denied:
        aws.refuse(service, operation, "AccessDeniedException", "Access denied", 403)
    result = doctor(aws.account())
    aws.assert_all_used()
    assert result.exit_code == 0
    for action in (
        "account:ListRegions", "iam:GetPolicy", "lambda:GetAccountSettings", "rekognition:ListCollections",
        "mediaconvert:ListQueues", "transcribe:ListTranscriptionJobs", "cloudfront:ListDistributions",
        "ce:ListCostAllocationTags", "ce:GetAnomalyMonitors", "budgets:ViewBudget",
    ):  # fmt: skip
        assert f"{action} is denied" in result.output
    assert result.output.endswith("Ready to deploy, 1 hint, 10 unknown.\n")


@pytest.mark.parametrize(
    "error", [NoCredentialsError(), EndpointConnectionError(endpoint_url="https://sts.us-east-1.amazonaws.com/")]
)
def test_without_an_account_the_rest_is_one_line(error: Exception, doctor: Doctor) -> None:
    asked: list[str] = []

    def client(service: str, _region: str) -> None:
        asked.append(service)
        raise error

    result = doctor(Account("us-east-1", Settings(), client))
    assert result.exit_code == 1 and asked == ["sts"]
    assert "✗ credentials" in result.output and "? 11 checks        not checked without credentials" in result.output
    assert result.output.endswith("1 problem would make the deployment fail, 1 hint, 11 unknown.\n")


def test_one_service_that_does_not_answer_leaves_the_others(doctor: Doctor) -> None:
    aws = new_account()
    there = aws.account()

    def client(service: str, region: str) -> Any:
        if service == "mediaconvert":
            raise EndpointConnectionError(endpoint_url="https://mediaconvert.us-east-1.amazonaws.com/")
        return there._client(service, region)

    result = doctor(Account("us-east-1", Settings(), client))
    assert result.exit_code == 0
    assert "? MediaConvert     not checked: Could not connect" in result.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["doctor"], "Missing option '--env'"),
        (["doctor", "--env", "production"], "environments are dev, local, prod"),
        (["doctor", "--env", "local"], "set AWS_ENDPOINT_URL"),
        (["doctor", "--env", "dev", "--checkout", "/"], "not in a checkout of IMPP"),
    ],
)
def test_usage(arguments: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(REPOSITORY / "docs")
    for name in ("AWS_ENDPOINT_URL", "IMPP_ENV"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 2
    assert message in " ".join(result.output.split())


def test_the_local_cloud_checks_what_it_has(doctor: Doctor) -> None:
    aws = StubbedAws()
    aws.answer("sts", "get_caller_identity", {"Account": ACCOUNT, "Arn": CALLER.arn, "UserId": "AROA:me"})
    aws.refuse("ce", "get_anomaly_monitors", "UnknownOperationException", "GetAnomalyMonitors is not supported by ce")
    aws.refuse("budgets", "describe_budget", "NotFoundException")
    result = doctor(aws.account(settings=LOCAL), "--env", "local")
    aws.assert_all_used()
    assert result.exit_code == 0
    named = " ".join(result.output.split())
    assert " 10 checks not on the local cloud: state bucket, boundary, Lambda, " in named and "anomaly monitor" in named


def test_what_others_have_named_cannot_control_the_terminal() -> None:
    finding = Finding("alerts", Verdict.HINT, "not confirmed: \x1b[2J", line='name = "\x1b]0;x\x07"', file="f")
    printed = "\n".join(click.unstyle(line) for line in lines(finding, 80))
    assert printed.replace("\n", "").isprintable() and printed.count("\N{REPLACEMENT CHARACTER}") == 3
