"""Macie and the identity provider of GitHub: what an account has once."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.support.doctor_account import ACCOUNT, StubbedAws, make_checkout, make_context

from impp_cli.doctor import examination
from impp_cli.doctor.examination import THERE
from impp_cli.doctor.model import Finding, Verdict

CHECKS = {check.name: check for check in THERE}
USES, MANAGES = "macie = { enabled = true }", "macie = { enabled = true, manage_account = true }"


def examined(aws: StubbedAws, tmp_path: Path, check: str, variables: str = "") -> Finding:
    (finding,) = examination.run(CHECKS[check], make_context(aws, make_checkout(tmp_path, variables)))
    aws.assert_all_used()
    return finding


@pytest.mark.parametrize(
    ("status", "variables", "verdict", "line"),
    [
        ("ENABLED", USES, Verdict.OK, None),
        ("ENABLED", MANAGES, Verdict.HINT, USES),
        ("PAUSED", USES, Verdict.HINT, None),
        (None, USES, Verdict.FAIL, "macie = { enabled = false }"),
        (None, MANAGES, Verdict.OK, None),
    ],
)
def test_macie(status: str | None, variables: str, verdict: Verdict, line: str | None, tmp_path: Path) -> None:
    aws = StubbedAws()
    if status:
        times = {"createdAt": datetime(2026, 1, 1, tzinfo=UTC), "updatedAt": datetime(2026, 1, 1, tzinfo=UTC)}
        aws.answer("macie2", "get_macie_session", {"status": status, **times})
    else:
        aws.refuse("macie2", "get_macie_session", "AccessDeniedException", "Macie is not enabled", 403)
    finding = examined(aws, tmp_path, "Macie", variables)
    assert (finding.verdict, finding.line) == (verdict, line)


def test_macie_is_not_asked_without_need_and_a_missing_permission_is_no_disabled_macie(tmp_path: Path) -> None:
    assert examined(StubbedAws(), tmp_path / "1", "Macie").verdict is Verdict.OFF
    aws = StubbedAws()
    message = "User: arn:aws:iam::1:user/me is not authorized to perform: macie2:GetMacieSession"
    aws.refuse("macie2", "get_macie_session", "AccessDeniedException", message, 403)
    finding = examined(aws, tmp_path / "2", "Macie", USES)
    assert (finding.verdict, finding.text) == (Verdict.UNKNOWN, "not checked: macie2:GetMacieSession is denied")


PROVIDER = f"arn:aws:iam::{ACCOUNT}:oidc-provider/token.actions.githubusercontent.com"
OTHER = f"arn:aws:iam::{ACCOUNT}:oidc-provider/oidc.eks.us-east-1.amazonaws.com/id/1"
REPOSITORY = 'github_repository = "owner/name"\n'


@pytest.mark.parametrize(
    ("providers", "tags", "bootstrap", "verdict", "line"),
    [
        ([OTHER], None, REPOSITORY, Verdict.OK, None),
        ([OTHER, PROVIDER], {"Project": "impp"}, REPOSITORY, Verdict.OK, None),
        ([PROVIDER], {"Project": "else"}, REPOSITORY, Verdict.HINT, "create_oidc_provider = false"),
        ([PROVIDER], None, REPOSITORY + "create_oidc_provider = false\n", Verdict.OK, None),
        ([OTHER], None, REPOSITORY + "create_oidc_provider = false\n", Verdict.HINT, "create_oidc_provider = true"),
    ],
)
def test_github(
    providers: list[str],
    tags: dict[str, str] | None,
    bootstrap: str,
    verdict: Verdict,
    line: str | None,
    tmp_path: Path,
) -> None:
    aws, checkout = StubbedAws(), make_checkout(tmp_path)
    (tmp_path / "terraform" / "bootstrap" / "terraform.tfvars").write_text(bootstrap)
    listed = {"OpenIDConnectProviderList": [{"Arn": arn} for arn in providers]}
    aws.answer("iam", "list_open_id_connect_providers", listed)
    if tags is not None:
        provider = {
            "Url": PROVIDER.split("/")[1],
            "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
        }
        aws.answer("iam", "get_open_id_connect_provider", provider, OpenIDConnectProviderArn=PROVIDER)
    (finding,) = examination.run(CHECKS["GitHub"], make_context(aws, checkout))
    assert (finding.verdict, finding.line) == (verdict, line)
    assert finding.file == ("terraform/bootstrap/terraform.tfvars" if line else None)
    aws.assert_all_used()


def test_without_a_repository_github_is_off(tmp_path: Path) -> None:
    assert examined(StubbedAws(), tmp_path, "GitHub").verdict is Verdict.OFF
