"""A function's log: Lambda's own lines around what the function printed, in the log group that it is configured for."""

from __future__ import annotations

import json
import time
import uuid
from datetime import UTC, datetime
from typing import Any

from moto.awslambda.models import LambdaFunction
from moto.logs.models import logs_backends

from impp_local.iam import enforcement
from impp_local.iam.need import Need
from impp_local.kernel import billing
from impp_local.kernel.functions import Report
from impp_local.kernel.moto import changing


def group_of(function: LambdaFunction) -> str:
    """Where the function logs: its LoggingConfig's group, or ``/aws/lambda/<name>``."""
    return str(_config(function).get("LogGroup") or f"/aws/lambda/{function.function_name}")


def new_stream() -> str:
    """The name of the log stream of a new execution environment."""
    return f"{datetime.now(UTC):%Y/%m/%d}/[$LATEST]{uuid.uuid4().hex}"


def timestamp() -> str:
    """Now, as Lambda writes it: ``2026-11-22T10:11:12.123Z``."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def compose(function: LambdaFunction, report: Report, printed: list[str]) -> list[str]:
    """The function's own lines between Lambda's START, END and REPORT (JSON when the function logs JSON).

    https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-view.html
    """
    if _config(function).get("LogFormat") == "JSON":
        start = {"requestId": report.request_id, "version": report.version}
        return [_platform("start", start), *printed, _platform("report", _json_report(function, report))]
    init = f"\tInit Duration: {report.init_ms:.2f} ms" if report.init_ms is not None else ""
    return [
        f"START RequestId: {report.request_id} Version: {report.version}",
        *printed,
        f"END RequestId: {report.request_id}",
        f"REPORT RequestId: {report.request_id}\tDuration: {report.duration_ms:.2f} ms\t"
        f"Billed Duration: {report.billed_ms} ms\tMemory Size: {int(function.memory_size)} MB\t"
        f"Max Memory Used: {report.max_memory_mb} MB{init}",
    ]


def write(function: LambdaFunction, stream: str, lines: list[str]) -> None:
    """Append lines to a log stream of the function and meter them; a role that may not write logs leaves none."""
    group = group_of(function)
    log_stream = f"arn:aws:logs:{function.region}:{function.account_id}:log-group:{group}:log-stream:{stream}"
    writing = [Need(f"logs:{action}", log_stream) for action in ("CreateLogStream", "PutLogEvents")]
    if not enforcement.may(enforcement.session(function.role, function.function_name), writing):
        return
    now = int(time.time() * 1000)
    with changing("logs"):
        backend = logs_backends[function.account_id][function.region]
        backend.ensure_log_group(group)
        backend.ensure_log_stream(group, stream)
        backend.put_log_events(group, stream, [{"timestamp": now, "message": line} for line in lines])
    # CloudWatch bills 26 bytes per event on top of its text.
    billing.meter("cloudwatch", "logs_ingest", sum(len(line.encode()) + 26 for line in lines) / 1e9)


def _config(function: LambdaFunction) -> dict[str, Any]:
    return getattr(function, "logging_config", None) or {}


def _platform(kind: str, record: dict[str, Any]) -> str:
    return json.dumps({"time": timestamp(), "type": f"platform.{kind}", "record": record})


def _json_report(function: LambdaFunction, report: Report) -> dict[str, Any]:
    metrics = {
        "durationMs": round(report.duration_ms, 3),
        "billedDurationMs": report.billed_ms,
        "memorySizeMB": int(function.memory_size),
        "maxMemoryUsedMB": report.max_memory_mb,
    }
    if report.init_ms is not None:
        metrics["initDurationMs"] = round(report.init_ms, 3)
    return {"requestId": report.request_id, "status": "error" if report.error else "success", "metrics": metrics}
