"""SNS deliveries to functions, queues and webhooks, with retries and redrive policies.

moto keeps topics, subscriptions and filter policies, signs the message and delivers to queues. Functions and HTTP
endpoints are reached from here, in the background. SNS invokes a function asynchronously, so Lambda retries and
dead-letters what the function does with the message; SNS's own dead letter is for a message that could not be handed
over (https://docs.aws.amazon.com/sns/latest/dg/sns-dead-letter-queues.html).
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any, Final

import requests
from moto.sns.models import Subscription

from impp_local.iam import service_access
from impp_local.kernel import targets
from impp_local.kernel.dispatch import Delivery, Dispatcher, Failure, RetryPolicy, Undeliverable
from impp_local.kernel.store import Store

log: Final = logging.getLogger(__name__)

FUNCTION_POLICY: Final = RetryPolicy(attempts=100_015, max_age=23 * 86400)
"""AWS-managed endpoints: 100,015 attempts over 23 days
(https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html)."""

HTTP_POLICY: Final = RetryPolicy(attempts=3)
"""HTTP(S) endpoints without a delivery policy of their own: 3 retries (50 for other customer-managed ones)."""

HTTP_TIMEOUT_S: Final = 15.0

_deliver_in_moto: Final = Subscription.publish


class _Subscriptions:
    """Hands messages to functions and webhooks."""

    def send(self, delivery: Delivery) -> None:
        """Invoke the function, or call the webhook."""
        given = delivery.arguments
        if given["protocol"] == "lambda":
            _check(given["subscription"], given["endpoint"])
            targets.send({"Arn": given["endpoint"]}, given["body"])
        else:
            _post(given["endpoint"], given["body"], given["headers"])

    def give_up(self, delivery: Delivery, failure: Failure) -> None:
        """Send the message to the subscription's dead-letter queue."""
        given = delivery.arguments
        log.warning("SNS gave up on %s: %s", given["endpoint"], failure.message)
        if queue := given["dead_letters"]:
            attributes = {"ERROR_CODE": ("String", failure.code), "ERROR_MESSAGE": ("String", failure.message[:1024])}
            try:
                _check(given["subscription"], queue)
                targets.dead_letter(queue, given["body"], attributes)
            except Undeliverable as error:
                log.error("The dead letter of %s is lost: %s", given["subscription"], error)


_dispatcher = Dispatcher("sns", _Subscriptions())


def start(store: Store) -> None:
    """Start the threads of a new cloud."""
    global _dispatcher
    _dispatcher.close()
    _dispatcher = Dispatcher("sns", _Subscriptions(), store)


def dispatcher() -> Dispatcher:
    """The threads that deliver."""
    return _dispatcher


def in_flight() -> int:
    """Deliveries that run or wait for their next attempt."""
    return _dispatcher.busy


def deliver(
    self: Subscription,
    message: str,
    message_id: str,
    subject: str | None = None,
    message_attributes: dict[str, Any] | None = None,
    group_id: str | None = None,
    deduplication_id: str | None = None,
    message_structure: str | None = None,
) -> None:
    """Deliver a message to a subscription that wants it; the parameters are moto's."""
    if self.protocol not in ("lambda", "http", "https"):
        if self.protocol == "sqs":
            try:
                _check(self.arn, self.endpoint)
            except Undeliverable as error:
                log.warning("SNS may not send to %s: %s", self.endpoint, error)
                return
        if str(self.attributes.get("RawMessageDelivery", "")).lower() == "false":
            self.attributes.pop("RawMessageDelivery")  # to moto any text is true
        _deliver_in_moto(
            self, message, message_id, subject, message_attributes, group_id, deduplication_id, message_structure
        )
        return
    matcher = self._filter_policy_matcher
    if matcher is not None and not matcher.matches(message_attributes, message):
        return
    if message_structure == "json":
        message = self._parse_message_structure(message, self.protocol)
    notification = self.get_post_data(message, message_id, subject, message_attributes)
    headers: dict[str, str] = {}
    if self.protocol == "lambda":
        body, policy = json.dumps(lambda_event(notification, self.arn), ensure_ascii=False), FUNCTION_POLICY
    else:
        body = message if _is_raw(self) else json.dumps(notification, ensure_ascii=False)
        headers, policy = _headers(self, notification), _http_policy(self)
    given = {
        "subscription": self.arn,
        "protocol": self.protocol,
        "endpoint": self.endpoint,
        "body": body,
        "headers": headers,
        "dead_letters": _dead_letter_queue(self),
    }
    _dispatcher.deliver(given, policy)


def _check(subscription_arn: str, endpoint: str) -> None:
    """Raise Undeliverable unless SNS may send to an ARN for the subscription's topic."""
    service_access.deliver(endpoint, service=service_access.SNS, source_arn=subscription_arn.rpartition(":")[0])


def lambda_event(notification: Mapping[str, Any], subscription_arn: str) -> dict[str, Any]:
    """The event that a function receives (https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html)."""
    sns = {
        key: notification[key] for key in ("Type", "MessageId", "TopicArn", "Message", "Timestamp", "SignatureVersion")
    }
    sns |= {
        "Subject": notification.get("Subject"),
        "Signature": notification["Signature"],
        "SigningCertUrl": notification["SigningCertURL"],
        "UnsubscribeUrl": notification["UnsubscribeURL"],
        "MessageAttributes": notification.get("MessageAttributes") or {},
    }
    record = {"EventSource": "aws:sns", "EventVersion": "1.0", "EventSubscriptionArn": subscription_arn, "Sns": sns}
    return {"Records": [record]}


def _is_raw(subscription: Subscription) -> bool:
    return str(subscription.attributes.get("RawMessageDelivery", "")).lower() == "true"


def _http_policy(subscription: Subscription) -> RetryPolicy:
    """The subscription's delivery policy, or SNS's default."""
    raw = subscription.attributes.get("DeliveryPolicy")
    policy = json.loads(raw) if isinstance(raw, str) and raw else (raw or {})
    retries = (policy.get("healthyRetryPolicy") or {}).get("numRetries")
    return RetryPolicy(attempts=int(retries)) if retries is not None else HTTP_POLICY


def _headers(subscription: Subscription, notification: Mapping[str, Any]) -> dict[str, str]:
    return {
        "Content-Type": "text/plain; charset=UTF-8",
        "x-amz-sns-message-type": "Notification",
        "x-amz-sns-message-id": str(notification["MessageId"]),
        "x-amz-sns-topic-arn": str(notification["TopicArn"]),
        "x-amz-sns-subscription-arn": subscription.arn,
    }


def _dead_letter_queue(subscription: Subscription) -> str | None:
    """The queue of the subscription's redrive policy."""
    raw = subscription.attributes.get("RedrivePolicy")
    redrive = json.loads(raw) if isinstance(raw, str) and raw else (raw or {})
    return redrive.get("deadLetterTargetArn")


def _post(endpoint: str, body: str, headers: Mapping[str, str]) -> None:
    try:
        answer = requests.post(endpoint, body.encode(), headers=headers, timeout=HTTP_TIMEOUT_S)
    except requests.RequestException as error:
        raise Undeliverable("CONNECTION_FAILURE", str(error)) from error
    if answer.status_code >= 300:  # to SNS, 4xx other than 429 are permanent
        is_transient = answer.status_code >= 500 or answer.status_code == 429
        raise Undeliverable(str(answer.status_code), f"{endpoint}: {answer.status_code}", retry=is_transient)
