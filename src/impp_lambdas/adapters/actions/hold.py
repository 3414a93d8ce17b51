"""Legal holds on the object versions of an asset.

Under a hold S3 refuses to delete the version, whoever asks, until it is released; the bucket needs Object Lock (S3 user
guide, "Locking objects with Object Lock").
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from impp_lambdas.adapters import aws, catalog, dynamo, index
from impp_lambdas.core import keys, times
from impp_lambdas.core.actions import decision, erase, hold

if TYPE_CHECKING:
    from impp_lambdas.adapters.actions.scope import Scope
    from impp_lambdas.core.intake.originals import Original

NOT_HELD = frozenset({"NoSuchObjectLockConfiguration", "ObjectLockConfigurationNotFoundError", "InvalidRequest"})
"""GetObjectLegalHold's errors for a version that never had a hold, and for a bucket without Object Lock."""
MISSING = frozenset({"NoSuchKey", "NoSuchVersion", "MethodNotAllowed", "404"})


def run(scope: Scope, asset: str) -> dict[str, Any]:
    """Put every version that the catalog links to an asset on hold. The catalog says so last."""
    item = catalog.asset(scope.settings.catalog_table, asset)
    decided = hold.decide(item)
    if scope.request.dry_run or not decided.proceeds or item is None:
        return decided.result(asset)
    versions = erase.sources(item)
    missing = sum(not _set(version, "ON") for version in versions)
    if missing == len(versions):
        return decision.refuse("the original was deleted from the bucket").result(asset)
    held = {"since": times.iso(scope.now), "reason": scope.options.reason or None}
    _note(scope, asset, held)
    return decided.result(asset, decision.DONE, "on hold: nobody can delete its original until it is released")


def release(scope: Scope, asset: str) -> dict[str, Any]:
    """Release an asset. The catalog says so last."""
    item = catalog.asset(scope.settings.catalog_table, asset)
    decided = hold.decide_release(item)
    if scope.request.dry_run or not decided.proceeds or item is None:
        return decided.result(asset)
    for version in erase.sources(item):
        _set(version, "OFF")
    _note(scope, asset, None)
    return decided.result(asset, decision.DONE, "released: its original can be deleted again")


def is_held(version: Original) -> bool:
    """Whether S3 has a legal hold on a version."""
    try:
        answer = aws.client("s3").get_object_legal_hold(**_request(version))
    except ClientError as error:
        if aws.code(error) in NOT_HELD | MISSING:
            return False
        raise
    return bool(answer.get("LegalHold", {}).get("Status") == "ON")


def _note(scope: Scope, asset: str, held: dict[str, Any] | None) -> None:
    """Note a hold in the catalog, then in the index."""
    dynamo.update_item(scope.settings.catalog_table, keys.catalog_asset(asset), {"hold": held})
    index.refresh(scope.settings, asset)


def _set(version: Original, status: str) -> bool:
    """Set or lift the hold of a version; False if the version does not exist."""
    try:
        aws.client("s3").put_object_legal_hold(**_request(version), LegalHold={"Status": status})
    except ClientError as error:
        if aws.code(error) in MISSING:
            return False
        raise
    return True


def _request(version: Original) -> dict[str, str]:
    request = {"Bucket": version.bucket, "Key": version.key}
    return request | ({"VersionId": version.version} if version.version else {})
