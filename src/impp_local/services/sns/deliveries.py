"""SNS deliveries of the local cloud: to functions, queues and webhooks, with retries and redrive policies.

moto keeps topics, subscriptions and filter policies and makes the signed message; it delivers to queues well enough.
Functions and HTTP endpoints are reached from here, in the background: SNS invokes a function asynchronously, so what
the function does with the message is retried and dead-lettered by Lambda, and SNS' own dead letter is for a message
that could not be handed over at all.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from typing import Any, Final

import requests
from moto.sns.models import Subscription, sns_backends

from impp_local.kernel import targets
from impp_local.kernel.contract import Service
from impp_local.kernel.dispatch import Dispatcher, Failure, RetryPolicy, Undeliverable
from impp_local.kernel.moto import lock_of

log: Final = logging.getLogger(__name__)
_publish: Final = Subscription.publish
_dispatcher = Dispatcher("sns")

FUNCTION_POLICY: Final = RetryPolicy(attempts=100_015, max_age=23 * 86400)
"""AWS-managed endpoints: 100,015 attempts over 23 days (SNS Developer Guide, "Message delivery retries")."""

HTTP_POLICY: Final = RetryPolicy(attempts=3)
"""HTTP(S) endpoints without a delivery policy of their own: 3 retries (50 for other customer-managed ones)."""

HTTP_TIMEOUT_S: Final = 15.0


class Sns(Service):
    """Delivers messages; topics, subscriptions and the API are moto's."""

    name = "sns"

    def start(self) -> None:
        """Take over delivery from moto. Topics are targets."""
        global _dispatcher
        _dispatcher = Dispatcher("sns")
        Subscription.publish = _deliver  # type: ignore[method-assign]
        targets.register("sns", receive)

    def close(self) -> None:
        """Drop the deliveries that wait."""
        _dispatcher.close()

    def work(self) -> Mapping[str, int]:
        """Deliveries that are under way or wait for their next attempt."""
        return {"events": _dispatcher.busy}


def receive(arn: str, payload: str, _target: Mapping[str, Any]) -> None:
    """Publish what was sent to a topic's ARN."""
    _, _, _, region, account, _ = arn.split(":")
    with lock_of("sns"):
        sns_backends[account][region].publish(message=payload, arn=arn)


def _deliver(
    self: Subscription,
    message: str,
    message_id: str,
    subject: str | None = None,
    message_attributes: dict[str, Any] | None = None,
    group_id: str | None = None,
    deduplication_id: str | None = None,
    message_structure: str | None = None,
) -> None:
    if self.protocol not in ("lambda", "http", "https"):
        if str(self.attributes.get("RawMessageDelivery", "")).lower() == "false":
            self.attributes.pop("RawMessageDelivery")  # moto takes the word "false" for a yes
        _publish(self, message, message_id, subject, message_attributes, group_id, deduplication_id, message_structure)
        return
    matcher = self._filter_policy_matcher
    if matcher is not None and not matcher.matches(message_attributes, message):
        return
    if message_structure == "json":
        message = self._parse_message_structure(message, self.protocol)
    note = self.get_post_data(message, message_id, subject, message_attributes)
    if self.protocol == "lambda":
        record = json.dumps(lambda_event(note, self.arn), ensure_ascii=False)
        _send(self, lambda: targets.send({"Arn": self.endpoint}, record), FUNCTION_POLICY, record)
    else:
        body = message if _raw(self) else json.dumps(note, ensure_ascii=False)
        _send(self, lambda: _post(self, body, note), _http_policy(self), body)


def lambda_event(note: Mapping[str, Any], subscription_arn: str) -> dict[str, Any]:
    """The event that a function receives for a notification."""
    sns = {key: note[key] for key in ("Type", "MessageId", "TopicArn", "Message", "Timestamp", "SignatureVersion")}
    sns |= {
        "Subject": note.get("Subject"),
        "Signature": note["Signature"],
        "SigningCertUrl": note["SigningCertURL"],
        "UnsubscribeUrl": note["UnsubscribeURL"],
        "MessageAttributes": note.get("MessageAttributes") or {},
    }
    record = {"EventSource": "aws:sns", "EventVersion": "1.0", "EventSubscriptionArn": subscription_arn, "Sns": sns}
    return {"Records": [record]}


def _raw(subscription: Subscription) -> bool:
    return str(subscription.attributes.get("RawMessageDelivery", "")).lower() == "true"


def _http_policy(subscription: Subscription) -> RetryPolicy:
    """The subscription's or the topic's delivery policy, or SNS' default."""
    raw = subscription.attributes.get("DeliveryPolicy")
    policy = json.loads(raw) if isinstance(raw, str) and raw else (raw or {})
    retries = (policy.get("healthyRetryPolicy") or {}).get("numRetries")
    return RetryPolicy(attempts=int(retries)) if retries is not None else HTTP_POLICY


def _post(subscription: Subscription, body: str, note: Mapping[str, Any]) -> None:
    headers = {
        "Content-Type": "text/plain; charset=UTF-8",
        "x-amz-sns-message-type": "Notification",
        "x-amz-sns-message-id": str(note["MessageId"]),
        "x-amz-sns-topic-arn": str(note["TopicArn"]),
        "x-amz-sns-subscription-arn": subscription.arn,
    }
    try:
        answer = requests.post(subscription.endpoint, body.encode(), headers=headers, timeout=HTTP_TIMEOUT_S)
    except requests.RequestException as error:
        raise Undeliverable("CONNECTION_FAILURE", str(error)) from error
    if answer.status_code >= 300:  # 4xx other than 429 are permanent for SNS
        retry = answer.status_code >= 500 or answer.status_code == 429
        raise Undeliverable(str(answer.status_code), f"{subscription.endpoint}: {answer.status_code}", retry=retry)


def _send(subscription: Subscription, send: Callable[[], None], policy: RetryPolicy, body: str) -> None:
    def give_up(failure: Failure) -> None:
        log.warning("SNS gave up on %s: %s", subscription.endpoint, failure.message)
        raw = subscription.attributes.get("RedrivePolicy")
        redrive = json.loads(raw) if isinstance(raw, str) and raw else (raw or {})
        if queue := redrive.get("deadLetterTargetArn"):
            attributes = {"ERROR_CODE": ("String", failure.code), "ERROR_MESSAGE": ("String", failure.message[:1024])}
            try:
                targets.dead_letter(queue, body, attributes)
            except Undeliverable as error:
                log.error("The dead letter of %s is lost: %s", subscription.arn, error)

    _dispatcher.deliver(send, policy, give_up)
