"""moto's state of the account, looked up once: each of moto's own look-ups takes a tenth of a millisecond."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any, Final

from impp_local.kernel.defaults import ACCOUNT, REGION

_GLOBAL: Final = {"iam", "s3", "sts"}
"""Services that moto keeps by partition, not by region."""
_PACKAGES: Final = {"lambda": "awslambda"}


@cache
def backend(service: str, region: str = REGION) -> Any:
    """moto's backend of a service. It is another one after moto's reset: then call `forget`."""
    models = import_module(f"moto.{_PACKAGES.get(service, service)}.models")
    return getattr(models, f"{service}_backends")[ACCOUNT]["aws" if service in _GLOBAL else region]


def forget() -> None:
    """Look up again."""
    backend.cache_clear()
