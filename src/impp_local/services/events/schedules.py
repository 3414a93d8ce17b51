"""Schedules run by hand: a laptop is off at night, so nothing fires by the clock."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

from moto.events.models import Rule, events_backends
from moto.scheduler.models import Schedule, scheduler_backends

from impp_local.kernel.defaults import ACCOUNT, REGION
from impp_local.kernel.events import timestamp
from impp_local.services.events import bus
from impp_local.services.events.patterns import target_input


def describe_all() -> list[dict[str, str]]:
    """The schedules of EventBridge Scheduler and the scheduled rules: ``{name, expression, state, target}``."""
    schedules = [_describe(s.name, s.schedule_expression, s.state, [s.target]) for s in _schedules()]
    rules = [_describe(r.name, r.scheduled_expression, r.state, r.targets) for r in _scheduled_rules()]
    return schedules + rules


def run(name: str) -> str:
    """Run a schedule or a scheduled rule now; returns its ARN. Raises KeyError when there is neither of that name."""
    for schedule in _schedules():
        if schedule.name == name:
            _run_schedule(schedule)
            return str(schedule.arn)
    for rule in _scheduled_rules():
        if rule.name == name:
            _run_rule(rule)
            return str(rule.arn)
    raise KeyError(name)


def _run_schedule(schedule: Schedule) -> None:
    """Deliver the schedule's input, its context attributes replaced.

    https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html
    """
    payload = str(schedule.target.get("Input") or "{}")
    attributes = {
        "schedule-arn": schedule.arn,
        "scheduled-time": timestamp(),
        "execution-id": str(uuid.uuid4()),
        "attempt-number": "1",
    }
    for name, value in attributes.items():
        payload = payload.replace(f"<aws.scheduler.{name}>", value)
    bus.deliver(schedule.target, payload, schedule.arn)


def _run_rule(rule: Rule) -> None:
    """Deliver a "Scheduled Event" (https://docs.aws.amazon.com/eventbridge/latest/ref/events.html)."""
    event: dict[str, Any] = {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": ACCOUNT,
        "time": timestamp(),
        "region": REGION,
        "resources": [rule.arn],
        "detail": {},
    }
    for target in list(rule.targets):
        bus.deliver(target, target_input(target, event, rule.arn, rule.name), rule.arn)


def _schedules() -> Iterator[Schedule]:
    for group in list(scheduler_backends[ACCOUNT][REGION].schedule_groups.values()):
        yield from list(group.schedules.values())


def _scheduled_rules() -> list[Rule]:
    rules = events_backends[ACCOUNT][REGION].event_buses["default"].rules.values()
    return [rule for rule in rules if rule.scheduled_expression]


def _describe(name: str, expression: str | None, state: str, targets: list[dict[str, Any]]) -> dict[str, str]:
    arns = ", ".join(target["Arn"] for target in targets)
    return {"name": name, "expression": expression or "", "state": state, "target": arns}
