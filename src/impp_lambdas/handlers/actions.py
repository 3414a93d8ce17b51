"""Actions: restores, renders, replays, erases, holds and releases assets for the command line and the page.

In a request (core/actions/request.py); out `{"results": [{asset, status, message, usd, ready_in_s}], "usd": …}`, or
`{"error": "…"}` for a request that nobody can fulfil. In EventBridge's "Object Restore Completed": starts the replay
that waits for the original, or sends an alert.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from typing import Any

from impp_lambdas.adapters import aws, requests
from impp_lambdas.adapters.actions import erase, hold, render, replay, restore, restored
from impp_lambdas.adapters.actions.scope import Scope
from impp_lambdas.adapters.settings import Settings
from impp_lambdas.core.actions import request as requested
from impp_lambdas.core.actions.request import Invalid
from impp_lambdas.core.intake.originals import Original

RUN: Mapping[str, Callable[[Scope, str], dict[str, Any]]] = {
    "restore": restore.run,
    "render": render.run,
    "replay": replay.run,
    "erase": erase.run,
    "hold": hold.run,
    "release": hold.release,
}
CONCURRENT = 8
"""Assets at a time. Each waits for S3 and DynamoDB."""


@aws.raises_throttled
def handler(event: dict[str, Any], context: aws.Context) -> dict[str, Any]:  # noqa: ARG001
    started = time.perf_counter()
    settings = Settings.from_env(
        "alert_topic_arn", "catalog_table", "delivery_bucket", "ingest_bucket", "state_machine_arn", "work_bucket"
    )
    if "detail" in event:
        detail = event["detail"]
        version = detail["object"].get("version-id", "")
        return restored.run(settings, Original(detail["bucket"]["name"], detail["object"]["key"], version))
    try:
        request = requested.parse(event)
        response = _answer(settings, request)
    except Invalid as why:
        aws.logger.warning("invalid request", extra={"error": str(why)})
        return {"error": str(why)}
    statuses = [result["status"] for result in response["results"]]
    aws.logger.info(
        "action",
        extra={
            "audit": True,
            "action": request.action,
            "assets": list(request.assets),
            "dry_run": request.dry_run,
            "request": request.request,
            "statuses": {status: statuses.count(status) for status in sorted(set(statuses))},
            "usd": response["usd"],
            "seconds": round(time.perf_counter() - started, 3),
        },
    )
    return response


def _answer(settings: Settings, request: requested.Request) -> dict[str, Any]:
    scope = Scope(settings, request, datetime.now(UTC))
    if not request.dry_run and (earlier := requests.begin(settings.catalog_table, request, scope.now)):
        if request.action == "erase":
            return {**earlier, "results": [erase.with_receipt(scope, result) for result in earlier["results"]]}
        return earlier
    with ThreadPoolExecutor(CONCURRENT) as pool:
        results = list(pool.map(partial(RUN[request.action], scope), request.assets))
    response = {"results": results, "usd": round(sum(result.get("usd") or 0.0 for result in results), 6)}
    if not request.dry_run:
        requests.end(settings.catalog_table, request, response)
    return response
