"""Changes to an asset after its processing ended: made once, in catalog, manifest and index."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from impp_lambdas.adapters import catalog, dynamo, index, s3
from impp_lambdas.core import keys
from impp_lambdas.core.money import ledger
from impp_lambdas.core.money.pricing import total
from impp_lambdas.core.planning import hls

if TYPE_CHECKING:
    from impp_lambdas.adapters.settings import Settings
    from impp_lambdas.core.money.pricing import LedgerLine

ATTEMPTS = 5

Item = Mapping[str, Any]


def amend(
    settings: Settings,
    asset: str,
    by: str,
    lines: Sequence[LedgerLine],
    change: Callable[[Item], Mapping[str, Any]] = lambda _item: {},
) -> None:
    """Add a cost to an asset and change its catalog item, once for `by`, then its manifest and its index entry.

    `change` returns the attributes to set, given the item. Raises :class:`~impp_lambdas.adapters.dynamo.Contended`.
    """
    table, pk = settings.catalog_table, keys.catalog_asset(asset)
    for _ in range(ATTEMPTS):
        item = catalog.asset(table, asset)
        if item is None or item.get("amended_by") == by:
            break
        merged = ledger.merge([*ledger.from_dicts(item.get("ledger") or ()), *lines])
        values = {
            **change(item),
            "ledger": [line.to_dict() for line in merged],
            "usd": total(merged),
            "amended_by": by,
        }
        before = item.get("amended_by")
        unchanged = "attribute_exists(#pk) AND " + (
            "#amended_by = :before" if before else "attribute_not_exists(#amended_by)"
        )
        bound = {"before": before} if before else None
        if dynamo.update_item(table, pk, values, condition=unchanged, condition_values=bound):
            break
    else:
        raise dynamo.Contended(f"asset {asset}")
    _write_manifest(settings, asset)
    index.refresh(settings, asset)


def _write_manifest(settings: Settings, asset: str) -> None:
    """Write the catalog's renditions and cost into the manifest, again if somebody else amends them meanwhile."""
    bucket, key = settings.delivery_bucket, keys.delivery(asset, "manifest.json")
    for _ in range(ATTEMPTS):
        item = catalog.asset(settings.catalog_table, asset) or {}
        if s3.head(bucket, key) is None:  # an asset over budget has none
            return
        document = s3.get_json(bucket, key)
        renditions = document["renditions"] = item.get("renditions") or []
        main = hls.playlist(asset)
        if any(hls.is_track(rendition["name"]) for rendition in renditions) and s3.head(bucket, main):
            document["hls"] = main
        document["cost"] |= {"usd": item["usd"], "ledger": item["ledger"]}
        s3.put_json(bucket, key, document)
        now = catalog.asset(settings.catalog_table, asset) or {}
        if now.get("amended_by") == item.get("amended_by"):
            return
    raise dynamo.Contended(f"the manifest of {asset}")
