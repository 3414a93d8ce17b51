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

    def is_of(self, have: Mapping[str, Any]) -> bool:
        """Whether this is the very object version that an asset in the catalog was made of."""
        made_of = (have.get("bucket"), have.get("key"), have.get("version", ""))
        return made_of == (self.bucket, self.key, self.version)


def is_free(have: Mapping[str, Any], original: Original, execution: str) -> bool:
    """Whether an asset in the catalog may be processed (again) for this object by this execution.

    A retry of the same execution, a replay of the same object version (Claim let it through), and content whose last
    processing came to nothing are free; all else is a duplicate.
    """
    return original.is_of(have) or have.get("execution") == execution or have.get("state") in REPLAYABLE
