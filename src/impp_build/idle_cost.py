"""What an environment costs per month while no footage arrives, item by item, from its Terraform plan.

    python -m impp_local terraform plan --env prod --out build/prod.json
    python -m impp_build.idle_cost build/prod.json

Quantities come from the plan, prices from the price book of quote, ledger and local bill. A resource type that this
module does not know is an error: somebody has to decide what it costs.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import click

from impp_lambdas.core.money.pricing import PriceBook
from impp_lambdas.core.money.storage import MONTH_DAYS

Resource = Mapping[str, Any]
"""The planned attributes of a resource; those that AWS chooses are absent or None."""

HEARTBEAT_METRICS: Final = 3
"""Custom metrics of each edge box that sends heartbeats (docs/reference/metrics.md)."""


class Unpriced(ValueError):
    """A plan contains resource types whose cost nobody has decided."""


def _alarm_metrics(alarm: Resource) -> float:
    """An alarm is billed for each metric that its expression reads (https://aws.amazon.com/cloudwatch/pricing/)."""
    queries = alarm.get("metric_query") or []
    return sum(bool(query.get("metric")) for query in queries) or 1


def _daily_reports(schedule: Resource) -> float:
    """The daily report asks Cost Explorer once."""
    daily = re.match(r"cron\(\S+ \S+ \* \* \? \*\)$", schedule["schedule_expression"])
    if not daily:
        raise Unpriced(f"{schedule['name']}: {schedule['schedule_expression']} is not daily")
    return MONTH_DAYS


PRICED: Final[Mapping[str, tuple[str, str, Callable[[Resource], float]]]] = {
    "aws_budgets_budget_action": ("budgets", "action", lambda _: MONTH_DAYS),
    "aws_cloudwatch_composite_alarm": ("cloudwatch", "composite_alarm", lambda _: 1),
    "aws_cloudwatch_dashboard": ("cloudwatch", "dashboard", lambda _: 1),
    "aws_cloudwatch_metric_alarm": ("cloudwatch", "alarm", _alarm_metrics),
    "aws_kms_key": ("kms", "key", lambda _: 1),
    "aws_scheduler_schedule": ("ce", "api_request", _daily_reports),
    "aws_secretsmanager_secret": ("secretsmanager", "secret", lambda _: 1),
}
"""Service and item in the price book, and the quantity, by resource type."""

FREE: Final[Mapping[str, str]] = {
    "aws_appautoscaling_": "free",
    "aws_budgets_budget": "budgets without actions are free",
    "aws_ce_anomaly_monitor": "free",
    "aws_ce_anomaly_subscription": "free",
    "aws_cloudfront_": "billed by request and byte",
    "aws_cloudwatch_event_": "events of AWS services are free",
    "aws_cloudwatch_log_": "billed by byte",
    "aws_cloudwatch_query_definition": "free",
    "aws_dynamodb_table": "on demand: billed by request and byte",
    "aws_iam_": "free",
    "aws_kms_alias": "free",
    "aws_kms_key_policy": "free",
    "aws_lambda_": "billed by request and second; a layer's bytes within Lambda's free storage",
    "aws_macie2_account": "counted by the buckets, below",
    "aws_macie2_classification_job": "billed by byte; the buckets are counted below",
    "aws_media_convert_queue": "on demand: billed by minute",
    "aws_rolesanywhere_": "free",
    "aws_s3_": "billed by request and byte",
    "aws_sagemaker_endpoint": "serverless, or scaled in to zero: billed by the second of work or of an instance",
    "aws_sagemaker_endpoint_configuration": "free",
    "aws_sagemaker_model": "free",
    "aws_scheduler_schedule_group": "free",
    "aws_secretsmanager_secret_version": "counted by the secret",
    "aws_sfn_state_machine": "billed by transition",
    "aws_sns_": "billed by message",
    "aws_sqs_queue": "billed by request; no queue is polled",
    "aws_xray_group": "free",
}
"""Why a resource type costs nothing while no footage arrives. `…_` stands for all that begin so."""


@dataclass(frozen=True)
class Line:
    """One item: its quantity per month, USD at list price, and what the account's free tier takes off at most."""

    name: str
    quantity: float
    unit: str
    usd: float
    free_usd: float
    source: str


def idle_cost(plan: Mapping[str, Any], book: PriceBook | None = None) -> list[Line]:
    """Items of a plan (`terraform show -json`), sorted by name. Raises Unpriced for a resource type without a price."""
    book = book or PriceBook.load()
    held: defaultdict[tuple[str, str], float] = defaultdict(float)
    for service, item, quantity in _quantities(_planned(plan)):
        held[service, item] += quantity
    return [_line(book, service, item, held[service, item]) for service, item in sorted(held)]


def _planned(plan: Mapping[str, Any]) -> list[tuple[str, Resource]]:
    """Type and attributes of every resource that will exist."""
    changes = [change for change in plan["resource_changes"] if change["mode"] == "managed"]
    return [(change["type"], change["change"]["after"]) for change in changes if change["change"]["after"] is not None]


def _quantities(resources: list[tuple[str, Resource]]) -> Iterable[tuple[str, str, float]]:
    unknown = {kind for kind, _ in resources if kind not in PRICED and not _reason(kind)}
    if unknown:
        raise Unpriced(f"impp_build.idle_cost has no price for {', '.join(sorted(unknown))}")
    for kind, resource in resources:
        if kind in PRICED:
            service, item, quantity = PRICED[kind]
            yield service, item, quantity(resource)
    kinds = [kind for kind, _ in resources]
    if "aws_macie2_classification_job" in kinds:
        yield "macie", "bucket", kinds.count("aws_s3_bucket")
    boxes = {
        (r.get("dimensions") or {}).get("Device") for kind, r in resources if kind == "aws_cloudwatch_metric_alarm"
    }
    if boxes - {None}:
        yield "cloudwatch", "custom_metric", HEARTBEAT_METRICS * len(boxes - {None})


def _reason(kind: str) -> str | None:
    return FREE.get(kind) or next(
        (why for name, why in FREE.items() if name[-1] == "_" and kind.startswith(name)), None
    )


def _line(book: PriceBook, service: str, item: str, quantity: float) -> Line:
    price = book.price(service, item)
    source = f"{price.source} ({price.doubt})" if price.doubt else price.source
    free = min(quantity, price.free)
    return Line(
        f"{service} {item}".replace("_", " "), quantity, price.unit, quantity * price.usd, free * price.usd, source
    )


def table(lines: Iterable[Line]) -> str:
    """The items and their sum as a Markdown table."""
    lines = list(lines)
    rows = [
        f"| {line.name} | {line.quantity:g} | {line.usd:.2f} | {line.free_usd:.2f} | {line.usd - line.free_usd:.2f} "
        f"| {line.source} |"
        for line in lines
    ]
    usd, free = sum(line.usd for line in lines), sum(line.free_usd for line in lines)
    return "\n".join(
        (
            "| Item | Quantity | USD per month | of which free tier | USD to pay | Source of the price |",
            "| --- | ---: | ---: | ---: | ---: | --- |",
            *rows,
            f"| **sum** | | **{usd:.2f}** | **{free:.2f}** | **{usd - free:.2f}** | |",
        )
    )


@click.command()
@click.argument("plan", type=click.File())
def main(plan: Any) -> None:
    """Itemise what an environment costs per month without footage, from PLAN, a plan as JSON (`-`: stdin)."""
    try:
        click.echo(table(idle_cost(json.load(plan))))
    except Unpriced as error:
        raise click.ClickException(str(error)) from None


if __name__ == "__main__":
    main()
