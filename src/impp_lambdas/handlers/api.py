"""Api: what the page asks, through the function URL behind CloudFront.

`GET /api/money` is the month so far (core/money/month.py). `POST /api/actions` hands a request to the function
`actions`. This function's role can do nothing else: it may invoke `actions`, read sums and count requests.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

from impp_lambdas.adapters import aws, dynamo, spending
from impp_lambdas.adapters.dynamo import Counter
from impp_lambdas.adapters.settings import Settings
from impp_lambdas.core import keys
from impp_lambdas.core.actions import http
from impp_lambdas.core.actions.http import Call, Rejected
from impp_lambdas.core.money import month

PER_MINUTE = 60
"""Requests, of all viewers together."""
CONCURRENT = 8


@aws.raises_throttled
def handler(event: dict[str, Any], context: aws.Context) -> dict[str, Any]:
    started = time.perf_counter()
    settings = Settings.from_env("actions_function", "catalog_table")
    call, now = None, datetime.now(UTC)
    try:
        call = http.read(event)
        _count(settings, now)
        body = _money(settings, now) if call.path == "/api/money" else _act(settings, call)
        status = 200
    except Rejected as why:
        status, body = why.status, {"error": str(why)}
    aws.logger.info(
        "api",
        extra={
            "audit": True,
            "request_id": context.aws_request_id,
            "viewer": call.viewer if call else None,
            "key": call.key if call else None,
            "method": str(event["requestContext"]["http"]["method"])[:10],
            "path": str(event["rawPath"])[:100],
            "action": call.document.get("action") if call else None,
            "assets": call.document.get("assets") if call else None,
            "dry_run": call.document.get("dry_run") if call else None,
            "request": call.document.get("request") if call else None,
            "status": status,
            "error": body.get("error"),
            "seconds": round(time.perf_counter() - started, 3),
        },
    )
    headers = {"content-type": "application/json", "cache-control": "no-store"}
    if status == 429:
        headers["retry-after"] = str(60 - now.second)
    return {"statusCode": status, "headers": headers, "body": json.dumps(body, ensure_ascii=False)}


def _count(settings: Settings, now: datetime) -> None:
    counter = Counter(
        keys.catalog_rate("api", f"{now:%Y-%m-%dT%H:%M}"), "requests", PER_MINUTE, int(now.timestamp()) + 3600
    )
    if not dynamo.add(settings.catalog_table, counter, 1):
        raise Rejected(429, f"more than {PER_MINUTE} requests per minute; try again in {60 - now.second} s")


def _money(settings: Settings, now: datetime) -> dict[str, Any]:
    table, today = settings.catalog_table, now.date()
    days = month.days_of(today)
    with ThreadPoolExecutor(CONCURRENT) as pool:
        usd, *by_day = pool.map(lambda period: spending.of_period(table, period), [f"{today:%Y-%m}", *days])
    services = spending.by_service(table, f"{today:%Y-%m}")
    by_days = dict(zip(days, by_day, strict=True))
    return month.document(today, usd, by_days, services, settings.monthly_budget_usd)


def _act(settings: Settings, call: Call) -> Mapping[str, Any]:
    payload = json.dumps(dict(call.document)).encode()
    answer = aws.client("lambda").invoke(FunctionName=settings.actions_function, Payload=payload)
    document = json.loads(answer["Payload"].read())
    if answer.get("FunctionError"):
        aws.logger.error("actions failed", extra={"error": document})
        raise Rejected(502, "the action failed; repeat the request: it is safe")
    if "error" in document:
        raise Rejected(400, str(document["error"]))
    result: Mapping[str, Any] = document
    return result
