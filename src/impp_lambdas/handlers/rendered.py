"""Rendered: adds renditions that were made on request to catalog and manifest, and settles their cost.

In `{execution, order, outputs, usage, retries}` (`order` is Render's result, `outputs` what MediaConvert reports); out
`{usd, subject, alert}`. In EventBridge's "Step Functions Execution Status Change" of an execution that failed: gives up
its claims, so that the request can be repeated, and alerts.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

from impp_lambdas.adapters import aws, catalog, delivery, metrics, presentation, renders, s3, spending, topic
from impp_lambdas.adapters.settings import Settings
from impp_lambdas.core.money import on_request as money
from impp_lambdas.core.money.pricing import total
from impp_lambdas.core.planning import hls, on_request
from impp_lambdas.core.results import alerts


class Missing(Exception):
    """MediaConvert reports success, but a file is not there."""


@aws.raises_throttled
def handler(event: dict[str, Any], context: aws.Context) -> dict[str, Any]:
    started = time.perf_counter()
    settings = Settings.from_env("catalog_table", "delivery_bucket", "alert_topic_arn")
    if "detail" in event:
        return _fail(settings, event["detail"])
    order, execution, outputs = event["order"], event["execution"], event["outputs"]
    asset, facts = order["asset"], order["facts"]
    made = [_delivered(settings, r, outputs[n] if n < len(outputs) else {}) for n, r in enumerate(order["renditions"])]
    restored = [line.to_dict() for line in money.restore_lines(order["archive"], int(facts["bytes"]))]
    usages = [order["usage"], event["usage"], restored, metrics.usage(context, started)]
    lines = money.spent(order["renditions"], facts, made, usages, event["retries"])
    usd = total(lines)
    if any(hls.is_track(rendition["name"]) for rendition in made):
        item = catalog.asset(settings.catalog_table, asset) or {}
        captions = presentation.Captions(item.get("captions"), item.get("language"), float(facts["duration_s"]))
        presentation.complete(settings, asset, captions)
    renders.add(settings, asset, made, lines, execution)
    spending.settle(settings, order, execution, usd - order["usd"], lines)
    renders.release(settings.catalog_table, asset, [on_request.request_name(r["name"]) for r in made], execution)
    listed = ", ".join(f"{r['name']} ({r['width']} x {r['height']})" if r["width"] else r["name"] for r in made)
    links = alerts.manifest_link(delivery.url(settings, asset, "manifest.json"))
    alert = alerts.of_asset("rendered", asset, order["key"], [f"Made {listed} for ${usd:.4f}."], links, usd)
    return {"usd": usd, "subject": alerts.subject(alert.title), "alert": alert.to_dict()}


def _delivered(settings: Settings, rendition: Mapping[str, Any], output: Mapping[str, Any]) -> dict[str, Any]:
    """A rendition as the catalog lists it. Raises Missing."""
    key, is_playlist = rendition["key"], rendition["key"].endswith(".m3u8")
    head = s3.head(settings.delivery_bucket, key)
    if not head or not head["ContentLength"]:
        raise Missing(f"{key} was not written")
    tracks = presentation.track_bytes(settings.delivery_bucket, key) if is_playlist else 0
    return {
        "name": rendition["name"],
        "key": key,
        "width": output.get("width") or rendition["width"],
        "height": output.get("height") or rendition["height"],
        "bytes": head["ContentLength"] + tracks,
        "duration_s": output.get("duration_s"),
    }


def _fail(settings: Settings, detail: Mapping[str, Any]) -> dict[str, Any]:
    request = json.loads(detail.get("input") or "{}").get("detail", {})
    asset, names = str(request.get("asset"))[:40], [str(name)[:40] for name in request.get("renditions") or ()]
    execution = detail["executionArn"]
    renders.release(settings.catalog_table, asset, names, execution)
    cause = str(detail.get("cause") or detail.get("error") or detail["status"])
    lines = [cause[:2000], f"Requested: {', '.join(names)}"]
    alert = alerts.of_asset("unrendered", asset, asset, lines, alerts.execution_link(execution), None)
    topic.publish_alert(settings.alert_topic_arn, alert.to_dict())
    return {"handled": True, "asset": asset}
