"""S3: what moto does not check or gets wrong, checksums, and events."""

from __future__ import annotations

from impp_local.kernel.contract import Cloud, Service


def create(cloud: Cloud) -> Service:
    """Called when the cloud starts."""
    from impp_local.services.s3.front import S3Front

    return S3Front(cloud)
