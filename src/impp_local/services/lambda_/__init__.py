"""Lambda: functions run from their zips in worker processes."""

from __future__ import annotations

from impp_local.kernel.contract import Cloud, Service


def create(cloud: Cloud) -> Service:
    """Called when the cloud starts."""
    from impp_local.services.lambda_.api import Lambda

    return Lambda(cloud)
