"""Archive: chooses the storage class of an original and writes it to the tag that the bucket's lifecycle rules act on.

In `{asset, bucket, key, version, facts, plan, verdict}`; out `{status, storage_class, tag, why, first_month,
tags_left_out, usage}`.
"""

from __future__ import annotations

import time
from typing import Any

from impp_lambdas.adapters import aws, metrics, s3
from impp_lambdas.core.intake.facts import Facts
from impp_lambdas.core.money import storage


@aws.raises_throttled
def handler(event: dict[str, Any], context: aws.Context) -> dict[str, Any]:
    started = time.perf_counter()
    facts = Facts(**event["facts"])
    keep_years = (event["plan"] or {}).get("keep_years")
    choice = storage.choose(facts, keep_years, is_deferred=event["verdict"] == "archive_only")
    left_out = s3.add_tags(event["bucket"], event["key"], event["version"], storage.tags(facts, choice))
    aws.logger.info("storage class chosen", extra={"asset": event["asset"], "tag": choice.tag, "why": choice.why})
    return {"status": "ok", **choice.to_dict(), "tags_left_out": left_out, "usage": metrics.usage(context, started)}
