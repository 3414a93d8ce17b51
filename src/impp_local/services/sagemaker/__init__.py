"""SageMaker's endpoints, whose models run in child processes; the control plane is mostly moto's."""

from __future__ import annotations

from impp_local.kernel.contract import Cloud, Service


def create(cloud: Cloud) -> Service:
    """The service, created at the first request for it or for its runtime."""
    from impp_local.services.sagemaker.api import create

    return create(cloud)
