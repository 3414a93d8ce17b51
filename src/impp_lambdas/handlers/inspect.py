"""Inspect: integrity, facts, plan, quote and budget of a new object, before anything is paid.

In `{execution, features, bucket, key, version}`; out `{verdict, reason, detail, asset, bucket, key, version, facts,
plan, quote, job_name, month, usage}` with verdict `process`, `archive_only`, `duplicate`, `ignored` or
`quarantine`.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

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
    from impp_lambdas.core.intake.integrity import Problem
    from impp_lambdas.core.money.pricing import LedgerLine


@aws.raises_throttled
def handler(event: dict[str, Any], context: aws.Context) -> dict[str, Any]:
    started, now = time.perf_counter(), datetime.now(UTC)
    settings = Settings.from_env("delivery_bucket", "catalog_table", "work_bucket")
    original = Original(event["bucket"], event["key"], event["version"])
    copied: list[LedgerLine] = []
    head = s3.head(original.bucket, original.key)
    if head and original.version and head.get("VersionId", original.version) != original.version:
        inspected = inspection.gone(original, now)
        verdict = Verdict("duplicate", "superseded", "a newer version has its own event")
    elif head and original.is_folder(int(head["ContentLength"])):
        inspected = inspection.unread(original, head, None)
        verdict = Verdict("ignored", "folder", "an empty object that stands for a folder")
    else:
        inspected = _inspect(original, head, settings.work_bucket, copied) if head else inspection.gone(original, now)
        inspected, verdict = admission.decide(settings, original, inspected, event, now)
    outcome = {"verdict": verdict.verdict, "reason": verdict.reason, "detail": verdict.detail}
    aws.logger.info("inspected", extra={"asset": inspected.asset, "key": original.key, **outcome})
    return {
        **outcome,
        "plan": verdict.plan,
        "quote": list(verdict.quote),
        "asset": inspected.asset,
        "bucket": original.bucket,
        "key": original.key,
        "version": original.version,
        "facts": inspected.facts.to_dict(),
        "job_name": transcription.job_name(inspected.asset, event["execution"]),
        "month": f"{now:%Y-%m}",
        "usage": [*(line.to_dict() for line in copied), *metrics.usage(context, started)],
    }


def _inspect(original: Original, head: Mapping[str, Any], work_bucket: str, copied: list[LedgerLine]) -> Inspection:
    """Inspect an object. What a copy for MediaConvert costs is added to `copied`."""

    def read(start: int, length: int) -> bytes:
        return s3.read_range(original.bucket, original.key, original.version, start, length)

    def examine() -> Mapping[str, Any] | Problem:
        if original.copy_key:
            s3.copy_version((original.bucket, original.key, original.version), (work_bucket, original.copy_key))
            copied.extend(copy_lines(int(head["ContentLength"])))
        return probe(original.input_uri(work_bucket))

    def measure(size: int) -> float | None:
        from impp_lambdas.core.media.duration import measure as of_file  # PyAV: 0.1 s that few files need

        return of_file(open_object(original.bucket, original.key, original.version, size))

    return inspection.inspect(original, head, read, examine, measure)
