"""Cost report, once per day by a schedule: Cost Explorer's figures and the catalog's own sum in one alert.

`IMPP_COST_TAG` (`key=value`, an activated cost allocation tag) restricts the bill to tagged resources; without it the
report covers the account. A request to Cost Explorer costs $0.01, so one covers both yesterday and the month.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from botocore.exceptions import ClientError

from impp_lambdas.adapters import aws, cost_explorer, spending, topic
from impp_lambdas.adapters.settings import Settings
from impp_lambdas.core.money import costs


@aws.raises_throttled
def handler(event: dict[str, Any], _context: aws.Context) -> dict[str, Any]:
    settings = Settings.from_env("alert_topic_arn", "catalog_table")
    today = _day(event)
    start, end = costs.period(today)
    bill, problem = None, ""
    try:
        bill = costs.sum_bill(cost_explorer.daily_costs(start, end, settings.cost_tag), today)
    except ClientError as error:
        problem = aws.code(error)
        aws.logger.warning("no figures from Cost Explorer", extra={"error": problem})
        if problem != "DataUnavailableException":  # a new account has no figures for a day; other errors are ours
            problem += " (see the function's log)"
    ledger_usd = spending.of_month(settings.catalog_table, f"{start:%Y-%m}")
    alert = costs.report(today, bill, ledger_usd, settings.monthly_budget_usd, problem)
    topic.publish_alert(settings.alert_topic_arn, alert)
    return {"published": alert["title"], "severity": alert["severity"]}


def _day(event: dict[str, Any]) -> date:
    """The day of the schedule's event, so that a late retry reports the day it was meant for; today otherwise."""
    try:
        return datetime.fromisoformat(event["time"]).astimezone(UTC).date()
    except (KeyError, TypeError, ValueError):
        return datetime.now(UTC).date()
