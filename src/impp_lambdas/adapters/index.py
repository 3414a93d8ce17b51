"""Maintains the index of all assets in the delivery bucket while other executions do the same.

The entry follows from the catalog's item, which is read after the shard: of two writers the second one sees what the
first one saw, or newer.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from impp_lambdas.adapters import catalog, dynamo, s3
from impp_lambdas.core import keys, times
from impp_lambdas.core.results import index
from impp_lambdas.core.results.index_tree import IndexTree

if TYPE_CHECKING:
    from impp_lambdas.adapters.settings import Settings

Document = Mapping[str, Any]


def refresh(settings: Settings, asset: str, words: Document | None = None) -> None:
    """Bring the entry of an asset up to date with its item of the catalog; without one, the entry goes. Idempotent.

    `words` replace those of the asset; None keeps them. Raises :class:`~impp_lambdas.core.contention.Contended`.
    """
    item = catalog.asset(settings.catalog_table, asset) or {}
    time, place = index.time_of(item), index.place_of(item)
    if place and place != time:  # its time of capture was corrected
        remove(settings, place, asset)
    if not item:
        return

    def entry(before: Document | None) -> Document | None:
        now = catalog.asset(settings.catalog_table, asset) or {}
        if now.get("state") == "processing":  # it has been replayed: the entry stays until that has ended
            return before
        return index.entry(now) if now.get("state") in index.STATES and index.time_of(now) == time else None

    _tree(settings).put(time, asset, entry, {} if words is None and place != time else words)
    if item.get("indexed") != time:
        dynamo.update_item(settings.catalog_table, keys.catalog_asset(asset), {"indexed": time})


def remove(settings: Settings, time: str, asset: str) -> None:
    """Remove an asset from the index. Idempotent. Raises :class:`~impp_lambdas.core.contention.Contended`.

    After the item of the catalog, which names the time as `indexed`: else the asset may come back.
    """
    _tree(settings).remove(time, asset)


def _tree(settings: Settings) -> IndexTree:
    bucket = settings.delivery_bucket
    return IndexTree(
        partial(s3.find_json, bucket), partial(s3.put_json_if, bucket), lambda: times.iso(datetime.now(UTC))
    )
