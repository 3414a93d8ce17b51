"""Finds and marks the asset of a failed execution."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from impp_lambdas.adapters import aws, dynamo, s3
from impp_lambdas.core import keys, times

if TYPE_CHECKING:
    from impp_lambdas.core.intake.originals import Original
    from impp_lambdas.core.results.failure import Failure


def find_asset(table: str, original: Original) -> str:
    """The asset that Inspect noted on the claim; before Inspect, the one that it would have noted."""
    claim = dynamo.get_item(table, keys.catalog_claim(original.bucket, original.key, original.version)) or {}
    if asset := claim.get("asset"):
        return str(asset)
    return keys.asset_id(original.bucket, original.key, original.version, _claimed_sha256(original))


def mark_failed(table: str, asset: str, original: Original, failure: Failure, captured_at: str) -> None:
    """Set the state of an asset to `failed`, in the catalog and in the tags of its original."""
    values = {
        "asset": asset,
        "state": "failed",
        "reason": failure.reason,
        "execution": failure.execution,
        "bucket": original.bucket,
        "key": original.key,
        "version": original.version or None,
        "captured_at": captured_at,
        "day": captured_at[:10],
        "created_at": failure.started_at,
        "finished_at": times.iso(datetime.now(UTC)),
    }
    dynamo.update_item(table, keys.catalog_asset(asset), values)
    try:
        s3.add_tags(original.bucket, original.key, original.version, {"impp:state": "failed"})
    except ClientError as error:
        if aws.code(error) not in ("NoSuchKey", "NoSuchVersion", "MethodNotAllowed"):
            raise
        aws.logger.info("the object no longer exists", extra={"asset": asset})


def _claimed_sha256(original: Original) -> str | None:
    try:
        head = s3.head(original.bucket, original.key, original.version) or {}
    except ClientError as error:  # without s3:ListBucket a missing object is a 403
        aws.logger.info("no metadata available", extra={"key": original.key, "error": aws.code(error)})
        return None
    return str(head.get("Metadata", {}).get("impp-sha256", "")).lower() or None
