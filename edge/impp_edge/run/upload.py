"""Upload one file to S3 and verify it there: with key, tags, metadata and a full-object checksum that S3 checks.

A server that verifies no checksums proves nothing by returning one. There the MD5s that it reports as ETags must be
those of the file, or else the object is read back.

``If-None-Match: *`` makes S3 itself refuse to replace an object. If the key is taken, the object's checksum decides:
equal means that the file was uploaded before (by a run that died before it could record that); different content gets
a key of its own. Nothing is ever overwritten, and no acknowledged part is sent again, in this run or a later one.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Protocol

from impp_edge.bucket.s3 import ATTEMPTS, OTHER_BYTES, S3, Head, Offline, Part, Refused, S3Error, Stopped, Stored
from impp_edge.bucket.s3 import Labels as Labels
from impp_edge.bucket.transport import Body, Content
from impp_edge.card.find import CardFile, is_unchanged, open_file
from impp_edge.digest import BLOCK, Buffer, Digest
from impp_edge.memory.state import Pending, S3Object

PART = 16 * 1024 * 1024
"""Bytes of a part, and the largest file that is sent in one request."""
MAX_PARTS = 10_000
_START_OVER = frozenset({"ConditionalRequestConflict", "BadDigest", "InvalidPart", "InvalidPartOrder"})
"""Error codes after which all parts must be sent again."""
_buffer = Buffer()


class UploadError(Exception):
    """This file could not be uploaded; the next run retries it. If S3 refused it, ``code`` is S3's error code
    (AccessDenied, …) and ``status`` the HTTP status."""

    def __init__(self, text: str, code: str | None = None, status: int | None = None) -> None:
        super().__init__(text)
        self.code, self.status = code, status


class Changed(UploadError):
    """The file changed while it was being uploaded: the parts sent are useless."""


@dataclass(frozen=True)
class Outcome:
    """Where the file is; ``was_there`` if an earlier run (or another machine) had uploaded it, or begun it before the
    state was lost: then the object has the metadata of that time."""

    s3_object: S3Object
    was_there: bool


class Memory(Protocol):
    """Uploads in progress, kept over a power cut: :class:`State` implements it."""

    def pending(self, bucket: str, card_file: CardFile, /) -> Pending | None:
        """The unfinished upload of exactly this file."""

    def begin(self, bucket: str, card_file: CardFile, pending: Pending, /) -> None:
        """Record an upload before its first byte is sent; again when its id is known."""

    def end(self, bucket: str, card_file: CardFile, /) -> None:
        """The upload is abandoned. (Recording a file as uploaded also ends its upload.)"""


def part_size(size: int) -> int:
    """Bytes of a part for a file of ``size``: more than :data:`PART` only if 10,000 parts would not suffice."""
    return PART * max(1, -(-size // (PART * MAX_PARTS)))


class Transfer:
    """The transfer of one file. Use::

        outcome = transfer.begin()
        for number in () if outcome else transfer.missing:
            transfer.send(number)    # from any thread, in any order
        outcome = outcome or transfer.finish()

    All raise :class:`UploadError` (this file), :class:`Offline` (S3 cannot be reached),
    :class:`Refused` (the same for every file) or :class:`Stopped`. In each case the parts sent stay
    at the server and recorded in the state, and a later :class:`Transfer` of the same file continues with them; but
    after :class:`Changed` the upload is aborted.
    """

    def __init__(
        self,
        s3: S3,
        memory: Memory,
        card_file: CardFile,
        digest: Digest,
        keys: tuple[str, str],
        labels: Labels,
        doubtful: bool = False,
        content: memoryview | None = None,
        verified: bool = True,
    ) -> None:
        """``keys``: the key, and the one to use if a different file has the first. ``doubtful``: the state may be
        incomplete (it was rebuilt), so check the bucket before sending anything. ``content``: the bytes of a file in
        one part, if they were kept in memory after hashing. ``verified``: the server refuses bytes that do not match
        their checksum."""
        self._s3 = s3
        self._memory = memory
        self._file = card_file
        self._digest = digest
        self._keys = keys
        self._labels = labels
        self._doubtful = doubtful
        self._content = content
        self._verifies = verified
        self._key = keys[0]
        self._upload: str | None = None
        self._adopted = False
        self._parts: dict[int, Part] = {}
        self._outcome: Outcome | None = None
        self._over = False
        self._sending = 0
        self._mutex = threading.Condition()
        self._creating = threading.Lock()

    @property
    def missing(self) -> list[int]:
        """Numbers, from 1, of the parts that S3 has not acknowledged. All of them again if it lost the upload."""
        with self._mutex:
            if self._outcome:
                return []
            return [number for number in range(1, len(self._digest.parts) + 1) if number not in self._parts]

    def begin(self) -> Outcome | None:
        """Check the bucket and start or resume the upload; an outcome if the file is in the bucket already."""
        with self._turn():
            pending = self._memory.pending(self._s3.bucket, self._file)
            if pending and (pending.digest != self._digest or pending.key not in self._keys):
                self._leave(pending)
                pending = None
            if (pending or self._doubtful or self._in_parts) and (outcome := self._look()):
                return outcome
            if pending and pending.key != self._key:
                self._leave(pending)
                pending = None
            if not self._in_parts:
                self._intend()
            elif not self._resume(pending):
                self._create()
            return None

    def send(self, number: int) -> int:
        """Send one part; returns the bytes sent (0 if S3 has that part already). Thread-safe."""
        with self._turn():
            return self._send_part(number) if self._in_parts else self._send_whole()

    def finish(self) -> Outcome:
        """Send the missing parts, complete the upload, and verify the full-object checksum."""
        with self._turn():
            for attempt in range(ATTEMPTS):
                for number in self.missing:
                    _ = self._send_part(number) if self._in_parts else self._send_whole()
                if self._outcome is None:
                    self._complete(attempt)
                if self._outcome is not None:
                    return self._outcome
            raise UploadError(f"S3 cannot complete the upload of {self._key}")

    def give_up(self) -> None:
        """Abort the upload at the server, so that no parts are left to pay for, and forget it. Waits for other threads
        that are sending; they raise :class:`UploadError`. If it raises :class:`S3Error` or the like, the upload stays
        recorded, so that it can be aborted later."""
        with self._mutex:
            self._over = True
            self._mutex.wait_for(lambda: not self._sending)
        self._abort(self._key, self._upload)
        self._memory.end(self._s3.bucket, self._file)

    @property
    def _in_parts(self) -> bool:
        return len(self._digest.parts) > 1

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Count a thread working on this file. If the file has changed, the last thread aborts the upload."""
        with self._mutex:
            if self._over:
                raise UploadError("the upload was abandoned")
            self._sending += 1
        changed = False
        try:
            yield
        except S3Error as error:
            raise UploadError(str(error), error.code, error.status) from error
        except Changed:
            changed = True
            raise
        finally:
            with self._mutex:
                self._sending -= 1
                self._mutex.notify_all()
            if changed:
                with suppress(S3Error, Offline, Refused, Stopped):
                    self.give_up()

    # --- what is there ------------------------------------------------------------------------------------------------

    def _look(self) -> Outcome | None:
        """Take the first key that is free or holds exactly this file."""
        for key in self._keys:
            self._key = key
            head = self._head(key)
            if head is None:
                return None
            if self._holds(head):
                return self._outcome_at(head, was_there=True)
        raise self._taken()

    def _head(self, key: str) -> Head | None:
        """Without s3:ListBucket, S3 returns 403 for a free key; if it is taken, the upload fails with 412."""
        try:
            return self._s3.head(key)
        except S3Error as error:
            if error.status != 403:
                raise
            return None

    def _occupied(self) -> Outcome | None:
        """The key is taken: by exactly this file, or else try the other key."""
        head = self._s3.head(self._key)
        if head is not None and self._holds(head):
            return self._outcome_at(head, was_there=True)
        if self._key == self._keys[-1]:
            raise self._taken()
        self._key = self._keys[-1]
        return None

    def _taken(self) -> UploadError:
        return UploadError(f"other files are already at {self._keys[0]} and {self._keys[1]}")

    def _outcome_at(self, stored: Stored, was_there: bool = False) -> Outcome:
        s3_object = S3Object(self._key, stored.version, self._digest.sha256, self._digest.crc64nvme, stored.etag)
        return Outcome(s3_object, was_there or self._adopted)

    def _verified(self, stored: Stored) -> Outcome:
        """The outcome, if S3 has the checksum of the file. Some servers return it only for HeadObject."""
        if not self._verifies:
            if not self._has_bytes(stored):
                raise UploadError(f"the server stored other bytes at {self._key} than the file's")
            return self._outcome_at(stored)
        if stored.crc64nvme is None:
            head = self._s3.head(self._key, stored.version)
            if head is None or not _equal(head, self._digest):
                raise UploadError(f"the checksum of {self._key} in S3 differs from the file's")
            return self._outcome_at(head)
        if stored.crc64nvme != self._digest.crc64nvme:
            raise UploadError(f"the checksum of {self._key} in S3 differs from the file's")
        return self._outcome_at(stored)

    def _holds(self, head: Head) -> bool:
        """Whether the object at the key equals the file."""
        return _equal(head, self._digest) if self._verifies else self._has_bytes(head)

    # --- without checksums that the server verifies -------------------------------------------------------------------

    def _has_bytes(self, stored: Stored) -> bool:
        """Whether the object has the file's bytes: by its ETag, which is usually an MD5, else by reading it back."""
        md5s = self._md5s
        whole = hashlib.md5(b"".join(md5s), usedforsecurity=False).hexdigest()
        if stored.etag == (f"{whole}-{len(md5s)}" if self._in_parts else md5s[0].hex()):
            return True
        return self._s3.read_back(self._key, self._digest.size, stored.version) == self._digest.sha256

    @cached_property
    def _md5s(self) -> list[bytes]:
        """The MD5 of each part."""
        md5s = []
        for number in range(1, len(self._digest.parts) + 1):
            md5 = hashlib.md5(usedforsecurity=False)
            for block in self._slice(number).blocks(BLOCK):
                md5.update(block)
            md5s.append(md5.digest())
        return md5s

    def _has_damaged_parts(self) -> bool:
        """Whether the ETags of some parts are not the MD5s of what we sent. If no part has the right one, the ETags are
        no MD5s, and the object is read back when it is complete."""
        same = [part.etag.strip('"') == self._md5s[number - 1].hex() for number, part in self._parts.items()]
        return any(same) and not all(same)

    # --- in one request -----------------------------------------------------------------------------------------------

    def _send_whole(self) -> int:
        if self._outcome:
            return 0
        body = self._slice(1)
        for attempt in range(ATTEMPTS):
            try:
                self._outcome = self._verified(self._s3.put(self._key, body, self._digest.crc64nvme, self._labels))
                return body.size
            except S3Error as error:
                if error.status == 412:
                    if outcome := self._occupied():
                        self._outcome = outcome
                        return 0
                    self._intend()
                elif error.code == "ConditionalRequestConflict" and attempt < ATTEMPTS - 1:
                    self._s3.pause(attempt)  # another write to this key was under way
                else:
                    raise self._refused(error) from error
        raise self._taken()

    # --- in parts -----------------------------------------------------------------------------------------------------

    def _intend(self, upload: str | None = None) -> None:
        """Record what is about to be sent: whatever happens now, the next run knows where to look."""
        self._memory.begin(self._s3.bucket, self._file, Pending(self._key, upload, self._digest))

    def _create(self) -> None:
        self._intend()
        self._adopted = False
        upload, doubtful = self._s3.create(self._key, self._labels)
        self._go_on(upload, [])
        if doubtful:
            self._adopt()

    def _go_on(self, upload: str, parts: list[Part]) -> None:
        """Continue an upload that has these parts."""
        self._intend(upload)
        with self._mutex:
            self._upload = upload
            self._parts = {
                part.number: replace(part, crc64nvme=self._digest.parts[part.number - 1])
                for part in parts
                if self._fits(part)
            }

    def _resume(self, pending: Pending | None) -> bool:
        """Continue an upload of an earlier run. If its id is unknown (the run died before recording it, or the state
        was lost), look at the uploads of this key."""
        if pending and pending.upload:
            try:
                self._go_on(pending.upload, self._s3.parts(self._key, pending.upload))
                return True
            except S3Error as error:
                if error.status != 404:
                    raise
        elif pending or self._doubtful:
            self._adopt()
        return self._upload is not None

    def _adopt(self) -> None:
        """Adopt one upload of this key whose parts are all from this file; abort the others, which are recorded
        nowhere. Not every edge is allowed to list them; the bucket's lifecycle removes what is left."""
        with suppress(S3Error):
            for upload in self._s3.uploads(self._key):
                if upload.key != self._key or upload.id == self._upload:
                    continue
                parts = self._s3.parts(self._key, upload.id)
                if parts and self._upload is None and all(self._is_ours(part) for part in parts):
                    self._go_on(upload.id, parts)
                    self._adopted = self._doubtful
                else:
                    self._s3.abort(self._key, upload.id)

    def _fits(self, part: Part) -> bool:
        """Whether an acknowledged part is what we would send; the full-object checksum is the final check."""
        if not 1 <= part.number <= len(self._digest.parts) or part.size != self._slice(part.number).size:
            return False
        return part.crc64nvme in (None, self._digest.parts[part.number - 1])

    def _is_ours(self, part: Part) -> bool:
        """Whether a part of an unknown upload has our bytes. Not every server lists checksums of parts; then the ETag
        is the MD5 (except with SSE-KMS, where S3 does list them)."""
        if not self._fits(part) or part.crc64nvme:
            return self._fits(part)
        md5 = hashlib.md5(usedforsecurity=False)
        for block in self._slice(part.number).blocks(BLOCK):
            md5.update(block)
        return part.etag.strip('"') == md5.hexdigest()

    def _send_part(self, number: int) -> int:
        body = self._slice(number)
        for _ in range(ATTEMPTS):
            with self._mutex:
                upload = self._upload
                if number in self._parts or upload is None:
                    return 0
            try:
                part = self._s3.part(self._key, upload, number, body, self._digest.parts[number - 1])
            except S3Error as error:
                if error.code != "NoSuchUpload":
                    raise self._refused(error) from error
                self._start_over(upload)
                continue
            with self._mutex:
                if self._upload == upload:
                    self._parts[number] = part
                    return body.size
        raise UploadError(f"S3 repeatedly loses the upload of {self._key}")

    def _start_over(self, upload: str | None) -> None:
        """Start over with all parts, unless another thread has done so meanwhile."""
        with self._creating:
            if self._upload == upload and not self._over:
                self._create()

    def _complete(self, attempt: int) -> None:
        """Complete the upload. If there is no outcome afterwards, another upload must be sent."""
        if not is_unchanged(self._file):
            raise Changed("changed during the upload")
        upload = self._upload or ""
        if not self._verifies and self._has_damaged_parts():
            with suppress(S3Error):  # s3rver cannot abort; rclone lets no part be replaced, so all are sent again
                self._s3.abort(self._key, upload)
            self._start_over(upload)
            return
        parts = [self._parts[number] for number in sorted(self._parts)]
        try:
            self._outcome = self._verified(self._s3.complete(self._key, upload, parts, self._digest.crc64nvme))
            return
        except S3Error as error:
            refusal = error
        if refusal.status == 404:  # it vanished, or an earlier try completed it and the answer was lost
            head = self._head(self._key)
            self._outcome = self._outcome_at(head) if head and self._holds(head) else None
        elif refusal.status == 412:
            self._s3.abort(self._key, upload)
            self._outcome = self._occupied()
        elif refusal.code in _START_OVER and attempt < ATTEMPTS - 1:
            self._s3.abort(self._key, upload)
            self._s3.pause(attempt)
        else:
            raise refusal
        if self._outcome is None:
            self._start_over(upload)

    def _leave(self, pending: Pending) -> None:
        """Abort a useless upload of an earlier run. If that is denied (it is below the prefix of another device, say),
        the bucket's lifecycle removes it: the file need not wait for that."""
        try:
            self._abort(pending.key, pending.upload)
        except S3Error as error:
            if error.status != 403:
                raise

    def _abort(self, key: str, upload: str | None) -> None:
        if upload:
            self._s3.abort(key, upload)

    def _slice(self, number: int) -> Body:
        if self._content is not None:
            return Content(self._content)
        size = self._digest.part_size
        start = (number - 1) * size
        return _Slice(self._file, start, min(size, self._digest.size - start), lambda: self._over)

    @staticmethod
    def _refused(error: S3Error) -> Exception:
        """The bytes sent are not those hashed: the file was written to without a change of size or time."""
        if error.code in OTHER_BYTES:
            return Changed("its bytes are not those that were hashed")
        return error


