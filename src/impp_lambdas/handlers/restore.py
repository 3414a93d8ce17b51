"""Restore: lets an execution of `render` wait until its archived original can be read.

In `{token, original: {bucket, key, version}}`: stores the token, begins to restore, or answers at once. Without a
token: looks once, for an event that never came, and raises `NotRestored`. In EventBridge's "Object Restore Completed":
answers everybody who waits for that object. The token is stored first, so no event can come too early.
"""

from __future__ import annotations

import time
from typing import Any

from impp_lambdas.adapters import aws, metrics, restores, task_tokens
from impp_lambdas.adapters.settings import Settings
from impp_lambdas.core.intake.originals import Original


class NotRestored(Exception):
    """The original cannot be read although the time for restoring it is over."""


@aws.raises_throttled
def handler(event: dict[str, Any], context: aws.Context) -> dict[str, Any]:
    started = time.perf_counter()
    table = Settings.from_env("catalog_table").catalog_table
    if "detail" in event:
        detail = event["detail"]
        restored = Original(detail["bucket"]["name"], detail["object"]["key"], detail["object"].get("version-id", ""))
        return {"answered": restores.answer(table, restored)}
    original, token = Original(**event["original"]), event.get("token")
    if token:
        restores.wait(table, original, token)
    archive = restores.archive_of(original)
    if archive is None:
        usage = metrics.usage(context, started)
        if token:
            task_tokens.succeed(token, {"usage": usage})
        return {"usage": usage}
    if not token:
        raise NotRestored(f"{original.uri} is still in {archive}")
    restores.begin(original, archive)
    return {"restoring": True}
