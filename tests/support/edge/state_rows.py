"""A file as recorded in the state; also for programs that a test runs in a process: ``from … import *``."""

from __future__ import annotations

from dataclasses import dataclass

from impp_edge.memory.state import About, S3Object, State, StateError, lock

__all__ = ["ABOUT", "BROUGHT", "BUCKET", "At", "State", "StateError", "lock"]

BUCKET = "one-bucket"
BROUGHT = S3Object("originals/dashcam/car/2026/01/15/a.mp4", "v1", "ab" * 32, "AAAAAAAAAAE=", '"etag"')
ABOUT = About("dashcam", "car", "front", "event", "2026-01-15T08:15:02+01:00", "20260115_081502", None, False)


@dataclass(frozen=True)
class At:
    """A file as recorded in the state."""

    raw: bytes
    size: int = 100
    mtime_ns: int = 1_000_000_000
