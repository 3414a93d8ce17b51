"""Why an object cannot be processed."""

from __future__ import annotations

from dataclasses import dataclass

REASONS = (
    *("gone", "empty", "archived", "checksum_mismatch", "not_media", "truncated", "corrupt", "no_streams"),
    *("read_limit", "implausible", "contradiction", "encrypted", "reference", "copies"),
)


@dataclass(frozen=True)
class Problem:
    """Why an object cannot be processed: one of :data:`REASONS`, and a detail for people."""

    reason: str
    detail: str
