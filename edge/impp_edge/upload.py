"""Bring one file to S3 and see it there: with key, tags, metadata and a checksum of the whole that S3 verifies.

``If-None-Match: *`` lets S3 itself refuse to replace an object. Where one is there already its checksum decides: equal
means that the file was brought before (by a run that died before it could remember); different content gets a key of
its own. Nothing is ever overwritten, and no part that S3 has acknowledged is sent again, in this run or a later one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from impp_edge.digest import Digest
from impp_edge.find import Found
from impp_edge.s3 import S3
from impp_edge.state import Brought, Pending

PART = 16 * 1024 * 1024
"""Bytes of a part, and the size up to which a file goes in one request."""
MAX_PARTS = 10_000


class UploadError(Exception):
    """This file could not be brought; the next run tries again. ``code`` is S3's, where S3 said no (AccessDenied, …)."""

    def __init__(self, text: str, code: str | None = None) -> None:
        super().__init__(text)
        self.code = code


class Changed(UploadError):
    """The file changed or went away while it was being brought."""


@dataclass(frozen=True)
class Labels:
    """What an object bears besides its bytes."""

    tags: Mapping[str, str]
    metadata: Mapping[str, str]
    content_type: str


@dataclass(frozen=True)
class Outcome:
    """Where the file is; ``was_there`` if an earlier run (or another machine) had brought it."""

    brought: Brought
    was_there: bool


class Memory(Protocol):
    """What was intended, kept over a power cut: :class:`~impp_edge.state.State` does."""

    def pending(self, bucket: str, found: Found) -> Pending | None:
        """The upload of this very file that was begun and not ended."""

    def begin(self, bucket: str, found: Found, pending: Pending) -> None:
        """Note an upload before its first byte; again when its id is known."""

    def end(self, bucket: str, found: Found) -> None:
        """The upload is given up. (A file that is remembered as brought ends its upload by that.)"""


def part_size(size: int) -> int:
    """Bytes of a part for a file of ``size``: more than :data:`PART` only where 10,000 parts would not do."""
    return PART * max(1, -(-size // (PART * MAX_PARTS)))


class Transfer:
    """One file on its way. Use::

        outcome = transfer.begin()
        while outcome is None and (missing := transfer.missing):
            transfer.send(number)    # for each of missing, from any thread, in any order
        outcome = outcome or transfer.finish()

    All raise :class:`UploadError` (this file), :class:`~impp_edge.s3.Offline` (S3 cannot be reached),
    :class:`~impp_edge.s3.Refused` (the same for every file) or :class:`~impp_edge.s3.Stopped`. After the last three
    the upload stays at the server and in memory, and a later :class:`Transfer` of the same file goes on with it.
    After :class:`Changed` it was given up already.
    """

    def __init__(
        self,
        s3: S3,
        memory: Memory,
        found: Found,
        digest: Digest,
        keys: tuple[str, str],
        labels: Labels,
        doubtful: bool = False,
    ) -> None:
        """``keys``: the key, and the other one to take where a different file has the first. ``doubtful``: the memory
        may be incomplete (it was made anew), so look in the bucket before sending anything."""

    @property
    def missing(self) -> list[int]:
        """Numbers, from 1, of the parts that S3 has not acknowledged yet. All again if the upload vanished there."""
        raise NotImplementedError

    def begin(self) -> Outcome | None:
        """Look what is there and start or resume the upload; an outcome if the file is in the bucket already."""
        raise NotImplementedError

    def send(self, number: int) -> int:
        """Send one part; the bytes that were sent (0 if that part is there already). Thread-safe."""
        raise NotImplementedError

    def finish(self) -> Outcome:
        """Send what is still missing, let S3 put the parts together, and verify the checksum of the whole."""
        raise NotImplementedError

    def give_up(self) -> None:
        """Abort at the server, so that no parts are left to be paid for, and forget the intent. Waits for parts that
        other threads are sending; these raise :class:`UploadError`."""
        raise NotImplementedError
