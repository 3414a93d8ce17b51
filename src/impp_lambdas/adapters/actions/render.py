"""Ask the state machine `render` for renditions, by its event."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from impp_lambdas.adapters import aws
from impp_lambdas.core.actions import decision, render

if TYPE_CHECKING:
    from impp_lambdas.adapters.actions.scope import Scope


class NotSent(Exception):
    """EventBridge did not accept an event."""


def run(scope: Scope, asset: str) -> dict[str, Any]:
    """Request renditions of an asset. A repeated event costs two transitions: the machine claims each rendition."""
    names = scope.options.renditions
    if not scope.settings.renders:
        return decision.refuse("this deployment makes no renditions: it was built without transcode").result(asset)
    item, where = scope.look(asset)
    decided = render.decide(item, where, names, os.uname().machine)
    if scope.request.dry_run or not decided.proceeds:
        return decided.result(asset)
    entry = {"Source": scope.settings.name, "DetailType": "Render requested"}
    answer = aws.client("events").put_events(Entries=[{**entry, "Detail": json.dumps(render.event(asset, names))}])
    if answer["FailedEntryCount"]:
        raise NotSent(str(answer["Entries"][0].get("ErrorMessage")))
    return decided.result(asset, decision.ACCEPTED)
