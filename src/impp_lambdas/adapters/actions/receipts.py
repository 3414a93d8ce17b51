"""Receipts of erasures, kept for some days: a response may be lost, and a repeated request finds nothing to list.

A receipt is noted before anything is removed, so that an erasure that dies is continued with the list of the first
attempt. It names files, so it does not stay.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from impp_lambdas.adapters import dynamo
from impp_lambdas.core import keys

KEPT = timedelta(days=7)
"""How long a receipt is returned again."""
LARGEST = 350_000
"""Bytes of a receipt that is kept: an item has 400 KB (DynamoDB developer guide, "Quotas"). One version takes 400."""


def digest(receipt: Mapping[str, Any]) -> str:
    """The SHA-256 of a receipt, which stays."""
    return hashlib.sha256(_text(receipt).encode()).hexdigest()


def note(table: str, asset: str, execution: str | None, receipt: Mapping[str, Any], now: datetime) -> None:
    """Keep the receipt of an asset that an execution processed, if it is not too large."""
    text = _text(receipt)
    if len(text.encode()) <= LARGEST:
        expires_at = int((now + KEPT).timestamp())
        item = {"asset": asset, "execution": execution, "receipt": text, "expires_at": expires_at}
        dynamo.put_item(table, keys.catalog_receipt(asset), item)


def unfinished(table: str, asset: str, execution: str | None, now: datetime) -> dict[str, Any] | None:
    """The receipt that an earlier attempt noted for the same item of the catalog; an asset may be uploaded again."""
    item = _item(table, asset, now)
    return json.loads(item["receipt"]) if item and item.get("execution") == execution else None


def kept(table: str, asset: str, sha256: str | None, now: datetime) -> dict[str, Any] | None:
    """The receipt of an erased asset, of which only the hash stays; None once it has expired."""
    item = _item(table, asset, now)
    receipt: dict[str, Any] | None = json.loads(item["receipt"]) if item else None
    return receipt if receipt and digest(receipt) == sha256 else None


def _item(table: str, asset: str, now: datetime) -> dict[str, Any] | None:
    """DynamoDB deletes an expired item within some days (developer guide, "Time to Live")."""
    item = dynamo.get_item(table, keys.catalog_receipt(asset))
    return item if item and item["expires_at"] > now.timestamp() else None


def _text(receipt: Mapping[str, Any]) -> str:
    return json.dumps(receipt, sort_keys=True)
