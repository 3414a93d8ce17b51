"""Rekognition Image on local models."""

from __future__ import annotations

from impp_local.kernel.contract import Cloud, Service


def create(cloud: Cloud) -> Service:
    """The service, created at the first request for it."""
    from impp_local.services.rekognition.api import create

    return create(cloud)
