"""Costs: Cost Explorer, the cost allocation tag, the anomaly monitor, the budget."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from impp_cli import deployment
from impp_cli.aws import AwsError, Kind
from impp_cli.doctor.model import Context, Finding, Verdict

EXPLORER, TAG, MONITOR, BUDGET = "Cost Explorer", "cost tag", "anomaly monitor", "budget"

# Both are AccessDeniedException, whatever the caller's permissions: "User not enabled for cost explorer access"
# (aws/aws-parallelcluster-ui, api/tests/costmonitoring/test_costexplorer_client.py) and "Failed to list Cost Allocation
# Tags: Linked account doesn't have access to cost allocation tags." (hashicorp/terraform-provider-aws#37636).
NOT_ENABLED: Final = "not enabled for cost explorer"
LINKED_ACCOUNT: Final = "Linked account"


def costs(context: Context) -> Iterator[Finding]:
    """Whether Cost Explorer is on, and whether budget and report can count this environment alone.

    One request answers both. GetCostAndUsage would answer the first too, for $0.01.
    """
    try:
        answer = context.account.call("ce", "list_cost_allocation_tags", TagKeys=[deployment.COST_TAG])
    except AwsError as error:
        if NOT_ENABLED in error.message:
            yield _disabled()
            yield Finding(TAG, Verdict.OFF, "needs Cost Explorer")
        elif LINKED_ACCOUNT in error.message:
            yield Finding(EXPLORER, Verdict.OFF, "the organisation's management account decides")
            yield _of_organisation(context)
        else:
            raise
        return
    yield Finding(EXPLORER, Verdict.OK, "enabled")
    status = {tag["TagKey"]: tag["Status"] for tag in answer["CostAllocationTags"]}.get(deployment.COST_TAG)
    yield _tag(context, status)


def _disabled() -> Finding:
    return Finding(
        EXPLORER, Verdict.HINT, "off: no figures in the daily report, no anomaly detection",
        "No command can enable it: open it once in the console, and figures follow within 24 hours.",
        command="https://console.aws.amazon.com/costmanagement/home#/cost-explorer",
    )  # fmt: skip


def _of_organisation(context: Context) -> Finding:
    if context.is_set("cost_tag_active"):
        return Finding(TAG, Verdict.OK, "the organisation's management account decides; cost_tag_active = true")
    return Finding(
        TAG, Verdict.UNKNOWN, "only the organisation's management account sees and activates it",
        f"Have the tag {deployment.COST_TAG} activated there; then budget and report can count only this environment:",
        "cost_tag_active = true", context.file,
    )  # fmt: skip


def _tag(context: Context, status: str | None) -> Finding:
    is_used = context.is_set("cost_tag_active")
    activate = (
        "aws ce update-cost-allocation-tags-status"
        f" --cost-allocation-tags-status TagKey={deployment.COST_TAG},Status=Active"
    )
    if status == "Active":
        if is_used:
            return Finding(TAG, Verdict.OK, f"{deployment.COST_TAG} is active")
        return Finding(
            TAG, Verdict.HINT, f"{deployment.COST_TAG} is active, but budget and report count the whole account",
            "A day after its activation, count only this environment:", "cost_tag_active = true", context.file,
        )  # fmt: skip
    state = "inactive" if status else "unknown to the account"
    if is_used:
        return Finding(
            TAG, Verdict.HINT, f"{deployment.COST_TAG} is {state}: budget and report count nothing",
            f"{'Activate it. ' if status else ''}Until it is active, count the whole account:",
            "cost_tag_active = false", context.file, activate if status else None,
        )  # fmt: skip
    if status is None:
        return Finding(TAG, Verdict.OFF, f"AWS lists {deployment.COST_TAG} up to 24 hours after the first deployment")
    return Finding(
        TAG, Verdict.HINT, f"{deployment.COST_TAG} is inactive: budget and report count the whole account",
        "Activate it, and set cost_tag_active = true a day later:", command=activate,
    )  # fmt: skip


def anomalies(context: Context) -> Iterator[Finding]:
    """The one monitor of dimension SERVICE that AWS allows per account (see modules/finops/anomaly.tf)."""
    settings = context.collection("cost_anomaly", dict)
    try:
        monitors = context.account.call("ce", "get_anomaly_monitors")["AnomalyMonitors"]
    except AwsError as error:
        if NOT_ENABLED not in error.message:
            raise
        yield Finding(MONITOR, Verdict.OFF, "needs Cost Explorer")
        return
    existing = next((one for one in monitors if one.get("MonitorDimension") == "SERVICE"), None)
    used = settings.get("monitor_arn")
    if used is not None:
        if any(one.get("MonitorArn") == used for one in monitors):
            yield Finding(MONITOR, Verdict.OK, used)
        else:
            text = "the account has no monitor of that ARN, so the subscription would fail"
            yield _advice(context, Verdict.FAIL, text, existing)
    elif settings.get("create_monitor"):
        if existing is None or existing["MonitorName"] == deployment.anomaly_monitor(context.environment):
            yield Finding(MONITOR, Verdict.OK, "created by this environment")
        else:
            text = f"the account has {existing['MonitorName']}, and AWS allows one: creating another would fail"
            yield _advice(context, Verdict.FAIL, text, existing)
    else:
        text = "the account has one that this environment does not use" if existing else "the account has none"
        yield _advice(context, Verdict.HINT, text, existing)


def _advice(context: Context, verdict: Verdict, text: str, existing: Mapping[str, Any] | None) -> Finding:
    """What to write, with the threshold that is written already."""
    monitor = f'monitor_arn = "{existing["MonitorArn"]}"' if existing else "create_monitor = true"
    threshold = context.collection("cost_anomaly", dict).get("threshold_usd")
    kept = "" if threshold is None else f", threshold_usd = {threshold}"
    todo = "Get alerts on anomalies, in one environment per account:" if verdict is Verdict.HINT else "Use this:"
    return Finding(MONITOR, verdict, text, todo, f"cost_anomaly = {{ {monitor}{kept} }}", context.file)


def budget(context: Context) -> Iterator[Finding]:
    """The environment's budget, and how much of it is spent."""
    name = deployment.budget(context.environment)
    try:
        answer = context.account.call(
            "budgets", "describe_budget", AccountId=context.known_caller().account_id, BudgetName=name
        )  # fmt: skip
    except AwsError as error:
        if error.kind is not Kind.MISSING:
            raise
        limit = context.number("monthly_budget_usd")
        yield Finding(BUDGET, Verdict.OK, f"the deployment creates {name}: ${limit:,.2f} per month")
        return
    limit = _usd(answer["Budget"].get("BudgetLimit"))
    spent = _usd(answer["Budget"].get("CalculatedSpend", {}).get("ActualSpend"))
    if limit and spent >= limit:
        yield Finding(
            BUDGET, Verdict.HINT,
            f"${spent:,.2f} of ${limit:,.2f} spent this month, by AWS's count",
            "Once the ledger also reaches it, footage is archived but not analysed. To continue, raise it:",
            f"monthly_budget_usd = {spent * 1.5:.0f}", context.file,
        )  # fmt: skip
    else:
        yield Finding(BUDGET, Verdict.OK, f"${spent:,.2f} of ${limit:,.2f} spent this month")


def _usd(amount: Mapping[str, str] | None) -> float:
    return float(amount["Amount"]) if amount else 0.0
