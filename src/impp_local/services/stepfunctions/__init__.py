"""Step Functions: the API, and moto's interpreter corrected to behave as AWS's."""

from __future__ import annotations

from impp_local.kernel.contract import Cloud, Service
from impp_local.services.stepfunctions import moto_batch

moto_batch.defer()


def create(cloud: Cloud) -> Service:
    """Called when the cloud starts."""
    from impp_local.services.stepfunctions.api import StepFunctions

    return StepFunctions(cloud)
