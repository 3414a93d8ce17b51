"""Render: make renditions that were left for later."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from impp_lambdas.core.actions.availability import ARCHIVED, GONE, RESTORING, Availability
from impp_lambdas.core.actions.decision import MISSING, Decision, nothing_to_do, proceed, refuse
from impp_lambdas.core.actions.restore import duration
from impp_lambdas.core.money import on_request as money
from impp_lambdas.core.money.retrieval import RETRIEVALS
from impp_lambdas.core.planning import on_request


def decide(
    item: Mapping[str, Any] | None, where: Availability | None, names: tuple[str, ...], machine: str
) -> Decision:
    """Decide by the asset's catalog item and where its original is. `machine` is the processor, whose price counts."""
    if item is None or where is None:
        return MISSING
    if where.state == GONE:
        return refuse("the original was deleted from the bucket")
    try:
        order = on_request.order(item, names)
    except on_request.Refused as why:
        return refuse(str(why))
    if not order.renditions:
        return nothing_to_do(f"it has {', '.join(order.existing)} already")
    archive = where.archive if where.state in (ARCHIVED, RESTORING) else None
    listed = ", ".join(dict.fromkeys(on_request.request_name(rendition.name) for rendition in order.renditions))
    # MediaConvert encodes these settings faster than real time; a job waits a little for its start.
    wait_s = 60 + round(order.facts.duration_s or 0)
    first = ""
    if archive:
        retrieval = RETRIEVALS[archive, money.TIER]
        wait_s += retrieval.ready_s
        first = f"restore from {archive} within {duration(retrieval.ready_s)}, then "
    return proceed(f"{first}make {listed}", money.quote(order, archive, machine), wait_s)


def event(asset: str, names: tuple[str, ...]) -> dict[str, Any]:
    """The detail of the event that starts the state machine `render`."""
    return {"asset": asset, "renditions": list(names)}
