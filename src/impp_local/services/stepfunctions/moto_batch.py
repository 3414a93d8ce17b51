"""Keeps moto's Batch, and with it all of EC2, out of the process unless someone calls them: half of the cloud's start.

moto's interpreter imports them for the names of two states of a Batch job.
"""

from __future__ import annotations

import importlib
import sys
from enum import StrEnum
from types import ModuleType
from typing import Any

PACKAGE, MODULE = "moto.batch", "moto.batch.utils"


class JobStatus(StrEnum):
    """The states in which a Batch job has ended."""

    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"


class _Utils(ModuleType):
    """Stands in for the module until something imports moto's Batch itself."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name == JobStatus.__name__ and PACKAGE not in sys.modules:
            return JobStatus
        if sys.modules.get(MODULE) is self:
            del sys.modules[MODULE]
        return getattr(importlib.import_module(MODULE), name)


def defer() -> None:
    """Let Batch be imported on its first use."""
    if PACKAGE not in sys.modules:
        sys.modules.setdefault(MODULE, _Utils(MODULE))
