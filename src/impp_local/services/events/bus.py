"""EventBridge of the local cloud: events in, matched against the rules that moto keeps, delivered to their targets.

Services of the local cloud that emit events (S3, MediaConvert, Transcribe, Step Functions) publish them through
`kernel.events`; PutEvents of clients comes to the same place. Delivery is asynchronous, retried by the target's
RetryPolicy, and ends in the target's dead-letter queue with the attributes that EventBridge gives it. Nothing fires by
the clock: a laptop is off at night, so a schedule is run by hand with :func:`run_schedule`.
"""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from moto.events.models import EventsBackend, Rule, events_backends
from moto.scheduler.models import Schedule, scheduler_backends

from impp_local.kernel import billing, targets
from impp_local.kernel.defaults import ACCOUNT, REGION
from impp_local.kernel.dispatch import Dispatcher, Failure, RetryPolicy, Undeliverable
from impp_local.kernel.events import publish, subscribe, timestamp
from impp_local.services.events.patterns import matches, target_input

log: Final = logging.getLogger(__name__)
_dispatcher = Dispatcher("events")


def match_rules(event: Mapping[str, Any], bus: str) -> None:
    """Deliver a published event to the targets of each rule of the bus that matches it."""
    backend = events_backends[event["account"]][event["region"]]
    for rule in list(backend.event_buses[bus].rules.values()):
        pattern = rule.event_pattern.get_pattern()
        if rule.state != "DISABLED" and pattern and matches(pattern, event):
            for target in list(rule.targets):
                _deliver(target, target_input(target, event, rule.arn, rule.name), rule.arn)


def receive(arn: str, payload: str, _target: Mapping[str, Any]) -> None:
    """Put an event that was sent to a bus's ARN on that bus. Raises :class:`Undeliverable`."""
    _, _, _, region, account, name = arn.split(":", 5)
    bus = name.removeprefix("event-bus/")
    if bus not in events_backends[account][region].event_buses:
        raise Undeliverable("NO_RESOURCE", f"There is no event bus {arn}", retry=False)
    publish(json.loads(payload), bus=bus)


def in_flight() -> int:
    """Deliveries that are under way or wait for their next attempt."""
    return _dispatcher.busy


def dispatcher() -> Dispatcher:
    """The threads of event and notification delivery."""
    return _dispatcher


def run_schedule(name: str) -> str:
    """Fire a schedule of EventBridge Scheduler, or a rule with a schedule expression, now. Returns its ARN.

    Raises KeyError when there is neither of that name.
    """
    for group in scheduler_backends[ACCOUNT][REGION].schedule_groups.values():
        if schedule := group.schedules.get(name):
            _fire(schedule)
            return str(schedule.arn)
    rule = events_backends[ACCOUNT][REGION].event_buses["default"].rules.get(name)
    if rule is None or not rule.scheduled_expression:
        raise KeyError(name)
    tick: dict[str, Any] = {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
    }
    tick |= {"account": ACCOUNT, "time": timestamp(), "region": REGION, "resources": [rule.arn], "detail": {}}
    for target in list(rule.targets):
        _deliver(target, target_input(target, tick, rule.arn, rule.name), rule.arn)
    return str(rule.arn)


def schedules() -> list[dict[str, str]]:
    """What could be fired by hand: ``{name, expression, state, target}``."""
    rules = events_backends[ACCOUNT][REGION].event_buses["default"].rules.values()
    found = [_row(s.name, s.schedule_expression, s.state, [s.target]) for s in _all_schedules()]
    return found + [_row(r.name, r.scheduled_expression, r.state, r.targets) for r in rules if r.scheduled_expression]


def _row(name: str, expression: str, state: str, aims: list[dict[str, Any]]) -> dict[str, str]:
    return {"name": name, "expression": expression, "state": state, "target": ", ".join(aim["Arn"] for aim in aims)}


