"""The space on a card."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Space:
    """Bytes of the file system that a folder is on, free ones as an ordinary user has them."""

    free: int
    total: int


def space(path: Path) -> Space:
    """The space of the file system that ``path`` is on. Raises OSError."""
    status = os.statvfs(path)
    return Space(status.f_bavail * status.f_frsize, status.f_blocks * status.f_frsize)
