"""Publish: delivers the results of an asset, records them and settles their cost; returns the alert about it.

In `{execution, started_at, retries, media, branches, archive}` (`media` is Inspect's result); out `{state, usd,
subject, alert, muted}`. Idempotent: files are overwritten, the month's sum is settled once.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from impp_lambdas.adapters import alert_limit, aws, delivery, metrics, publication, s3, speech_documents
from impp_lambdas.adapters.settings import Settings
from impp_lambdas.core import times
from impp_lambdas.core.money import ledger, storage
from impp_lambdas.core.results import alert_text, alerts, index
from impp_lambdas.core.results.manifest import Record


@aws.raises_throttled
def handler(event: dict[str, Any], context: aws.Context) -> dict[str, Any]:
    started = time.perf_counter()
    settings = Settings.from_env("work_bucket", "delivery_bucket", "catalog_table")
    media, archive = event["media"], event["archive"]
    results: dict[str, Mapping[str, Any]] = {**event["branches"], "archive": archive}
    speech = speech_documents.deliver(settings, media, results)
    delivered = delivery.deliver(settings, media, {**results, "plan": media["plan"]}, speech)
    end = publication.tag_outcome(media, results, delivered, speech.transcript)
    if end.state == "quarantined":  # it stays in Standard
        archive = results["archive"] = {k: v for k, v in archive.items() if k not in ("tag", "why")}
    usages = [media["usage"], *(result.get("usage", []) for result in results.values())]
    run = ledger.Run(
        verdict=media["verdict"],
        facts=media["facts"],
        usages=[*usages, metrics.usage(context, started)],
        retries=event["retries"],
        renditions=media["plan"]["renditions"],
        branches=event["branches"],
        archive=storage.Choice.from_dict(archive) if "tag" in archive else None,
        delivered_bytes=delivered.size,
    )
    analysis = _analysis(settings, results)
    record = Record(
        media=media,
        execution=event["execution"],
        outcome=end,
        results=results,
        delivery=delivered,
        transcript=speech.transcript,
        ledger=ledger.ledger(run),
        created_at=event["started_at"],
        finished_at=times.iso(datetime.now(UTC)),
        words=index.words(analysis, speech.phrases),
        tracks=analysis.get("tracks", ()),
    )
    publication.save(settings, record)
    links = alerts.execution_link(record.execution)
    if end.state not in publication.WITHOUT_MANIFEST:
        links = [*alerts.manifest_link(delivery.url(settings, media["asset"], "manifest.json")), *links]
    alert = alerts.of_asset(end.state, media["asset"], media["key"], alert_text.lines(record), links, record.usd)
    alert, is_muted = alert_limit.limited(settings.catalog_table, alert, media["key"], record.execution)
    return {
        "state": end.state,
        "usd": record.usd,
        "subject": alerts.subject(alert.title),
        "alert": alert.to_dict(),
        "muted": is_muted,
    }


def _analysis(settings: Settings, results: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Analyze's document; empty if it did not run, or the document has expired."""
    key = results.get("analyze", {}).get("analysis")
    return (s3.find_json(settings.work_bucket, key)[0] if key else None) or {}
