"""Failure: an execution died without an end of its own. Its asset is marked, its claim released, somebody is told.

In EventBridge's "Step Functions Execution Status Change"; out ``{handled, asset}``. The alert goes out once, however
often the event comes; the released claim lets the same event be processed again (a replay).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from impp_lambdas.adapters import aws, catalog, topic
from impp_lambdas.core import keys, times
from impp_lambdas.core.results import alerts, failure

if TYPE_CHECKING:
    from impp_lambdas.core.intake.originals import Original
    from impp_lambdas.core.results.failure import Death


def handler(event: dict[str, Any], _context: aws.Context) -> dict[str, Any]:
    settings = aws.Settings.from_env("catalog_table", "alert_topic_arn")
    table = settings.catalog_table
    description = aws.client("stepfunctions").describe_execution(executionArn=event["detail"]["executionArn"])
    death = failure.read(description)
    if death is None:
        return {"handled": False, "asset": None}
    asset = _asset(table, death.original)
    item = aws.get_item(table, keys.catalog_asset(asset)) if asset else None
    if (item or {}).get("failure_told") == death.execution:
        return {"handled": False, "asset": asset}
    if death.original and asset and not failure.keeps_state(item, death.execution):
        _mark(table, asset, death.original, death, (item or {}).get("captured_at") or death.started_at)
    key = death.original.key if death.original else death.execution
    text = [death.reason, f"s3://{death.original.bucket}/{key}" if death.original else "", f"Status: {death.status}"]
    alert = alerts.of_asset("failed", asset, key, text, alerts.execution_link(death.execution), None)
    topic.publish_alert(settings.alert_topic_arn, alert.to_dict())
    if asset:
        aws.update_item(table, keys.catalog_asset(asset), {"failure_told": death.execution})
    if death.original:
        catalog.release(table, death.original, death.execution)
    aws.logger.error("execution died", extra={"asset": asset, "execution": death.execution, "reason": death.reason})
    return {"handled": True, "asset": asset}


def _asset(table: str, original: Original | None) -> str | None:
    """The asset that Inspect noted on the claim; before Inspect the one that Inspect would find."""
    if original is None:
        return None
    claim = aws.get_item(table, keys.catalog_claim(original.bucket, original.key, original.version)) or {}
    return str(claim.get("asset") or keys.asset_id(original.bucket, original.key, original.version, _sha256(original)))


def _sha256(original: Original) -> str | None:
    try:
        head = aws.head(original.bucket, original.key, original.version) or {}
    except ClientError as error:  # best effort: a missing object is a 403 to who may not list the bucket
        aws.logger.info("no metadata to be had", extra={"key": original.key, "error": aws.code(error)})
        return None
    return str(head.get("Metadata", {}).get("impp-sha256", "")).lower() or None


def _mark(table: str, asset: str, original: Original, death: Death, taken: str) -> None:
    values = {
        "asset": asset,
        "state": "failed",
        "reason": death.reason,
        "execution": death.execution,
        "bucket": original.bucket,
        "key": original.key,
        "version": original.version or None,
        "captured_at": taken,
        "day": taken[:10],
        "created_at": death.started_at,
        "finished_at": times.iso(datetime.now(UTC)),
    }
    aws.update_item(table, keys.catalog_asset(asset), values)
    try:
        aws.add_tags(original.bucket, original.key, original.version, {"impp:state": "failed"})
    except ClientError as error:
        if aws.code(error) not in ("NoSuchKey", "NoSuchVersion", "MethodNotAllowed"):
            raise
        aws.logger.info("no object left to tag", extra={"asset": asset})
