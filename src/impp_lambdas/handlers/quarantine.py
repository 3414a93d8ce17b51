"""Quarantine: an object that cannot be processed keeps its bytes, gets its reason into tag and catalog, and an alert.

In ``{execution, started_at, retries, media}`` (``media`` is Inspect's answer); out ``{state, usd, subject,
alert}`` with state ``quarantined``, or ``gone`` where there is no object left to tag.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

from impp_lambdas.adapters import aws, catalog
from impp_lambdas.core import keys, times
from impp_lambdas.core.money import ledger, pricing
from impp_lambdas.core.results import alerts, manifest, summary


def handler(event: dict[str, Any], context: aws.Context) -> dict[str, Any]:
    started = time.perf_counter()
    settings = aws.Settings.from_env("catalog_table")
    media, execution, table = event["media"], event["execution"], settings.catalog_table
    state = "gone" if media["reason"] == "gone" else "quarantined"
    left_out: list[str] = []
    if state == "quarantined":
        left_out = aws.add_tags(media["bucket"], media["key"], media["version"], {"impp:state": state})
    usages = [media["usage"], aws.usage(context, started)]
    lines = ledger.ledger("quarantine", {"renditions": []}, media["facts"], {}, usages, None, 0, event["retries"])
    usd = pricing.total(lines)
    finished = times.iso(datetime.now(UTC))
    item = manifest.rejected(media, state, execution, lines, event["started_at"], finished)
    aws.update_item(table, keys.catalog_asset(media["asset"]), item)
    catalog.settle(table, media["asset"], execution, media["month"], usd)
    aws.count_asset(table, state, usd, 0.0)
    text = [
        f"{media['reason']}: {media['detail']}",
        f"s3://{media['bucket']}/{media['key']}",
        summary.describe(media["facts"]),
        f"No room for the tags {', '.join(left_out)}: S3 allows 10 on an object" if left_out else "",
    ]
    links = alerts.execution_link(execution)
    alert = alerts.of_asset(state, media["asset"], media["key"], text, links, usd)
    return {"state": state, "usd": usd, "subject": alerts.subject(alert.title), "alert": alert.to_dict()}
