"""Step Functions: the API, and moto's interpreter made to behave as AWS's."""

from __future__ import annotations

from impp_local.kernel.contract import Cloud, Service


def create(cloud: Cloud) -> Service:
    """The service, made at its first request."""
    from impp_local.services.stepfunctions.api import create

    return create(cloud)
