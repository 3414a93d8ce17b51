"""The environment that a local cloud has, as the command `impp` knows it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from impp_cli import environments
from impp_local.demo import stages


def of_cloud(name: str, endpoint: str, outputs: Mapping[str, Any]) -> environments.Environment:
    """The environment `name` of the cloud at an endpoint, from the root's outputs; its distribution has a port."""
    url = stages.page(endpoint, "distributions").get(outputs.get("distribution_id"))
    return environments.of_outputs(name, outputs, endpoint_url=endpoint, delivery_url=url)
