"""Inspect: integrity, facts, plan, quote and budget of a new object, before anything is paid.

In `{execution, features, bucket, key, version}`; out `{verdict, reason, detail, asset, bucket, key, version, facts,
plan, quote, quote_basis, job_name, day, usage}` with verdict `process`, `archive_only`, `duplicate`, `ignored` or
`quarantine`.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from impp_footage.reader import Budget, BudgetExceeded, RangeReader, within
from impp_lambdas.adapters import admission, aws, metrics, s3
from impp_lambdas.adapters.admission import Verdict
from impp_lambdas.adapters.probe import probe
from impp_lambdas.adapters.ranged import open_object
from impp_lambdas.adapters.settings import Settings
from impp_lambdas.core.intake import inspection
from impp_lambdas.core.intake.originals import Original
from impp_lambdas.core.money.usage import copy_lines
from impp_lambdas.core.planning import transcription

if TYPE_CHECKING:
    from impp_lambdas.core.intake.inspection import Inspection
    from impp_lambdas.core.intake.problems import Problem
    from impp_lambdas.core.money.pricing import LedgerLine

RESERVE_S = 30.0
"""Seconds of the function's timeout that measuring a duration leaves for the rest."""
MAX_READS, MAX_BYTES = 50_000, 2**30
"""Reads and bytes of the parsers of boxes, most of which come from blocks that are in memory."""


@aws.raises_throttled
def handler(event: dict[str, Any], context: aws.Context) -> dict[str, Any]:
    started, now = time.perf_counter(), datetime.now(UTC)
    settings = Settings.from_env("delivery_bucket", "catalog_table", "work_bucket")
    original = Original(event["bucket"], event["key"], event["version"])
    copied: list[LedgerLine] = []
    head = s3.head(original.bucket, original.key)
    if head and original.version and head.get("VersionId", original.version) != original.version:
        inspected = inspection.of_deleted(original, now)
        verdict = Verdict("duplicate", "superseded", "a newer version has its own event")
    elif head and original.is_folder(int(head["ContentLength"])):
        inspected = inspection.without_reading(original, head, None)
        verdict = Verdict("ignored", "folder", "an empty object that stands for a folder")
    else:
        inspected = (
            _inspect(original, head, settings.work_bucket, copied, context)
            if head
            else inspection.of_deleted(original, now)
        )
        inspected, verdict = admission.decide(settings, original, inspected, event, now, context)
    outcome = {"verdict": verdict.verdict, "reason": verdict.reason, "detail": verdict.detail}
    aws.logger.info("inspected", extra={"asset": inspected.asset, "key": original.key, **outcome})
    return {
        **outcome,
        "plan": verdict.plan,
        "quote": list(verdict.quote),
        "quote_basis": verdict.quote_basis,
        "asset": inspected.asset,
        "bucket": original.bucket,
        "key": original.key,
        "version": original.version,
        "facts": inspected.facts.to_dict(),
        "job_name": transcription.job_name(inspected.asset, event["execution"]),
        "day": f"{now:%Y-%m-%d}",
        "usage": [*(line.to_dict() for line in copied), *metrics.usage(context, started)],
    }


def _inspect(
    original: Original, head: Mapping[str, Any], work_bucket: str, copied: list[LedgerLine], context: aws.Context
) -> Inspection:
    """Inspect an object. What a copy for MediaConvert costs is added to `copied`."""

    file = open_object(original.bucket, original.key, original.version, int(head["ContentLength"]))

    def examine(usable: int | None) -> Mapping[str, Any] | Problem:
        if key := original.copy_key(usable):
            s3.copy_version((original.bucket, original.key, original.version), (work_bucket, key), usable)
            copied.extend(copy_lines(usable or int(head["ContentLength"])))
        return probe(original.input_uri(work_bucket, usable))

    def measure(trusts_header: bool) -> float | None:
        from impp_lambdas.adapters import decoding  # few files need it

        limits = decoding.Limits.of(context, RESERVE_S)
        seconds = decoding.measure(file, limits, trusts_header=trusts_header)
        if file.stopped:
            raise BudgetExceeded(file.stopped)
        return seconds

    def describe() -> Mapping[str, Any]:
        from impp_lambdas.adapters import decoding

        return decoding.describe(file, decoding.Limits.of(context, RESERVE_S))

    def rhythm() -> Mapping[str, Any] | None:
        from impp_lambdas.adapters import decoding

        return decoding.rhythm(file, decoding.Limits.of(context, RESERVE_S))

    reader = within(RangeReader(file.read_at, file.size), Budget(MAX_READS, MAX_BYTES))
    return inspection.inspect(original, head, reader, inspection.Sources(examine, describe, measure, rhythm))
