"""The life of an asset in the catalog: begun, linked, reserved for, ended, and its claim released for a replay."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from impp_lambdas.adapters import aws
from impp_lambdas.core import keys
from impp_lambdas.core.intake.originals import is_free

if TYPE_CHECKING:
    from impp_lambdas.core.intake.inspection import Inspected
    from impp_lambdas.core.intake.originals import Original

ATTEMPTS = 3


def asset(table: str, asset_id: str) -> dict[str, Any] | None:
    """The catalog item of an asset, if there is one."""
    return aws.get_item(table, keys.catalog_asset(asset_id))


def begin(table: str, original: Original, inspected: Inspected, execution: str, now: str) -> dict[str, Any] | None:
    """Mark an asset as processed by this execution. Returns the catalog item of the asset that it duplicates instead.

    Of two objects with the same content at the same moment one begins: the write depends on what was read. Raises
    :class:`~impp_lambdas.adapters.aws.Contended`.
    """
    pk = keys.catalog_asset(inspected.asset)
    for _ in range(ATTEMPTS):
        have = aws.get_item(table, pk)
        if have and not is_free(have, original, execution):
            return have
        values = {
            "asset": inspected.asset,
            "state": "processing",
            "execution": execution,
            "bucket": original.bucket,
            "key": original.key,
            "version": original.version or None,
            "size": inspected.facts.bytes,
            "crc64nvme": inspected.facts.crc64nvme,
            "captured_at": inspected.facts.captured_at,
            "day": inspected.facts.captured_at[:10],
            "created_at": (have or {}).get("created_at") or now,
        }
        unchanged = "#execution = :seen" if have else "attribute_not_exists(#pk)"
        seen = {"seen": have["execution"]} if have else None
        if aws.update_item(table, pk, values, condition=unchanged, condition_values=seen):
            return None
    raise aws.Contended(f"asset {inspected.asset}")


def note_on_claim(table: str, original: Original, execution: str, values: Mapping[str, Any]) -> bool:
    """Write onto the claim of an object version while it is this execution's; False where it is not."""
    pk = keys.catalog_claim(original.bucket, original.key, original.version)
    return aws.update_item(table, pk, values, condition="#execution = :me", condition_values={"me": execution})


def release(table: str, original: Original, execution: str) -> None:
    """Let the event of an object version be processed again."""
    note_on_claim(table, original, execution, {"released": True})


def link_duplicate(table: str, original: Original, execution: str, asset: str) -> None:
    """Tie an object to the asset whose content it has: on its claim, and for good on the asset."""
    note_on_claim(table, original, execution, {"asset": asset, "duplicate": True})
    aws.add_to_set(table, keys.catalog_asset(asset), "also", f"{original.bucket}/{original.key}#{original.version}")


def reserve(table: str, asset: str, execution: str, month: str, usd: float, budget_usd: float) -> bool:
    """Set a quote aside from the month's budget, once for an execution. False where there is no room for it."""
    room = budget_usd if budget_usd > 0 else None
    guard = (keys.catalog_asset(asset), "reserved_by")
    return aws.add_once(table, (keys.catalog_spend(month), "usd"), usd, guard, execution, room) != "refused"


def settle(table: str, asset: str, execution: str, month: str, usd: float) -> None:
    """Add to the month's sum what came to it since the reservation (less, where the quote was higher), once."""
    guard = (keys.catalog_asset(asset), "settled_by")
    aws.add_once(table, (keys.catalog_spend(month), "usd"), usd, guard, execution)


def spent(table: str, month: str) -> float:
    """USD spent and reserved in a month."""
    return float((aws.get_item(table, keys.catalog_spend(month)) or {}).get("usd", 0.0))
