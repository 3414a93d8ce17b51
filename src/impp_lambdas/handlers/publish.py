"""Publish: what was made of an asset is delivered, recorded and paid for; the answer is the alert about it.

In ``{execution, started_at, retries, media, sample, branches, archive}`` (``media`` is Inspect's answer); out ``{state,
usd, subject, alert}``. Running it again gives the same: files replace themselves, the month's sum is settled once.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from impp_lambdas.adapters import aws, catalog, delivery
from impp_lambdas.core import keys, times
from impp_lambdas.core.intake.originals import Original
from impp_lambdas.core.money import ledger, storage
from impp_lambdas.core.results import alerts, manifest, outcome, summary
from impp_lambdas.core.results.manifest import Delivered, Record

Results = dict[str, Mapping[str, Any]]


def handler(event: dict[str, Any], context: aws.Context) -> dict[str, Any]:
    started = time.perf_counter()
    settings = aws.Settings.from_env("work_bucket", "delivery_bucket", "catalog_table")
    media, branches = event["media"], event["branches"]
    results: Results = {**branches, "archive": event["archive"]}
    if media["verdict"] == "process":
        results["sample"] = event["sample"]
    made = delivery.deliver(settings, media["asset"], {**results, "plan": media["plan"]})
    ended = _outcome(media, results, made)
    record = Record(
        media=media,
        execution=event["execution"],
        outcome=ended,
        results=results,
        delivered=made,
        transcript=delivery.transcript(settings, results),
        ledger=_ledger(event, results, made, aws.usage(context, started)),
        created_at=event["started_at"],
        finished_at=times.iso(datetime.now(UTC)),
    )
    _record(settings, record)
    links = [*alerts.manifest_link(settings.delivery_domain, media["asset"]), *alerts.execution_link(record.execution)]
    alert = alerts.of_asset(ended.state, media["asset"], media["key"], summary.lines(record), links, record.usd)
    return {"state": ended.state, "usd": record.usd, "subject": alerts.subject(alert.title), "alert": alert.to_dict()}


def _outcome(media: Mapping[str, Any], results: Results, made: Delivered) -> outcome.Outcome:
    """The state, once the original has been tagged with it: a full set of tags is itself a reason for ``partial``."""
    delivered = {r["name"] for r in made.renditions}
    missing = [r["name"] for r in media["plan"]["renditions"] if r["name"] not in delivered]
    left_out = list(results["archive"].get("tags_left_out", []))
    ended = outcome.of_branches(media["verdict"], media["detail"], results, missing, left_out)
    tag = {"impp:state": ended.state}
    if unstated := aws.add_tags(media["bucket"], media["key"], media["version"], tag):
        ended = outcome.of_branches(media["verdict"], media["detail"], results, missing, [*left_out, *unstated])
    return ended


def _ledger(
    event: Mapping[str, Any], results: Results, made: Delivered, own_usage: list[dict[str, Any]]
) -> ledger.Lines:
    media, archive = event["media"], event["archive"]
    choice = storage.Choice.from_dict(archive) if "tag" in archive else None
    usages = [media["usage"], *(result.get("usage", []) for result in results.values()), own_usage]
    verdict, plan, facts = media["verdict"], media["plan"], media["facts"]
    return ledger.ledger(verdict, plan, facts, event["branches"], usages, choice, made.size, event["retries"])


def _record(settings: aws.Settings, record: Record) -> None:
    media, table = record.media, settings.catalog_table
    if record.outcome.state != "deferred":
        document = manifest.manifest(record)
        aws.put_json(settings.delivery_bucket, keys.delivery(media["asset"], "manifest.json"), document)
    aws.update_item(table, keys.catalog_asset(media["asset"]), manifest.catalog(record))
    reserved = manifest.quoted(media) if media["verdict"] == "process" else 0.0
    catalog.settle(table, media["asset"], record.execution, media["month"], record.usd - reserved)
    if record.outcome.state == "deferred":  # the same event may come again when there is money again
        catalog.release(table, Original(media["bucket"], media["key"], media["version"]), record.execution)
    aws.count_asset(table, record.outcome.state, record.usd, float(media["facts"]["duration_s"]))