def _all_schedules() -> list[Schedule]:
    groups = scheduler_backends[ACCOUNT][REGION].schedule_groups.values()
    return [schedule for group in groups for schedule in group.schedules.values()]


def _fire(schedule: Schedule) -> None:
    """Its input may name the fire with the context attributes that the scheduler replaces."""
    text = str(schedule.target.get("Input") or "{}")
    context = {
        "schedule-arn": schedule.arn,
        "scheduled-time": timestamp(),
        "execution-id": str(uuid.uuid4()),
        "attempt-number": "1",
    }
    for name, value in context.items():
        text = text.replace(f"<aws.scheduler.{name}>", value)
    _deliver(schedule.target, text, schedule.arn)


def _deliver(target: Mapping[str, Any], payload: str, rule_arn: str) -> None:
    policy = target.get("RetryPolicy") or {}
    queue = (target.get("DeadLetterConfig") or {}).get("Arn")

    def give_up(failure: Failure) -> None:
        log.warning("Gave up on %s after %d retries: %s", target["Arn"], failure.attempts, failure.message)
        if queue:
            try:
                targets.dead_letter(queue, payload, targets.event_attributes(rule_arn, target["Arn"], failure))
            except Undeliverable as error:
                log.error("The dead letter of %s is lost: %s", rule_arn, error)

    _dispatcher.deliver(
        lambda: targets.send(target, payload),
        RetryPolicy(int(policy.get("MaximumRetryAttempts", 185)), float(policy.get("MaximumEventAgeInSeconds", 86400))),
        give_up,
    )


def _put_events(backend: EventsBackend, entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """PutEvents: an answer per entry, one bad entry does not harm the others."""
    return [_put_event(backend, entry) for entry in entries]


def _put_event(backend: EventsBackend, entry: Mapping[str, Any]) -> dict[str, Any]:
    for field in ("Source", "DetailType", "Detail"):
        if not entry.get(field):
            reason = f"Parameter {field} is not valid. Reason: {field} is a required argument."
            return {"ErrorCode": "InvalidArgument", "ErrorMessage": reason}
    if str(entry["Source"]).startswith("aws."):
        return {"ErrorCode": "NotAuthorizedForSourceException", "ErrorMessage": "Not authorized for the source."}
    try:
        detail = json.loads(entry["Detail"])
    except ValueError:
        detail = None
    if not isinstance(detail, dict):
        return {"ErrorCode": "MalformedDetail", "ErrorMessage": "Detail is malformed."}
    bus = backend._normalize_event_bus_arn(entry.get("EventBusName")) or "default"
    bus = bus.split("event-bus/")[-1]
    if bus not in backend.event_buses:
        return {"ErrorCode": "ResourceNotFoundException", "ErrorMessage": f"Event bus {bus} does not exist."}
    billing.meter("events", "custom_event", -(-len(entry["Detail"].encode()) // 65536))  # billed by 64 KB chunks
    moment = entry.get("Time")
    return {
        "EventId": publish(
            {
                "detail-type": entry["DetailType"],
                "source": entry["Source"],
                "account": backend.account_id,
                "region": backend.region_name,
                "time": timestamp(datetime.fromtimestamp(float(moment), UTC)) if moment else timestamp(),
                "resources": entry.get("Resources", []),
                "detail": detail,
            },
            bus=bus,
        )
    }


def start() -> None:
    """Take over moto's own (smaller) delivery. Idempotent."""
    global _dispatcher
    _dispatcher.close()
    _dispatcher = Dispatcher("events")
    subscribe(match_rules)
    targets.register("events", receive)
    EventsBackend.put_events = _put_events  # type: ignore[method-assign,assignment]
    Rule.send_to_targets = _nothing  # type: ignore[method-assign]


def _nothing(*_args: Any, **_kwargs: Any) -> None:
    """moto's rules deliver nothing themselves."""


def stop() -> None:
    """Forget what was not delivered yet."""
    _dispatcher.close()
