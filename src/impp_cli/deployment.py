"""Names that the Terraform root gives to the resources of an environment; a test compares them with the modules."""

from __future__ import annotations

from typing import Final

COST_TAG: Final = "Deployment"
"""The tag whose value is the prefix of the environment's names (terraform/main.tf)."""


def prefix(environment: str) -> str:
    """The prefix of all names."""
    return f"impp-{environment}"


def alert_topic(environment: str) -> str:
    """The topic of alerts (modules/alerts)."""
    return f"{prefix(environment)}-alerts"


def anomaly_monitor(environment: str) -> str:
    """The anomaly monitor, if the environment creates one (modules/finops)."""
    return f"{prefix(environment)}-services"


def budget(environment: str) -> str:
    """The monthly budget (modules/finops)."""
    return f"{prefix(environment)}-monthly"


def boundary(environment: str) -> str:
    """The permissions boundary of the environment's roles (terraform/bootstrap/boundary.tf)."""
    return f"{prefix(environment)}-boundary"
