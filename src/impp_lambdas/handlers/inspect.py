"""Inspect: integrity, facts, plan, quote and budget of a new object, before anything is paid.

In ``{execution, features, bucket, key, version}``; out ``{verdict, reason, detail, asset, bucket, key, version, facts,
plan, quote, job_name, month, usage}`` with verdict ``process``, ``archive_only``, ``duplicate`` or ``quarantine``.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from impp_lambdas.adapters import aws, catalog
from impp_lambdas.core import times
from impp_lambdas.core.intake import inspection
from impp_lambdas.core.intake.integrity import Problem
from impp_lambdas.core.intake.originals import Original
from impp_lambdas.core.money import pricing, quote, storage
from impp_lambdas.core.planning import plan, transcription

if TYPE_CHECKING:
    from impp_lambdas.core.intake.inspection import Inspected

Answer = dict[str, Any]

UNREADABLE = {"BadRequestException", "UnprocessableEntityException"}
"""Probe's errors that are the file's fault (MediaConvert's API reference); the rest are ours or AWS's."""


def handler(event: dict[str, Any], context: aws.Context) -> Answer:
    started, now = time.perf_counter(), datetime.now(UTC)
    settings = aws.Settings.from_env("delivery_bucket", "catalog_table")
    original = Original(event["bucket"], event["key"], event["version"])
    head = aws.head(original.bucket, original.key)
    superseded = head and original.version and head.get("VersionId", original.version) != original.version
    inspected = _inspect(original, head) if head and not superseded else inspection.gone(original, now)
    if superseded:
        verdict = {"verdict": "duplicate", "reason": "superseded", "detail": "a newer version has its own event"}
    else:
        inspected, verdict = _decide(settings, original, inspected, event, now)
    aws.logger.info("inspected", extra={"asset": inspected.asset, "key": original.key, **_short(verdict)})
    return {
        "plan": None,
        "quote": [],
        **verdict,
        "asset": inspected.asset,
        "bucket": original.bucket,
        "key": original.key,
        "version": original.version,
        "facts": inspected.facts.to_dict(),
        "job_name": transcription.job_name(inspected.asset, event["execution"]),
        "month": f"{now:%Y-%m}",
        "usage": aws.usage(context, started),
    }


def _inspect(original: Original, head: Mapping[str, Any]) -> Inspected:
    def read(start: int, length: int) -> bytes:
        return aws.read_range(original.bucket, original.key, original.version, start, length)

    return inspection.inspect(original, head, read, lambda: _probe(original.uri))


def _probe(uri: str) -> Mapping[str, Any] | Problem:
    try:
        results = aws.client("mediaconvert").probe(InputFiles=[{"FileUrl": uri}])["ProbeResults"]
    except ClientError as error:
        if aws.code(error) == "NotFoundException":
            return Problem("gone", "deleted while it was being read")
        if aws.code(error) not in UNREADABLE:
            raise
        return Problem("corrupt", str(error.response["Error"].get("Message", aws.code(error)))[:300])
    return results[0] if results else Problem("corrupt", "MediaConvert's probe found nothing to read")


def _decide(
    settings: aws.Settings, original: Original, inspected: Inspected, event: Mapping[str, Any], now: datetime
) -> tuple[Inspected, Answer]:
    """The verdict, and the inspection put right where another asset's identity was worn."""
    execution, table = event["execution"], settings.catalog_table
    if inspected.problem:
        inspected = inspection.apart(catalog.asset(table, inspected.asset), inspected, original, execution)
    else:
        other = catalog.begin(table, original, inspected, execution, times.iso(now))
        if other and (worn := inspection.impostor(other, inspected, original)):
            inspected = worn
        elif other:
            return inspected, _duplicate(table, original, inspected, execution, other)
    catalog.note_on_claim(table, original, execution, {"asset": inspected.asset})
    if inspected.problem:
        return inspected, {
            "verdict": "quarantine",
            "reason": inspected.problem.reason,
            "detail": inspected.problem.detail,
        }
    planned = plan.make(inspected.asset, inspected.facts, original.uri, settings.delivery_bucket, settings.max_frames)
    choice = storage.choose(inspected.facts)
    quoted = quote.lines(planned, inspected.facts, choice, event["features"], os.uname().machine)
    priced = {"plan": planned.to_dict(), "quote": [line.to_dict() for line in quoted]}
    usd, month = pricing.total(quoted), f"{now:%Y-%m}"
    if catalog.reserve(table, inspected.asset, execution, month, usd, settings.monthly_budget_usd):
        return inspected, {"verdict": "process", "reason": None, "detail": None, **priced}
    detail = (
        f"${catalog.spent(table, month):.2f} of ${settings.monthly_budget_usd:.2f} are spent or set aside in {month},"
        f" this asset may cost ${usd:.4f}"
    )
    return inspected, {"verdict": "archive_only", "reason": "over_budget", "detail": detail, **priced}


def _duplicate(
    table: str, original: Original, inspected: Inspected, execution: str, other: Mapping[str, Any]
) -> Answer:
    catalog.link_duplicate(table, original, execution, inspected.asset)
    tags = {"impp:state": "duplicate", "impp:archive": storage.choose(inspected.facts).tag}
    left_out = aws.add_tags(original.bucket, original.key, original.version, tags)
    detail = f"same content as {other.get('bucket')}/{other.get('key')}"
    if left_out:
        detail += f"; no room for the tags {', '.join(left_out)}"
    return {"verdict": "duplicate", "reason": "same_content", "detail": detail}


def _short(verdict: Mapping[str, Any]) -> Answer:
    return {name: verdict[name] for name in ("verdict", "reason", "detail")}
