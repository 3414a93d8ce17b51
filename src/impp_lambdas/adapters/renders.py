"""Renditions on request in catalog and manifest: claimed before they are made, added when they exist."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from impp_lambdas.adapters import amendments, dynamo
from impp_lambdas.core import keys, times

if TYPE_CHECKING:
    from impp_lambdas.adapters.settings import Settings
    from impp_lambdas.core.money.pricing import LedgerLine

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
    """Add renditions and their cost to an asset, once for an execution, in catalog, manifest and index.

    Raises :class:`~impp_lambdas.adapters.dynamo.Contended`.
    """
    names = {rendition["name"] for rendition in made}

    def change(item: Mapping[str, Any]) -> dict[str, Any]:
        others = (rendition for rendition in item.get("renditions") or () if rendition["name"] not in names)
        return {"renditions": [*others, *map(dict, made)], "rendered_at": times.iso(datetime.now(UTC))}

    amendments.amend(settings, asset, execution, lines, change)
