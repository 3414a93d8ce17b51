"""EventBridge's bus: events are matched against the rules that moto keeps and delivered to their targets.

Services of the local cloud (S3, MediaConvert, Transcribe, Step Functions) publish through `kernel.events`, and so does
PutEvents. Delivery is asynchronous, retried by the target's RetryPolicy, and ends in the target's dead-letter queue
with EventBridge's attributes (https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html).
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final

from moto.events.models import events_backends

from impp_local.iam import enforcement, key_needs, service_access
from impp_local.iam.need import Need
from impp_local.kernel import targets
from impp_local.kernel.contract import AwsError
from impp_local.kernel.dispatch import Delivery, Dispatcher, Failure, RetryPolicy, Undeliverable
from impp_local.kernel.events import publish, subscribe
from impp_local.kernel.store import Store
from impp_local.services.events.patterns import matches, target_input

log: Final = logging.getLogger(__name__)

MAX_RETRIES: Final = 185
MAX_AGE_S: Final = 24 * 3600
"""What applies when a target has no RetryPolicy
(https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-retry-policy.html)."""


class _Targets:
    """Sends to the targets of rules and schedules."""

    def send(self, delivery: Delivery) -> None:
        """Send the payload to the target."""
        target, source_arn = delivery.arguments["target"], delivery.arguments["source_arn"]
        _check(target, source_arn, target["Arn"], key_needs.of_schedule(source_arn))
        targets.send({**target, "DeliveryId": delivery.id}, delivery.arguments["payload"])

    def give_up(self, delivery: Delivery, failure: Failure) -> None:
        """Send it to the target's dead-letter queue."""
        target, source_arn = delivery.arguments["target"], delivery.arguments["source_arn"]
        log.warning("Gave up on %s after %d retries: %s", target["Arn"], failure.attempts, failure.message)
        if queue := (target.get("DeadLetterConfig") or {}).get("Arn"):
            attributes = targets.event_attributes(source_arn, target["Arn"], failure)
            try:
                _check({} if ":rule/" in source_arn else target, source_arn, queue)
                targets.dead_letter(queue, delivery.arguments["payload"], attributes)
            except Undeliverable as error:
                log.error("The dead letter of %s is lost: %s", source_arn, error)


def _check(target: Mapping[str, Any], source_arn: str, arn: str, besides: Sequence[Need] = ()) -> None:
    """Raise Undeliverable unless the target's role, or else EventBridge itself, may send to an ARN, and the role may do
    what is needed `besides`.

    A rule's dead letters are EventBridge's own, a schedule's are its role's. Scheduler passes its schedule group's ARN
    when it assumes a role (Scheduler user guide, "Confused deputy prevention").
    """
    role = target.get("RoleArn")
    if not role:
        service_access.deliver(arn, service=service_access.EVENTS, source_arn=source_arn)
        return
    service, source = service_access.EVENTS, source_arn
    if ":schedule/" in source_arn:
        service, source = (
            service_access.SCHEDULER,
            source_arn.replace(":schedule/", ":schedule-group/").rpartition("/")[0],
        )
    try:
        caller = enforcement.assume(role, service, "delivery", source)
        enforcement.require(caller, "", besides)
    except AwsError as error:
        raise Undeliverable("NO_PERMISSIONS", error.message, retry=False) from error
    service_access.deliver(arn, role=caller)


_dispatcher = Dispatcher("events", _Targets())


def start(store: Store) -> None:
    """Deliver what is published. Idempotent, except that deliveries of an earlier start are left."""
    global _dispatcher
    _dispatcher.close()
    _dispatcher = Dispatcher("events", _Targets(), store)
    subscribe(match_rules)
    targets.register("events", receive)


def in_flight() -> int:
    """Deliveries that run or wait for their next attempt."""
    return _dispatcher.busy


def dispatcher() -> Dispatcher:
    """The threads that deliver."""
    return _dispatcher


def match_rules(event: Mapping[str, Any], bus: str) -> None:
    """Deliver a published event to the targets of each rule of the bus that matches it."""
    backend = events_backends[event["account"]][event["region"]]
    for rule in list(backend.event_buses[bus].rules.values()):
        pattern = rule.event_pattern.get_pattern()
        if rule.state != "DISABLED" and pattern and matches(pattern, event):
            for target in list(rule.targets):
                deliver(target, target_input(target, event, rule.arn, rule.name), rule.arn)


def receive(arn: str, payload: str, _target: Mapping[str, Any]) -> None:
    """Put an event that was sent to a bus's ARN on that bus. Raises :class:`Undeliverable`."""
    _, _, _, region, account, name = arn.split(":", 5)
    bus = name.removeprefix("event-bus/")
    if bus not in events_backends[account][region].event_buses:
        raise Undeliverable("NO_RESOURCE", f"There is no event bus {arn}", retry=False)
    publish(json.loads(payload), bus=bus)


def deliver(target: Mapping[str, Any], payload: str, source_arn: str) -> None:
    """Send `payload` to a target in the background, with its retries; `source_arn` is the rule or schedule."""
    policy = target.get("RetryPolicy") or {}
    _dispatcher.deliver(
        {"target": dict(target), "payload": payload, "source_arn": source_arn},
        RetryPolicy(
            int(policy.get("MaximumRetryAttempts", MAX_RETRIES)),
            float(policy.get("MaximumEventAgeInSeconds", MAX_AGE_S)),
        ),
    )
