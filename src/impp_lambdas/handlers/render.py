"""Render: decides what a request of renditions comes to, reserves its price and claims the renditions.

In `{execution, asset, renditions}` (names such as `web`); out `{verdict, asset, key, original, facts, renditions,
job_settings, job_name, deadlines, archive, quote, usd, day, usage, subject, alert}`. The verdict is `render`, or
`nothing` if all renditions exist or are being made. A request that cannot be fulfilled raises `Refused`.
"""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from typing import Any

from impp_lambdas.adapters import aws, catalog, metrics, renders, restores, spending
from impp_lambdas.adapters.settings import Settings
from impp_lambdas.core import keys
from impp_lambdas.core.money import on_request as money
from impp_lambdas.core.money.pricing import total
from impp_lambdas.core.planning import on_request, transcription
from impp_lambdas.core.planning.on_request import Refused
from impp_lambdas.core.results import alerts


@aws.raises_throttled
def handler(event: dict[str, Any], context: aws.Context) -> dict[str, Any]:
    started = time.perf_counter()
    settings = Settings.from_env("catalog_table", "delivery_bucket")
    asset, execution = str(event["asset"]), event["execution"]
    if not keys.ASSET_ID.fullmatch(asset):
        raise Refused(f"{asset[:40]} is not the id of an asset")
    names = [str(name)[:40] for name in event["renditions"]][:20]
    order = on_request.order(catalog.asset(settings.catalog_table, asset), names)
    if not order.renditions:
        return {"verdict": "nothing", "reason": f"it has {', '.join(order.existing)} already"}
    archive = restores.archive_of(order.original)
    quote = money.quote(order, archive, os.uname().machine)
    usd = total(quote)
    price = {"usd": usd, "quote": [line.to_dict() for line in quote]}
    claimed = [
        rendition
        for rendition in order.renditions
        if renders.claim(settings.catalog_table, asset, on_request.request_name(rendition.name), execution, price)
    ]
    if len(claimed) < len(order.renditions):  # what another execution makes, it makes
        names = [on_request.request_name(rendition.name) for rendition in claimed]
        renders.release(settings.catalog_table, asset, names, execution)
        return {"verdict": "nothing", "reason": "another request is making them"}
    media = {"asset": asset, "day": f"{datetime.now(UTC):%Y-%m-%d}", "facts": order.facts.to_dict()}
    if refusal := spending.reserve(settings, media, execution, usd):
        raise Refused(": ".join(refusal))
    listed = ", ".join(rendition.name for rendition in claimed)
    wait = f"It is restored from {archive} first, which takes up to 12 hours." if archive else ""
    lines = [f"Will make {listed} for at most ${usd:.4f}.", wait]
    alert = alerts.of_asset("rendering", asset, order.original.key, lines, alerts.execution_link(execution), usd)
    return {
        "verdict": "render",
        **media,
        **price,
        "key": order.original.key,
        "original": vars(order.original),
        "renditions": [rendition.to_dict() for rendition in claimed],
        "job_settings": order.job_settings(settings.delivery_bucket),
        "job_name": transcription.job_name(asset, execution),
        "deadlines": order.deadlines,
        "archive": archive,
        "usage": metrics.usage(context, started),
        "subject": alerts.subject(alert.title),
        "alert": alert.to_dict(),
    }
