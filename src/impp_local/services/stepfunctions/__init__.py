"""Step Functions: the API, and moto's interpreter corrected to behave as AWS's."""

from __future__ import annotations

from impp_local.kernel import moto  # noqa: F401  before moto's Step Functions: keeps Batch and EC2 out
from impp_local.kernel.contract import Cloud, Service


def create(cloud: Cloud) -> Service:
    """Called when the cloud starts."""
    from impp_local.services.stepfunctions.api import StepFunctions

    return StepFunctions(cloud)
