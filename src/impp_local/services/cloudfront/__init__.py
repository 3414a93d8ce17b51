"""CloudFront: the control plane, and the edge that viewers ask."""

from __future__ import annotations

from impp_local.kernel.contract import Cloud, Service


def create(cloud: Cloud) -> Service:
    """The service, made at its first request."""
    from impp_local.services.cloudfront.api import create

    return create(cloud)
