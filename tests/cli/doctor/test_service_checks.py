"""Quotas of the services that process footage, and CloudFront."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.support.doctor_account import ACCOUNT, StubbedAws, make_checkout, make_context

from impp_cli.doctor import examination, services
from impp_cli.doctor.examination import THERE, Check
from impp_cli.doctor.model import Finding, Verdict

CHECKS = {check.name: check for check in THERE}
PROBES: dict[str, dict[str, Any]] = {
    "Lambda": {"AccountLimit": {"ConcurrentExecutions": 1000, "UnreservedConcurrentExecutions": 1000}},
    "Rekognition": {"CollectionIds": [], "FaceModelVersions": []},
    "Transcribe": {"TranscriptionJobSummaries": []},
    "MediaConvert": {"Queues": []},
}
DEFAULTS = {"Lambda": 1000.0, "Rekognition": 50.0, "Transcribe": 250.0, "MediaConvert": 100.0}
QUOTAS = {quota.name: quota for quota in services.QUOTAS}


def examined(aws: StubbedAws, tmp_path: Path, check: Check, variables: str = "") -> Finding:
    (finding,) = examination.run(check, make_context(aws, make_checkout(tmp_path, variables)))
    aws.assert_all_used()
    return finding


def account_with(name: str, applied: float) -> StubbedAws:
    """An account that has the service, with its own value of the quota."""
    aws, quota = StubbedAws(), QUOTAS[name]
    probe = {"AccountLimit": {"ConcurrentExecutions": int(applied)}} if name == "Lambda" else PROBES[name]
    aws.answer(quota.service, quota.probe, probe)
    asked = {"ServiceCode": quota.service, "QuotaCode": quota.code}
    aws.answer("service-quotas", "get_aws_default_service_quota", {"Quota": {"Value": DEFAULTS[name]}}, **asked)
    if name != "Lambda":  # its own settings say what it enforces
        aws.answer("service-quotas", "get_service_quota", {"Quota": {"Value": applied}}, **asked)
    return aws


@pytest.mark.parametrize("name", QUOTAS)
def test_an_ordinary_quota_is_right(name: str, tmp_path: Path) -> None:
    finding = examined(account_with(name, DEFAULTS[name]), tmp_path, CHECKS[name])
    assert finding.verdict is Verdict.OK and f"{DEFAULTS[name]:,.0f} " in finding.text


@pytest.mark.parametrize("name", QUOTAS)
def test_the_low_quota_of_a_new_account_is_a_hint_with_the_request_to_raise_it(name: str, tmp_path: Path) -> None:
    finding = examined(account_with(name, 2), tmp_path, CHECKS[name])
    assert finding.verdict is Verdict.HINT and finding.text.startswith("2 ")
    assert finding.command == (
        f"aws service-quotas request-service-quota-increase --service-code {QUOTAS[name].service}"
        f" --quota-code {QUOTAS[name].code} --desired-value {DEFAULTS[name]:.0f} --region us-east-1"
    )


def test_where_only_the_default_exists_it_counts(tmp_path: Path) -> None:
    aws = StubbedAws()
    aws.answer("transcribe", "list_transcription_jobs", PROBES["Transcribe"])
    aws.answer("service-quotas", "get_aws_default_service_quota", {"Quota": {"Value": 250.0}})
    aws.refuse("service-quotas", "get_service_quota", "NoSuchResourceException")
    finding = examined(aws, tmp_path, CHECKS["Transcribe"])
    assert (finding.verdict, finding.text) == (Verdict.OK, "250 concurrent jobs")


@pytest.mark.parametrize(
    ("name", "verdict"),
    [
        ("Lambda", Verdict.FAIL),
        ("MediaConvert", Verdict.FAIL),
        ("Rekognition", Verdict.HINT),
        ("Transcribe", Verdict.HINT),
    ],
)
def test_a_service_that_the_account_may_not_use(name: str, verdict: Verdict, tmp_path: Path) -> None:
    """Terraform creates functions and a queue, so without these two it fails; without the others files do."""
    aws, quota = StubbedAws(), QUOTAS[name]
    message = "The AWS Access Key Id needs a subscription for the service"
    aws.refuse(quota.service, quota.probe, "SubscriptionRequiredException", message)
    assert examined(aws, tmp_path, CHECKS[name]).verdict is verdict


def test_a_denied_check_names_the_permission(tmp_path: Path) -> None:
    aws = StubbedAws()
    aws.answer("mediaconvert", "list_queues", PROBES["MediaConvert"])
    aws.refuse(
        "service-quotas", "get_aws_default_service_quota", "AccessDeniedException",
        f"User: arn:aws:iam::{ACCOUNT}:user/me is not authorized to perform: "
        "servicequotas:GetAWSDefaultServiceQuota because no identity-based policy allows the action",
    )  # fmt: skip
    finding = examined(aws, tmp_path, CHECKS["MediaConvert"])
    assert finding.verdict is Verdict.UNKNOWN and "servicequotas:GetAWSDefaultServiceQuota is denied" in finding.text


@pytest.mark.parametrize(
    ("distributions", "variables", "verdict", "line"),
    [
        (1, "", Verdict.OK, None),
        (0, "", Verdict.UNKNOWN, "delivery = { enabled = false }"),
        (0, "delivery = { enabled = true }", Verdict.UNKNOWN, "delivery = { enabled = false }"),
        (0, "delivery = { enabled = false }", Verdict.OFF, None),
    ],
)
def test_cloudfront(distributions: int, variables: str, verdict: Verdict, line: str | None, tmp_path: Path) -> None:
    aws = StubbedAws()
    listed = {"Marker": "", "MaxItems": 1, "IsTruncated": distributions > 1, "Quantity": distributions}
    aws.answer("cloudfront", "list_distributions", {"DistributionList": listed}, MaxItems="1")
    finding = examined(aws, tmp_path, CHECKS["CloudFront"], variables)
    assert (finding.verdict, finding.line) == (verdict, line)
