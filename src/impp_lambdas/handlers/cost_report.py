"""Cost report, by schedule once a day: Cost Explorer's figures and the catalog's own sum, as one alert.

``IMPP_COST_TAG`` (``key=value``, an activated cost allocation tag) narrows the bill to what bears it; else it is the
account's. One Cost Explorer request costs $0.01, so there is one, of daily figures, for yesterday and the month.
"""

from __future__ import annotations

import os
from datetime import UTC, date, datetime
from typing import Any

from botocore.exceptions import ClientError

from impp_lambdas.adapters import aws, topic
from impp_lambdas.core import keys
from impp_lambdas.core.money import costs


def handler(event: dict[str, Any], context: aws.Context) -> dict[str, Any]:  # noqa: ARG001  # Lambda's signature
    settings = aws.Settings.from_env("alert_topic_arn", "catalog_table")
    today = _day(event)
    bill, problem = None, ""
    try:
        bill = costs.billed(_results(today), today)
    except ClientError as error:
        problem = aws.code(error)
        aws.logger.warning("no figures from Cost Explorer", extra={"error": problem})
        if problem != "DataUnavailableException":  # a young account has none for a day; all else is ours to mend
            problem += " (see the function's log)"
    month = costs.period(today)[0].strftime("%Y-%m")
    spend = aws.get_item(settings.catalog_table, keys.catalog_spend(month)) or {}
    alert = costs.report(today, bill, float(spend.get("usd", 0)), settings.monthly_budget_usd, problem)
    topic.publish_alert(settings.alert_topic_arn, alert)
    return {"published": alert["title"], "severity": alert["severity"]}


def _day(event: dict[str, Any]) -> date:
    """The day of the schedule's event, so that a late retry reports what it was asked for; today for any other."""
    try:
        return datetime.fromisoformat(event["time"]).astimezone(UTC).date()
    except (KeyError, TypeError, ValueError):
        return datetime.now(UTC).date()


def _results(today: date) -> list[dict[str, Any]]:
    start, end = costs.period(today)
    request: dict[str, Any] = {
        "TimePeriod": {"Start": start.isoformat(), "End": end.isoformat()},
        "Granularity": "DAILY",
        "Metrics": ["UnblendedCost"],
        "GroupBy": [{"Type": "DIMENSION", "Key": "SERVICE"}],
    }
    if tag := os.environ.get("IMPP_COST_TAG"):
        key, _, value = tag.partition("=")
        request["Filter"] = {"Tags": {"Key": key, "Values": [value], "MatchOptions": ["EQUALS"]}}
    results: list[dict[str, Any]] = []
    while True:
        page = aws.client("ce").get_cost_and_usage(**request)
        results += page["ResultsByTime"]
        if not page.get("NextPageToken"):
            return results
        request["NextPageToken"] = page["NextPageToken"]