@dataclass(frozen=True)
class _Slice:
    """A part of a file as a body: read again for each attempt, through one buffer per thread."""

    file: CardFile
    start: int
    size: int
    over: Callable[[], bool]

    def blocks(self, most: int) -> Iterator[memoryview]:
        """The bytes, at most ``most`` at a time. Raises :class:`Changed` if the file is no longer as listed."""
        buffer, left = _buffer(most), self.size
        try:
            with open_file(self.file, buffering=0) as file:
                status = os.fstat(file.fileno())
                if (status.st_size, status.st_mtime_ns) != (self.file.size, self.file.mtime_ns):
                    raise Changed("changed during the upload")
                file.seek(self.start)
                while left:
                    if self.over():
                        raise UploadError("the upload was abandoned")
                    count = file.readinto(buffer[: min(most, left)])  # type: ignore[attr-defined]  # not in BinaryIO
                    if not count:
                        raise Changed("became shorter during the upload")
                    left -= count
                    yield buffer[:count]
        except OSError as error:
            raise UploadError(f"cannot be read: {error.strerror}") from error


def _equal(head: Head, digest: Digest) -> bool:
    """Whether an object equals the file: by S3's full-object checksum, else by the SHA-256 in our metadata."""
    if head.size != digest.size:
        return False
    if head.crc64nvme is not None:
        return head.crc64nvme == digest.crc64nvme
    return head.metadata.get("impp-sha256") == digest.sha256
