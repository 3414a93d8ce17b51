"""Restore: bring an archived original back for some days."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from impp_lambdas.core.actions.availability import ARCHIVED, GONE, RESTORED, RESTORING, Availability
from impp_lambdas.core.actions.decision import MISSING, Decision, nothing_to_do, proceed, refuse
from impp_lambdas.core.money import retrieval

if TYPE_CHECKING:
    from impp_lambdas.core.actions.request import Options


def decide(item: Mapping[str, Any] | None, where: Availability | None, options: Options) -> Decision:
    """Decide by the asset's catalog item and where its original is; `where` is None without an item."""
    if item is None or where is None:
        return MISSING
    if where.state == GONE:
        return refuse("the original was deleted from the bucket")
    if where.state == RESTORING:
        return nothing_to_do(f"it is being restored from {where.archive} already")
    if where.state == RESTORED:
        return nothing_to_do(f"it is restored, and can be read until {where.until or 'its copy expires'}")
    if where.state != ARCHIVED:
        return nothing_to_do(f"it can be read at once: its storage class is {where.archive}")
    return quote(where.archive, int(item["size"]), options)


def quote(archive: str, size: int, options: Options) -> Decision:
    """Price and time of a restore, or why S3 offers none by that tier."""
    known = retrieval.RETRIEVALS.get((archive, options.tier))
    if known is None:
        others = ", ".join(tier for tier in retrieval.TIERS if (archive, tier) in retrieval.RETRIEVALS)
        return refuse(f"{archive} has no {options.tier} retrieval; use {others}")
    for_days = "" if retrieval.is_tiered(archive) else f" for {options.days} {'day' if options.days == 1 else 'days'}"
    message = f"restore from {archive}{for_days}, ready within {duration(known.ready_s)}"
    return proceed(message, retrieval.lines(archive, size, options.tier, options.days), known.ready_s)


def duration(seconds: int) -> str:
    """Hours, or minutes below one hour."""
    if seconds < 3600:
        return f"{seconds // 60} min"
    return f"{seconds // 3600} h"
