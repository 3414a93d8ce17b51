"""Replay: process an original again whose run had no result."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from impp_lambdas.core.actions import restore
from impp_lambdas.core.actions.availability import ARCHIVED, GONE, RESTORING, Availability
from impp_lambdas.core.actions.decision import MISSING, WOULD, Decision, nothing_to_do, refuse

if TYPE_CHECKING:
    from impp_lambdas.core.actions.request import Options

REPLAYABLE = ("deferred", "failed", "partial", "quarantined")
PER_MINUTE = 60
"""Runs that replays may start per minute: a backlog must not take the account's concurrency from new footage."""


def decide(
    item: Mapping[str, Any] | None,
    where: Availability | None,
    options: Options,
    left_usd: float | None,
    limit_usd: float | None = None,
) -> Decision:
    """Decide by the asset's catalog item and where its original is. `left_usd` is what the month's budget has left,
    `limit_usd` the most that an asset may cost; None without one."""
    if item is None or where is None:
        return MISSING
    state = item.get("state")
    if state == "processing":
        return nothing_to_do("it is being processed")
    if state == "published":
        return nothing_to_do("it was published; nothing is missing")
    if state not in REPLAYABLE or where.state == GONE:
        return refuse("the original was deleted from the bucket" if where.state == GONE else f"the asset is {state}")
    usd = _quote(item)
    if usd is not None and left_usd is not None and usd > left_usd:
        return refuse(
            f"over budget: processing may cost ${usd:.4f}, and ${max(left_usd, 0):.2f} of this month's budget are left"
        )
    most = _most(left_usd, limit_usd) if usd is None else None
    price = "at a price that is known once it is inspected" if usd is None else f"for at most ${usd:.4f}"
    note = _unquoted(item, left_usd, limit_usd) if usd is None else ""
    if where.state == RESTORING:
        message = f"it is being restored from {where.archive}; process it {price} once it can be read{note}"
        return Decision(WOULD, message, usd=usd, most_usd=most)
    if where.state != ARCHIVED:
        return Decision(WOULD, f"process it again {price}{note}", usd=usd, most_usd=most)
    restored = restore.quote(where.archive, int(item["size"]), options)
    if not restored.proceeds:
        return restored
    usd, most = (None if part is None else part + (restored.usd or 0.0) for part in (usd, most))
    message = f"{restored.message}; then process it {price}{note}"
    return Decision(WOULD, message, restored.lines, usd, restored.ready_in_s, most_usd=most)


def _most(left_usd: float | None, limit_usd: float | None) -> float | None:
    """The highest quote with which Inspect lets a run go on; None if nothing limits it."""
    known = [max(0.0, usd) for usd in (left_usd, limit_usd) if usd is not None]
    return min(known, default=None)


def _unquoted(item: Mapping[str, Any], left_usd: float | None, limit_usd: float | None) -> str:
    """Why there is no quote, and how much may be spent all the same."""
    is_rejected = item.get("state") == "quarantined"
    before = f"it was rejected ({item.get('reason')})" if is_rejected else "its run ended"
    most = _most(left_usd, limit_usd)
    if most is None:
        limit = "no budget or limit bounds the price"
    elif left_usd is not None and most == max(0.0, left_usd):
        limit = f"at most ${most:.2f} of this month's budget are left for it"
    else:
        limit = f"it may cost at most ${most:.2f}, the limit per asset"
    again = f"; being rejected again costs ${item['usd']:.4f}" if is_rejected and item.get("usd") else ""
    return f": {before} before it was quoted; {limit}{again}"


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
