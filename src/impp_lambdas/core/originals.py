"""An object that somebody put, and whether it may be processed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

REPLAYABLE = ("failed", "deferred", "gone", "quarantined")
"""States after which the same content may be processed anew when it comes again."""


@dataclass(frozen=True)
class Original:
    """An object version; ``version`` is empty in a bucket without versioning."""

    bucket: str
    key: str
    version: str

    @property
    def uri(self) -> str:
        """``s3://bucket/key``, the key as it is: MediaConvert wants no escapes."""
        return f"s3://{self.bucket}/{self.key}"


def is_free(have: Mapping[str, Any], original: Original, execution: str) -> bool:
    """Whether an asset in the catalog may be processed (again) for this object by this execution.

    A retry of the same execution, a replay of the same object version (Claim let it through), and content whose last
    processing came to nothing are free; all else is a duplicate.
    """
    same = (have.get("bucket"), have.get("key"), have.get("version", "")) == (
        original.bucket,
        original.key,
        original.version,
    )
    return same or have.get("execution") == execution or have.get("state") in REPLAYABLE
