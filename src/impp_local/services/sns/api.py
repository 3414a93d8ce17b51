"""SNS as a service of the local cloud: topics, subscriptions and the API are moto's, deliveries are ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from moto.sns.models import Subscription, sns_backends

from impp_local.kernel import targets
from impp_local.kernel.contract import Cloud, Service
from impp_local.kernel.moto import changing
from impp_local.services.sns import deliveries


class Sns(Service):
    """Delivers messages to functions, queues and webhooks."""

    name = "sns"

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud

    def start(self) -> None:
        """Take over delivery from moto. Topics are targets."""
        deliveries.start(self._cloud.store)
        targets.register("sns", receive)
        _replace_in_moto()

    def resume(self) -> None:
        """Continue the deliveries that had not ended."""
        deliveries.dispatcher().resume()

    def suspend(self) -> None:
        """Leave the deliveries that have not ended."""
        deliveries.dispatcher().suspend()

    def close(self) -> None:
        """End the threads that deliver."""
        deliveries.dispatcher().close()

    def work(self) -> Mapping[str, int]:
        """Deliveries that run or wait for their next attempt."""
        return {"events": deliveries.in_flight()}


def receive(arn: str, payload: str, _target: Mapping[str, Any]) -> None:
    """Publish what was sent to a topic's ARN."""
    _, _, _, region, account, _ = arn.split(":")
    with changing("sns"):
        sns_backends[account][region].publish(message=payload, arn=arn)


def _replace_in_moto() -> None:
    """Replace what moto 5.2.5 does wrong. Idempotent."""
    # A function receives made-up values instead of the message's own, and Publish waits for it. A webhook is called
    # once, without SNS's headers and raw delivery, and its failure fails Publish. RawMessageDelivery "false" counts as
    # true. Can go when moto delivers in the background, with retries and redrive policies.
    Subscription.publish = deliveries.deliver  # type: ignore[method-assign]
