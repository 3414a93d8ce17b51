"""moto's patterns of URLs, derived once per service."""

from __future__ import annotations

from functools import cache
from typing import Any

from moto.core.base_backend import BaseBackend

_derived = BaseBackend.urls.fget


def keep() -> None:
    """Keep each backend's patterns. moto derives them for every request, and imports those of S3 again each time,
    because the environment may have changed (`MOTO_S3_CUSTOM_ENDPOINTS`): here it does not."""
    BaseBackend.urls = property(lambda backend: _of(type(backend)))


@cache
def _of(service: type[BaseBackend]) -> Any:
    return _derived(object.__new__(service))
