"""Step Functions: the API, and moto's interpreter corrected to behave as AWS's."""

from __future__ import annotations

from typing import Final

from impp_local.kernel import moto  # noqa: F401  before moto's Step Functions: keeps Batch and EC2 out
from impp_local.kernel.contract import Cloud, Service
from impp_local.services.stepfunctions.journal import RUNNING

NAME: Final = "stepfunctions"

BACKENDS: Final = "moto.stepfunctions.parser.models"
"""Imported below only when it is needed: the parser takes a quarter of a second."""


def create(cloud: Cloud) -> Service:
    """Called when the cloud starts with state machines, or at the first request."""
    from impp_local.services.stepfunctions.api import StepFunctions

    return StepFunctions(cloud)


def is_in_use(cloud: Cloud) -> bool:
    """Whether the cloud's folder has state machines, which events start, or executions to continue."""
    return cloud.resources.has(BACKENDS) or cloud.store.has(RUNNING)
