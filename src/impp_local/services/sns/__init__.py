"""SNS: deliveries to functions, queues and webhooks."""

from __future__ import annotations

from impp_local.kernel.contract import Cloud, Service


def create(cloud: Cloud) -> Service:
    """Called when the cloud starts."""
    from impp_local.services.sns.api import Sns

    return Sns(cloud)
