"""Replay: process an original again whose run had no result."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from impp_lambdas.core.actions import restore
from impp_lambdas.core.actions.availability import ARCHIVED, GONE, RESTORING, Availability
from impp_lambdas.core.actions.decision import MISSING, WOULD, Decision, nothing, refused

if TYPE_CHECKING:
    from impp_lambdas.core.actions.request import Options

REPLAYABLE = ("deferred", "failed", "partial", "quarantined")
PER_MINUTE = 60
"""Runs that replays may start per minute: a backlog must not take the account's concurrency from new footage."""


def decide(
    item: Mapping[str, Any] | None, where: Availability | None, options: Options, left_usd: float | None
) -> Decision:
    """Decide by the asset's catalog item and where its original is. `left_usd` is what the month's budget has left,
    None without one."""
    if item is None or where is None:
        return MISSING
    state = item.get("state")
    if state == "processing":
        return nothing("it is being processed")
    if state == "published":
        return nothing("it was published; nothing is missing")
    if state not in REPLAYABLE or where.state == GONE:
        return refused("the original was deleted from the bucket" if where.state == GONE else f"the asset is {state}")
    usd = _quote(item)
    if usd is not None and left_usd is not None and usd > left_usd:
        return refused(
            f"over budget: processing may cost ${usd:.4f}, and ${max(left_usd, 0):.2f} of this month's budget are left"
        )
    price = "at a price that is known once it is inspected" if usd is None else f"for at most ${usd:.4f}"
    if where.state == RESTORING:
        message = f"it is being restored from {where.archive}; process it {price} once it can be read"
        return Decision(WOULD, message, usd=usd)
    if where.state != ARCHIVED:
        return Decision(WOULD, f"process it again {price}", usd=usd)
    restored = restore.quote(where.archive, int(item["size"]), options)
    if not restored.proceeds:
        return restored
    usd = None if usd is None else usd + (restored.usd or 0.0)
    return Decision(WOULD, f"{restored.message}; then process it {price}", restored.lines, usd, restored.ready_in_s)


def _quote(item: Mapping[str, Any]) -> float | None:
    """What the pipeline last quoted for the asset; None if its run ended before that."""
    if item.get("usd_quote"):
        return float(item["usd_quote"])
    lines = item.get("quote") or ()
    return sum(float(line["usd"]) for line in lines) if lines else None


def event(item: Mapping[str, Any]) -> dict[str, Any]:
    """The input of the new run: the parts of S3's event that the state machine reads."""
    version = {"version-id": item["version"]} if item.get("version") else {}
    detail = {"bucket": {"name": item["bucket"]}, "object": {"key": item["key"], **version}}
    return {"source": "impp", "detail-type": "Replay", "detail": detail}
