"""Failure: an execution failed without reaching a final state. Marks its asset, sends an alert and releases its claim.

In EventBridge's "Step Functions Execution Status Change"; out `{handled, asset}`. The alert is sent once, even if the
event comes twice. The released claim allows the same event to be processed again (a replay).
"""

from __future__ import annotations

from typing import Any

from impp_lambdas.adapters import alert_limit, aws, catalog, dynamo, failures, index, topic
from impp_lambdas.adapters.settings import Settings
from impp_lambdas.core import keys
from impp_lambdas.core.results import alerts, failure


@aws.raises_throttled
def handler(event: dict[str, Any], _context: aws.Context) -> dict[str, Any]:
    settings = Settings.from_env("catalog_table", "delivery_bucket", "alert_topic_arn", "muted_topic_arn")
    table = settings.catalog_table
    description = aws.client("stepfunctions").describe_execution(executionArn=event["detail"]["executionArn"])
    failed = failure.read(description)
    if failed is None:
        return {"handled": False, "asset": None}
    original = failed.original
    asset = failures.find_asset(table, original) if original else None
    item = (catalog.asset(table, asset) if asset else None) or {}
    if item.get("failure_told") == failed.execution:
        return {"handled": False, "asset": asset}
    if original and asset and not failure.keeps_state(item, failed.execution):
        failures.mark_failed(table, asset, original, failed, item.get("captured_at") or failed.started_at)
        index.refresh(settings, asset)
    alert = alerts.of_asset(
        "failed",
        asset,
        original.key if original else failed.execution,
        [failed.reason, original.uri if original else "", f"Status: {failed.status}"],
        alerts.execution_link(failed.execution),
        None,
    )
    alert, is_muted = alert_limit.limited(table, alert, original.key if original else "", failed.execution)
    topic.publish_alert(settings.muted_topic_arn if is_muted else settings.alert_topic_arn, alert.to_dict())
    if asset:
        dynamo.update_item(table, keys.catalog_asset(asset), {"failure_told": failed.execution})
    if original:
        catalog.release(table, original, failed.execution)
    aws.logger.error("execution failed", extra={"asset": asset, "execution": failed.execution, "reason": failed.reason})
    return {"handled": True, "asset": asset}
