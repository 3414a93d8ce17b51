"""CloudFront: the control plane, and the edge that viewers ask."""

from __future__ import annotations

from impp_local.kernel.contract import Cloud, Service


def create(cloud: Cloud) -> Service:
    """Called when the cloud starts."""
    from impp_local.services.cloudfront.cdn import Cdn

    return Cdn(cloud)
