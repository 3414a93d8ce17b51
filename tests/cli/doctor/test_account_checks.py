"""Credentials and region."""

from __future__ import annotations

from pathlib import Path

import pytest
from botocore.exceptions import EndpointConnectionError, NoCredentialsError, UnauthorizedSSOTokenError
from tests.support.doctor_account import ACCOUNT, LOCAL, StubbedAws, make_checkout, make_context

from impp_cli.aws import Account
from impp_cli.doctor import account
from impp_cli.doctor.model import Finding, Verdict
from impp_cli.environments import Settings


def identified(aws: StubbedAws, checkout_folder: Path) -> Finding:
    return account.identify(make_context(aws, make_checkout(checkout_folder), caller=None))[1]


@pytest.mark.parametrize(
    ("arn", "verdict"),
    [
        (f"arn:aws:sts::{ACCOUNT}:assumed-role/Administrator/me", Verdict.OK),
        (f"arn:aws:iam::{ACCOUNT}:root", Verdict.HINT),
    ],
)
def test_who_deploys_is_named(arn: str, verdict: Verdict, tmp_path: Path) -> None:
    aws = StubbedAws()
    aws.answer("sts", "get_caller_identity", {"Account": ACCOUNT, "Arn": arn, "UserId": "AIDA"})
    finding = identified(aws, tmp_path)
    assert finding.verdict is verdict and ACCOUNT in finding.text


def test_a_profile_that_terraform_does_not_see_is_a_hint(tmp_path: Path) -> None:
    aws, checkout = StubbedAws(), make_checkout(tmp_path)
    there = aws.account(settings=Settings(profile="dash cam"))
    findings = []
    for shell in ({}, {"AWS_PROFILE": "dash cam"}):
        arn = f"arn:aws:iam::{ACCOUNT}:user/me"
        aws.answer("sts", "get_caller_identity", {"Account": ACCOUNT, "Arn": arn, "UserId": "AIDA"})
        findings.append(account.identify(make_context(aws, checkout, account=there, shell=shell))[1])
    assert [one.verdict for one in findings] == [Verdict.HINT, Verdict.OK]
    assert findings[0].command == "export AWS_PROFILE='dash cam'"


@pytest.mark.parametrize(("environment", "verdict"), [("local", Verdict.OK), ("dev", Verdict.FAIL)])
def test_only_the_environment_local_is_on_a_local_cloud(environment: str, verdict: Verdict, tmp_path: Path) -> None:
    aws = StubbedAws()
    arn = f"arn:aws:sts::{ACCOUNT}:user/moto"
    aws.answer("sts", "get_caller_identity", {"Account": ACCOUNT, "Arn": arn, "UserId": "AIDA"})
    context = make_context(aws, make_checkout(tmp_path), account=aws.account(settings=LOCAL), environment=environment)
    finding = account.identify(context)[1]
    assert (finding.verdict, finding.command) == (verdict, None if verdict is Verdict.OK else "unset AWS_ENDPOINT_URL")


def test_expired_and_invalid_credentials_fail(tmp_path: Path) -> None:
    aws = StubbedAws()
    # Messages as STS gives them.
    aws.refuse(
        "sts", "get_caller_identity", "ExpiredToken", "The security token included in the request is expired", 403
    )
    aws.refuse(
        "sts",
        "get_caller_identity",
        "InvalidClientTokenId",
        "The security token included in the request is invalid",
        403,
    )
    expired, invalid = identified(aws, tmp_path / "1"), identified(aws, tmp_path / "2")
    assert (expired.verdict, expired.command) == (Verdict.FAIL, "aws sso login") and "expired" in expired.text
    assert invalid.verdict is Verdict.FAIL and "invalid" in invalid.text and invalid.command == "aws configure sso"


@pytest.mark.parametrize(
    ("error", "settings", "command"),
    [
        (NoCredentialsError(), Settings(), "aws configure sso"),
        (UnauthorizedSSOTokenError(), Settings(), "aws sso login"),
        (EndpointConnectionError(endpoint_url="https://sts.us-east-1.amazonaws.com/"), Settings(), None),
        (EndpointConnectionError(endpoint_url="http://127.0.0.1:1"), LOCAL, "make up"),
    ],
)
def test_without_an_answer_the_credentials_fail(
    error: Exception, settings: Settings, command: str | None, tmp_path: Path
) -> None:
    def client(_service: str, _region: str) -> None:
        raise error

    environment = "local" if settings == LOCAL else "dev"
    context = make_context(
        StubbedAws(),
        make_checkout(tmp_path),
        account=Account("us-east-1", settings, client),
        caller=None,
        environment=environment,
    )
    caller, finding = account.identify(context)
    assert caller is None
    assert (finding.verdict, finding.command) == (Verdict.FAIL, command)


REGIONS = {
    "Regions": [
        {"RegionName": "us-east-1", "RegionOptStatus": "ENABLED_BY_DEFAULT"},
        {"RegionName": "eu-south-1", "RegionOptStatus": "DISABLED"},
        {"RegionName": "eu-central-2", "RegionOptStatus": "ENABLING"},
        {"RegionName": "eu-central-1", "RegionOptStatus": "ENABLED_BY_DEFAULT"},
    ]
}


@pytest.mark.parametrize(
    ("region", "shell", "verdict", "advice"),
    [
        ("us-east-1", None, Verdict.OK, None),
        ("us-east-1", "us-east-1", Verdict.OK, None),
        ("us-east-1", "eu-west-1", Verdict.HINT, "export AWS_REGION=us-east-1"),
        ("eu-central-1", None, Verdict.OK, None),
        ("eu-south-1", None, Verdict.FAIL, "aws account enable-region --region-name eu-south-1"),
        ("eu-central-2", None, Verdict.FAIL, None),
        ("us-esat-1", None, Verdict.FAIL, 'region = "us-east-1"'),
    ],
)
def test_region(
    region: str,
    shell: str | None,
    verdict: Verdict,
    advice: str | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.delenv("AWS_REGION", raising=False)
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    if shell:
        monkeypatch.setenv("AWS_DEFAULT_REGION", shell)
    aws = StubbedAws()
    first, second = REGIONS["Regions"][:2], REGIONS["Regions"][2:]
    aws.answer("account", "list_regions", {"Regions": first, "NextToken": "more"})
    aws.answer("account", "list_regions", {"Regions": second}, NextToken="more")
    (finding,) = account.region(make_context(aws, make_checkout(tmp_path / "checkout", region=region)))
    assert (finding.verdict, finding.command or finding.line) == (verdict, advice)
    assert region in finding.text
    aws.assert_all_used()


POLICY = f"arn:aws:iam::{ACCOUNT}:policy/impp-dev-boundary"


def test_the_boundary_that_every_role_needs_must_be_there(tmp_path: Path) -> None:
    aws = StubbedAws()
    aws.answer("iam", "get_policy", {"Policy": {"PolicyName": "impp-dev-boundary"}}, PolicyArn=POLICY)
    aws.refuse("iam", "get_policy", "NoSuchEntity", f"Policy {POLICY} was not found.", 404)
    context = make_context(aws, make_checkout(tmp_path / "1"))
    (there,), (missing,) = account.boundary(context), account.boundary(context)
    assert there.verdict is Verdict.OK
    assert (missing.verdict, missing.command) == (Verdict.FAIL, "make bootstrap")
    (off,) = account.boundary(make_context(aws, make_checkout(tmp_path / "2", "permissions_boundary = false")))
    assert off.verdict is Verdict.OFF
    aws.assert_all_used()
