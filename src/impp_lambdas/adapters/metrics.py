"""What a function reports about its own run: metrics of an asset's end, and what the invocation cost."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from impp_lambdas.core.money.usage import lambda_lines

if TYPE_CHECKING:
    from impp_lambdas.adapters.aws import Context


def count_asset(
    table: str, state: str, usd: float, media_seconds: float, overrides: Mapping[str, int] | None = None
) -> None:
    """Emit the metrics of an asset's end to CloudWatch in the embedded metric format: a log line, no API call.

    Namespace `IMPP`: `Assets` (Count) by Pipeline and State; `UsdPerAsset` (None, USD) and `MediaSeconds` (Seconds) by
    Pipeline only; where a service was asked about what a model had looked at, `Overrides` and `Disagreements` (Count)
    from Analyze's `overrides`. Each combination of dimensions is a paid metric, so there are few.
    """
    by_pipeline: dict[str, Any] = {
        "Namespace": "IMPP",
        "Dimensions": [["Pipeline"]],
        "Metrics": [{"Name": "UsdPerAsset", "Unit": "None"}, {"Name": "MediaSeconds", "Unit": "Seconds"}],
    }
    by_state = {
        "Namespace": "IMPP",
        "Dimensions": [["Pipeline", "State"]],
        "Metrics": [{"Name": "Assets", "Unit": "Count"}],
    }
    values = {"Pipeline": table.removesuffix("-catalog"), "State": state, "Assets": 1}
    values |= {"UsdPerAsset": usd, "MediaSeconds": media_seconds}
    if overrides and overrides["answers"]:
        by_pipeline["Metrics"] += [{"Name": name, "Unit": "Count"} for name in ("Overrides", "Disagreements")]
        values |= {"Overrides": overrides["answers"], "Disagreements": overrides["disagreements"]}
    metadata = {"Timestamp": round(time.time() * 1000), "CloudWatchMetrics": [by_pipeline, by_state]}
    print(json.dumps({"_aws": metadata, **values}), flush=True)


def usage(context: Context, started: float) -> list[dict[str, Any]]:
    """Ledger lines of this invocation so far: one request, and memory times wall time since `started`.

    `started` is :func:`time.perf_counter` on the handler's first line. The true bill adds the initialisation of a cold
    start and the milliseconds after this call.
    """
    seconds = time.perf_counter() - started
    lines = lambda_lines(seconds, int(context.memory_limit_in_mb), os.uname().machine)
    return [line.to_dict() for line in lines]
