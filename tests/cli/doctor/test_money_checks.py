"""Cost Explorer, cost tag, anomaly monitor, budget."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.support.doctor_account import ACCOUNT, MONITOR, StubbedAws, make_checkout, make_context

from impp_cli.doctor import examination
from impp_cli.doctor.examination import THERE
from impp_cli.doctor.model import Finding, Verdict

CHECKS = {check.name: check for check in THERE}
ACTIVATE = "aws ce update-cost-allocation-tags-status --cost-allocation-tags-status TagKey=Deployment,Status=Active"


def examined(aws: StubbedAws, tmp_path: Path, check: str, variables: str = "") -> list[Finding]:
    findings = examination.run(CHECKS[check], make_context(aws, make_checkout(tmp_path, variables)))
    aws.assert_all_used()
    return findings


def tags(*statuses: str) -> dict[str, Any]:
    return {"CostAllocationTags": [{"TagKey": "Deployment", "Type": "UserDefined", "Status": one} for one in statuses]}


@pytest.mark.parametrize(
    ("statuses", "variables", "verdict", "advice"),
    [
        (["Active"], "cost_tag_active = true", Verdict.OK, (None, None)),
        (["Active"], "", Verdict.HINT, ("cost_tag_active = true", None)),
        (["Inactive"], "", Verdict.HINT, (None, ACTIVATE)),
        (["Inactive"], "cost_tag_active = true", Verdict.HINT, ("cost_tag_active = false", ACTIVATE)),
        ([], "", Verdict.OFF, (None, None)),
        ([], "cost_tag_active = true", Verdict.HINT, ("cost_tag_active = false", None)),
    ],
)
def test_cost_tag(
    statuses: list[str], variables: str, verdict: Verdict, advice: tuple[str | None, str | None], tmp_path: Path
) -> None:
    aws = StubbedAws()
    aws.answer("ce", "list_cost_allocation_tags", tags(*statuses), TagKeys=["Deployment"])
    explorer, tag = examined(aws, tmp_path, "Cost Explorer", variables)
    assert explorer.verdict is Verdict.OK
    assert (tag.check, tag.verdict, (tag.line, tag.command)) == ("cost tag", verdict, advice)


@pytest.mark.parametrize(
    ("message", "variables", "verdicts"),
    [
        ("User not enabled for cost explorer access", "", [Verdict.HINT, Verdict.OFF]),
        (
            "Failed to list Cost Allocation Tags: Linked account doesn't have access to cost allocation tags.",
            "", [Verdict.OFF, Verdict.UNKNOWN],
        ),
        (
            "Failed to list Cost Allocation Tags: Linked account doesn't have access to cost allocation tags.",
            "cost_tag_active = true", [Verdict.OFF, Verdict.OK],
        ),
        (f"User: arn:aws:iam::{ACCOUNT}:user/me is not authorized to perform: ce:ListCostAllocationTags", "",
         [Verdict.UNKNOWN]),
    ],
)  # fmt: skip
def test_three_reasons_for_one_error_code(
    message: str, variables: str, verdicts: list[Verdict], tmp_path: Path
) -> None:
    aws = StubbedAws()
    aws.refuse("ce", "list_cost_allocation_tags", "AccessDeniedException", message)
    assert [finding.verdict for finding in examined(aws, tmp_path, "Cost Explorer", variables)] == verdicts


def monitor(name: str, arn: str = MONITOR) -> dict[str, str]:
    return {"MonitorArn": arn, "MonitorName": name, "MonitorType": "DIMENSIONAL", "MonitorDimension": "SERVICE"}


CUSTOM = {
    "MonitorArn": MONITOR[:-1] + "9",
    "MonitorName": "linked",
    "MonitorType": "CUSTOM",
    "MonitorSpecification": {},
}
DEFAULT = monitor("Default-Services-Monitor")
USE_IT = f'cost_anomaly = {{ monitor_arn = "{MONITOR}" }}'
CREATE = "cost_anomaly = { create_monitor = true }"


@pytest.mark.parametrize(
    ("monitors", "variables", "verdict", "line"),
    [
        ([CUSTOM], "", Verdict.HINT, CREATE),
        ([CUSTOM, DEFAULT], "", Verdict.HINT, USE_IT),
        ([DEFAULT], USE_IT, Verdict.OK, None),
        ([CUSTOM], USE_IT, Verdict.FAIL, CREATE),
        ([], CREATE, Verdict.OK, None),
        ([monitor("impp-dev-services")], CREATE, Verdict.OK, None),
        ([monitor("impp-prod-services")], CREATE, Verdict.FAIL, USE_IT),
        ([DEFAULT], CREATE.replace(" }", ", threshold_usd = 12.5 }"), Verdict.FAIL,
         USE_IT.replace(" }", ", threshold_usd = 12.5 }")),
    ],
)  # fmt: skip
def test_anomaly_monitor(
    monitors: list[dict[str, Any]], variables: str, verdict: Verdict, line: str | None, tmp_path: Path
) -> None:
    aws = StubbedAws()
    aws.answer("ce", "get_anomaly_monitors", {"AnomalyMonitors": monitors[:1], "NextPageToken": "more"})
    aws.answer("ce", "get_anomaly_monitors", {"AnomalyMonitors": monitors[1:]}, NextPageToken="more")
    (finding,) = examined(aws, tmp_path, "anomaly monitor", variables)
    assert (finding.verdict, finding.line) == (verdict, line)
    assert finding.file == ("terraform/envs/dev.tfvars" if line else None)


def test_no_anomalies_without_cost_explorer(tmp_path: Path) -> None:
    aws = StubbedAws()
    aws.refuse("ce", "get_anomaly_monitors", "AccessDeniedException", "User not enabled for cost explorer access")
    assert [finding.verdict for finding in examined(aws, tmp_path, "anomaly monitor")] == [Verdict.OFF]


@pytest.mark.parametrize(
    ("spent", "verdict", "text", "line"),
    [
        ("3.2", Verdict.OK, "$3.20 of $20.00", None),
        ("20.0", Verdict.HINT, "$20.00 of $20.00", "monthly_budget_usd = 30"),
        ("41.7", Verdict.HINT, "$41.70 of $20.00", "monthly_budget_usd = 63"),
    ],
)
def test_budget(spent: str, verdict: Verdict, text: str, line: str | None, tmp_path: Path) -> None:
    aws = StubbedAws()
    there = {
        "BudgetName": "impp-dev-monthly", "BudgetType": "COST", "TimeUnit": "MONTHLY",
        "BudgetLimit": {"Amount": "20.0", "Unit": "USD"},
        "CalculatedSpend": {"ActualSpend": {"Amount": spent, "Unit": "USD"}},
    }  # fmt: skip
    aws.answer("budgets", "describe_budget", {"Budget": there}, AccountId=ACCOUNT, BudgetName="impp-dev-monthly")
    (finding,) = examined(aws, tmp_path, "budget")
    assert (finding.verdict, finding.line) == (verdict, line) and text in finding.text


def test_a_budget_that_is_still_to_be_created_or_may_not_be_seen(tmp_path: Path) -> None:
    aws = StubbedAws()
    aws.refuse("budgets", "describe_budget", "NotFoundException", "Unable to get budget: impp-dev-monthly")
    aws.refuse("budgets", "describe_budget", "AccessDeniedException", "Account 123456789012 is a linked account.")
    context = make_context(aws, make_checkout(tmp_path))
    (absent,), (denied,) = (examination.run(CHECKS["budget"], context) for _ in range(2))
    assert absent.verdict is Verdict.OK and "creates impp-dev-monthly: $20.00" in absent.text
    assert denied.verdict is Verdict.UNKNOWN and "budgets:ViewBudget is denied" in denied.text
