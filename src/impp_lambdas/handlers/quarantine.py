"""Quarantine: tags an object that cannot be processed, records the reason in catalog and index and returns the alert.

In `{execution, started_at, retries, media}` (`media` is Inspect's result); out `{state, usd, subject, alert, muted}`
with state `quarantined`, or `gone` if the object no longer exists. The object itself is not changed.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

from impp_lambdas.adapters import alert_limit, aws, dynamo, index, metrics, s3, spending
from impp_lambdas.adapters.settings import Settings
from impp_lambdas.core import keys, times
from impp_lambdas.core.money import ledger, pricing
from impp_lambdas.core.results import alert_text, alerts, manifest


@aws.raises_throttled
def handler(event: dict[str, Any], context: aws.Context) -> dict[str, Any]:
    started = time.perf_counter()
    settings = Settings.from_env("catalog_table", "delivery_bucket")
    media, execution = event["media"], event["execution"]
    state = "gone" if media["reason"] == "gone" else "quarantined"
    left_out: list[str] = []
    if state == "quarantined":
        left_out = s3.add_tags(media["bucket"], media["key"], media["version"], {"impp:state": state})
    usages = [media["usage"], metrics.usage(context, started)]
    lines = ledger.ledger(ledger.Run("quarantine", media["facts"], usages, event["retries"]))
    usd = pricing.total(lines)
    item = manifest.rejection(
        media,
        state=state,
        execution=execution,
        lines=lines,
        created_at=event["started_at"],
        finished_at=times.iso(datetime.now(UTC)),
    )
    dynamo.update_item(settings.catalog_table, keys.catalog_asset(media["asset"]), item)
    spending.settle(settings, media, execution, usd, lines)
    index.refresh(settings, media["asset"])
    metrics.count_asset(settings.catalog_table, state, usd, 0.0)
    text = alert_text.rejection_lines(media, left_out)
    alert = alerts.of_asset(state, media["asset"], media["key"], text, alerts.execution_link(execution), usd)
    alert, is_muted = alert_limit.limited(settings.catalog_table, alert, media["key"], execution)
    return {
        "state": state,
        "usd": usd,
        "subject": alerts.subject(alert.title),
        "alert": alert.to_dict(),
        "muted": is_muted,
    }
