"""EventBridge: the bus, patterns, input transformers, schedules."""

from __future__ import annotations

from impp_local.kernel.contract import Cloud, Service


def create(cloud: Cloud) -> Service:
    """Called when the cloud starts."""
    from impp_local.services.events.api import EventBridge

    return EventBridge(cloud)
