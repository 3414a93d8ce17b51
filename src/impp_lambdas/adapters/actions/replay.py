"""Replay originals whose run had no result: release the claim, and start the state machine with the same object."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from impp_lambdas.adapters import aws, catalog, dynamo, spending
from impp_lambdas.adapters.actions import restore
from impp_lambdas.adapters.actions.scope import original_of
from impp_lambdas.adapters.dynamo import Counter
from impp_lambdas.core import keys
from impp_lambdas.core.actions import decision, replay
from impp_lambdas.core.actions.availability import ARCHIVED, RESTORING

if TYPE_CHECKING:
    from impp_lambdas.adapters.actions.scope import Scope
    from impp_lambdas.adapters.settings import Settings


def run(scope: Scope, asset: str) -> dict[str, Any]:
    """Process an asset's original again; restore it first if it is archived."""
    item, where = scope.look(asset)
    limit_usd = scope.settings.max_usd_per_asset or None
    decided = replay.decide(item, where, scope.options, left_usd(scope.settings, scope.now), limit_usd)
    if scope.request.dry_run or not decided.proceeds or item is None or where is None:
        return decided.result(asset)
    then = {"replay": scope.request.request}
    if where.state == ARCHIVED:
        return restore.begin(scope, item, where, decided, then)
    if where.state == RESTORING:
        restore.expect(scope.settings.catalog_table, original_of(item), {"asset": asset, **then})
        return decided.result(asset, decision.ACCEPTED)
    if not _has_turn(scope):
        wait_s = 60 - scope.now.second
        limit = f"{replay.PER_MINUTE} replays per minute are started already; repeat in {wait_s} s"
        return decision.refuse(limit, wait_s).result(asset)
    started = start(scope.settings, item, scope.request.request)
    return decided.result(asset, decision.ACCEPTED if started else decision.NOTHING)


def start(settings: Settings, item: Mapping[str, Any], request: str) -> bool:
    """Start a run for an asset, once per request; False if this request has started one that has ended.

    StartExecution is idempotent for the same name and input while the execution runs, and refuses the name for 90 days
    after it (API reference). The claim is released for the run that the catalog names, so that a newer run keeps its.
    """
    original = original_of(item)
    catalog.release(settings.catalog_table, original, str(item.get("execution")))
    try:
        aws.client("stepfunctions").start_execution(
            stateMachineArn=settings.state_machine_arn,
            name=f"replay-{item['asset']}-{request}",
            input=json.dumps(replay.event(item), sort_keys=True),
        )
    except ClientError as error:
        if aws.code(error) != "ExecutionAlreadyExists":
            raise
        return False
    return True


def left_usd(settings: Settings, now: datetime) -> float | None:
    """What the month's budget has left; None without a budget."""
    if not settings.monthly_budget_usd:
        return None
    return settings.monthly_budget_usd - spending.of_month(settings.catalog_table, f"{now:%Y-%m}")


def _has_turn(scope: Scope) -> bool:
    minute = f"{scope.now:%Y-%m-%dT%H:%M}"
    expires_at = int(scope.now.timestamp()) + 3600
    counter = Counter(keys.catalog_rate("replay", minute), "started", replay.PER_MINUTE, expires_at)
    return dynamo.add(scope.settings.catalog_table, counter, 1)
