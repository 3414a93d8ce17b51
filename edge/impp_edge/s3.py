"""A thin client of S3's REST interface: the few operations that an upload needs, with as little work a byte as can be."""

from __future__ import annotations

import threading
from pathlib import Path

from impp_edge.pace import Pace
from impp_edge.pace import Stopped as Stopped


class S3Error(Exception):
    """S3 said no: ``status`` of HTTP, S3's ``code`` and message."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"S3 answers {code}: {message}".strip(": "))
        self.status, self.code, self.message = status, code, message


class Offline(Exception):
    """S3 cannot be reached (after some tries); the text says why. It may be there later."""


class Refused(Exception):
    """S3 refuses us for a reason that is the same for every file; the text says what to do."""


class S3:
    """One bucket. Thread-safe: each thread keeps a connection of its own. ``clock_offset_s`` is how many seconds our
    clock is behind the server's (0.0 unless S3 complained)."""

    def __init__(
        self,
        bucket: str,
        region: str | None = None,
        endpoint_url: str | None = None,
        profile: str | None = None,
        ca_bundle: Path | None = None,
        stop: threading.Event | None = None,
        pace: Pace | None = None,
    ) -> None:
        """Nothing is sent yet. Raises :class:`Refused` where there are no credentials."""
