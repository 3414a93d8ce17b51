"""Renditions on request in catalog and manifest: claimed before they are made, added when they exist."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from impp_lambdas.adapters import catalog, dynamo, s3
from impp_lambdas.core import keys, times
from impp_lambdas.core.money import ledger
from impp_lambdas.core.money.pricing import total

if TYPE_CHECKING:
    from impp_lambdas.adapters.settings import Settings
    from impp_lambdas.core.money.pricing import LedgerLine

ATTEMPTS = 5
RETENTION_S = 7 * 24 * 3600
"""Longer than an execution may take. After that the catalog's TTL removes what a request has left."""


def claim(table: str, asset: str, name: str, execution: str, details: Mapping[str, Any]) -> bool:
    """Claim a rendition for an execution, with its price; False if another one is making it."""
    item = {"execution": execution, "asset": asset, "expires_at": int(time.time()) + RETENTION_S, **details}
    return dynamo.put_item(table, keys.catalog_render(asset, name), item, if_execution=execution)


def release(table: str, asset: str, names: Iterable[str], execution: str) -> None:
    """Give up an execution's claims, so that the renditions can be asked for again."""
    for name in names:
        dynamo.delete_item(table, keys.catalog_render(asset, name), if_execution=execution)


def add(
    settings: Settings, asset: str, made: Sequence[Mapping[str, Any]], lines: Sequence[LedgerLine], execution: str
) -> None:
    """Add renditions and their cost to an asset, once for an execution, and write its manifest.

    Raises :class:`~impp_lambdas.adapters.dynamo.Contended`.
    """
    table, pk = settings.catalog_table, keys.catalog_asset(asset)
    for _ in range(ATTEMPTS):
        item = catalog.asset(table, asset) or {}
        if item.get("rendered_by") == execution:
            break
        names = {rendition["name"] for rendition in made}
        merged = ledger.merge([*ledger.from_dicts(item.get("ledger") or ()), *lines])
        values = {
            "renditions": [*(r for r in item.get("renditions") or () if r["name"] not in names), *map(dict, made)],
            "ledger": [line.to_dict() for line in merged],
            "usd": total(merged),
            "rendered_by": execution,
            "rendered_at": times.iso(datetime.now(UTC)),
        }
        before = item.get("rendered_by")
        condition = "#rendered_by = :before" if before else "attribute_not_exists(#rendered_by)"
        bound = {"before": before} if before else None
        if dynamo.update_item(table, pk, values, condition=condition, condition_values=bound):
            break
    else:
        raise dynamo.Contended(f"asset {asset}")
    _write_manifest(settings, asset)


def _write_manifest(settings: Settings, asset: str) -> None:
    """Write the catalog's renditions and cost into the manifest, again if another execution adds some meanwhile."""
    key = keys.delivery(asset, "manifest.json")
    for _ in range(ATTEMPTS):
        item = catalog.asset(settings.catalog_table, asset) or {}
        if s3.head(settings.delivery_bucket, key) is None:  # an asset over budget has none
            return
        document = s3.get_json(settings.delivery_bucket, key)
        document["renditions"] = item["renditions"]
        document["cost"] |= {"usd": item["usd"], "ledger": item["ledger"]}
        s3.put_json(settings.delivery_bucket, key, document)
        now = catalog.asset(settings.catalog_table, asset) or {}
        if now.get("rendered_by") == item.get("rendered_by"):
            return
    raise dynamo.Contended(f"the manifest of {asset}")
