"""The catalog: assets, and the claims on their object versions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from impp_lambdas.adapters import dynamo
from impp_lambdas.core import keys
from impp_lambdas.core.intake.originals import may_process

if TYPE_CHECKING:
    from impp_lambdas.core.intake.inspection import Inspection
    from impp_lambdas.core.intake.originals import Original

ATTEMPTS = 3
MAX_COPIES = 100
"""Objects that an asset is linked to besides its original, of up to 1.1 kB each: DynamoDB's items have 400 KB, and an
item that is full takes no change any more, not even a hold."""


def asset(table: str, asset_id: str) -> dict[str, Any] | None:
    """Read the catalog item of an asset, if it exists."""
    return dynamo.get_item(table, keys.catalog_asset(asset_id))


def begin(table: str, original: Original, inspection: Inspection, execution: str, now: str) -> dict[str, Any] | None:
    """Mark an asset as being processed by an execution. If it may not process the asset, returns the asset's
    catalog item instead.

    Of two concurrent objects with the same content only one begins: the write depends on what was read. Raises
    :class:`~impp_lambdas.adapters.dynamo.Contended`.
    """
    pk = keys.catalog_asset(inspection.asset)
    for _ in range(ATTEMPTS):
        before = dynamo.get_item(table, pk)
        if before and not may_process(before, original, execution, inspection.facts.sha256):
            return before
        values = {
            "asset": inspection.asset,
            "state": "processing",
            "execution": execution,
            "bucket": original.bucket,
            "key": original.key,
            "version": original.version or None,
            "size": inspection.facts.bytes,
            "crc64nvme": inspection.facts.crc64nvme,
            "sha256": inspection.facts.sha256,
            "verified_sha256": None,
            "captured_at": inspection.facts.captured_at,
            "day": inspection.facts.captured_at[:10],
            "created_at": (before or {}).get("created_at") or now,
        }
        unchanged = "#execution = :before" if before else "attribute_not_exists(#pk)"
        bound = {"before": before["execution"]} if before else None
        if dynamo.update_item(table, pk, values, condition=unchanged, condition_values=bound):
            return None
    raise dynamo.Contended(f"asset {inspection.asset}")


def note_on_claim(table: str, original: Original, execution: str, values: Mapping[str, Any]) -> bool:
    """Update the claim on an object version. False if the claim is not this execution's."""
    pk = keys.catalog_claim(original.bucket, original.key, original.version)
    return dynamo.update_item(table, pk, values, condition="#execution = :me", condition_values={"me": execution})


def release(table: str, original: Original, execution: str) -> None:
    """Release a claim, so that the event of its object version can be processed again."""
    note_on_claim(table, original, execution, {"released": True})


def link_duplicate(table: str, original: Original, execution: str, asset: str) -> bool:
    """Link an object to the asset with the same content: permanently on the asset, and on its claim. False if the asset
    has :data:`MAX_COPIES`."""
    text = f"{original.bucket}/{original.key}#{original.version}"
    if not dynamo.add_to_set(table, keys.catalog_asset(asset), "also", text, at_most=MAX_COPIES):
        return False
    note_on_claim(table, original, execution, {"asset": asset, "duplicate": True})
    return True
