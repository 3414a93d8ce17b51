"""The threads that upload files: each takes the most urgent piece of work from the queue and reports the result.

A worker identifies and hashes a file, begins its transfer, sends one part of it, or finishes it; a small file it
uploads completely while its bytes are in memory. Each file's :class:`Result` goes to the main thread, which alone
records it and then removes the file from the queue.
"""

from __future__ import annotations

import mimetypes
import queue
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from impp_edge.bucket.bandwidth import Bandwidth
from impp_edge.bucket.checksums import Checksums
from impp_edge.bucket.s3 import S3, Offline, Refused, S3Error, Stopped
from impp_edge.card import identify
from impp_edge.card.find import CardFile, is_unchanged, open_file
from impp_edge.card.work_queue import FINISH, PREPARE, Job, Work, WorkQueue
from impp_edge.digest import Buffer, Digest, digest
from impp_edge.memory.state import State, StateError
from impp_edge.run import labels
from impp_edge.run.upload import Changed, Labels, Outcome, Transfer, UploadError, part_size

if TYPE_CHECKING:
    from impp_edge.card.discovery import Cards
    from impp_edge.card.identify import Identity
    from impp_edge.config import Config

SUFFIX = 8
"""Hex digits of the SHA-256 that distinguish different files of one name, device and day."""
LINGER_S = 0.05
"""How long results wait for others, to be recorded together."""
KEEP = 48 * 1024 * 1024
"""Memory of all threads together for small files, which are sent from memory after hashing."""
SURE_AFTER = 8
"""With a new state, check for each file whether it is in the bucket, until so many in a row were not."""
FOR_ALL = (Offline, Refused, Stopped, StateError)
"""Errors that are the same for every file."""


@dataclass(frozen=True, slots=True)
class Result:
    """The result of a job: an outcome or an error. ``identity`` if it was identified; ``card_gone``: the card was
    pulled out, and its waiting files were removed from the queue."""

    job: Job
    outcome: Outcome | None = None
    identity: Identity | None = None
    renamed: bool = False
    error: Exception | None = None
    card_gone: bool = False

    @property
    def for_all(self) -> bool:
        """Whether the error is the same for every file, so trying the next one is useless."""
        return isinstance(self.error, FOR_ALL)

    @property
    def reason(self) -> str:
        """The error in words."""
        error, card_file = self.error, self.job.file
        if not self.for_all and not is_unchanged(card_file):
            return "changed or disappeared during the upload"
        if isinstance(error, OSError):
            return f"cannot be read: {error.strerror or error}"
        return str(error) if isinstance(error, (UploadError, *FOR_ALL)) else f"{type(error).__name__}: {error}"


@dataclass(slots=True)
class _FileUpload:
    """A prepared job. ``bytes`` of it are in the bucket, uploaded now or before."""

    transfer: Transfer
    identity: Identity
    keys: tuple[str, str]
    bytes: int = 0


class Link:
    """The connection to S3, created when the first file needs it and kept between runs. ``halt`` interrupts waits."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._mutex = threading.Lock()
        self._s3: S3 | None = None
        self._checksums: Checksums | None = None
        self.halt = threading.Event()

    @property
    def s3(self) -> S3:
        """The client. Raises :class:`Refused` if there are no credentials."""
        config = self._config
        with self._mutex:
            if self._s3 is None:
                self._s3 = S3(config.bucket, config.region, config.endpoint_url, config.profile, config.ca_bundle,
                              self.halt, Bandwidth(config.limit_mbit))  # fmt: skip
            return self._s3

    @property
    def checksums(self) -> Checksums:
        """Whether the server verifies checksums. Raises as :attr:`s3`."""
        s3 = self.s3
        with self._mutex:
            if self._checksums is None:
                self._checksums = Checksums(s3)
            return self._checksums

    def rest(self) -> None:
        """Close all connections."""
        with self._mutex:
            if self._s3 is not None:
                self._s3.close()


class Workers:
    """``config.workers`` threads working on one queue until it is closed or ``stop`` is set. ``custody`` returns the
    newest hash of the custody log."""

    def __init__(
        self,
        config: Config,
        state: State,
        work_queue: WorkQueue,
        cards: Cards,
        link: Link,
        custody: Callable[[], str],
        stop: threading.Event,
    ) -> None:
        self._config = config
        self._state = state
        self._work_queue = work_queue
        self._cards = cards
        self._link = link
        self._custody = custody
        self._stop = stop
        self._results: queue.SimpleQueue[Result | None] = queue.SimpleQueue()  # None: a thread has ended
        self._mutex = threading.Lock()
        self._buffer = Buffer()
        self._not_there = 0
        self._ended = 0
        self.sent = 0
        """Bytes sent so far."""
        self.settled = 0
        """Bytes done: sent, already in the bucket, or of a file that failed."""
        self._threads = [threading.Thread(target=self._work, name=f"upload-{n}") for n in range(config.workers)]
        for thread in self._threads:
            thread.start()

    @property
    def at_work(self) -> bool:
        """Whether a thread has not ended yet, as far as :meth:`results` has read."""
        return self._ended < len(self._threads)

    def results(self, wait_s: float) -> list[Result]:
        """Results since the last call. Waits ``wait_s`` seconds for a first one (or for a thread to end), and a moment
        for more, because recording many costs little more than recording one."""
        batch: list[Result] = []
        with suppress(queue.Empty):
            until = time.monotonic() + wait_s
            while (result := self._results.get(timeout=max(until - time.monotonic(), 0))) is not None:
                if not batch:
                    until = time.monotonic() + LINGER_S
                batch.append(result)
                if self._work_queue.under_way <= len(batch):
                    return batch
            self._ended += 1
        return batch

    # --- in the threads -----------------------------------------------------------------------------------------------

    def _work(self) -> None:
        try:
            while not self._stop.is_set() and (work := self._work_queue.take()) is not None:
                self._try(work)
        finally:
            self._work_queue.close()
            self._results.put(None)

    def _try(self, work: Work) -> None:
        """Do a piece of work and report its failure: whatever happens to one file, the others go on."""
        try:
            self._do(work.job, work.piece)
        except FOR_ALL as error:
            self._work_queue.close()
            self._results.put(Result(work.job, error=error))
        except Exception as error:
            if isinstance(error, Changed):
                work.job.error = error  # the cause; errors of the file's other parts follow from it
            if work.piece <= FINISH or self._work_queue.sent(work.job, error):
                self._fail(work.job, work.job.error or error)

    def _do(self, job: Job, piece: int) -> None:
        if piece == PREPARE:
            self._prepare(job)
        elif piece == FINISH:
            self._end(job, job.transfer.transfer.finish())
        else:
            self._count(job, job.transfer.transfer.send(piece))
            if self._work_queue.sent(job):
                self._fail(job, job.error or UploadError("another part failed"))

    def _prepare(self, job: Job) -> None:
        """Identify, hash, and begin the transfer."""
        card_file = job.file
        with open_file(card_file) as file:
            identity = identify.identify(card_file.folder, card_file.relative, card_file.mtime, file)
            file.seek(0)
            keep = self._room(card_file)
            content = self._digest(card_file, file, keep)
        if content.size != card_file.size or not is_unchanged(card_file):
            raise Changed("changed while it was read")
        name = card_file.relative.name
        keys = (labels.key(identity, name), labels.key(identity, name, content.sha256[:SUFFIX]))
        object_labels = Labels(
            labels.tags(identity, content, card_file.folder.tags),
            labels.metadata(identity, content, card_file.relative, self._sidecars(job), self._custody()),
            mimetypes.guess_type(name.lower())[0] or "application/octet-stream",
        )
        kept = keep[: card_file.size] if keep is not None else None
        transfer = Transfer(
            self._link.s3, self._state, card_file, content, keys, object_labels, self._doubtful(content), kept,
            self._link.checksums.basis(keys[0], self._state).is_verified,
        )  # fmt: skip
        job.transfer = _FileUpload(transfer, identity, keys)
        if (outcome := transfer.begin()) is not None:
            self._end(job, outcome)
            return
        self._not_there += 1
        missing = transfer.missing
        self._count(job, 0, card_file.size - min(len(missing) * content.part_size, card_file.size))
        if kept is not None:  # which the next file that this thread prepares will overwrite
            self._count(job, transfer.send(1))
            self._end(job, transfer.finish())
            return
        self._work_queue.prepared(job, missing)

    def _room(self, card_file: CardFile) -> memoryview | None:
        """This thread's buffer for a file that is sent in one request, with one more byte to notice that it grew. None
        for a larger file."""
        if card_file.size > min(KEEP // self._config.workers, part_size(card_file.size)):
            return None
        return self._buffer(card_file.size + 1)[: card_file.size + 1]

    def _digest(self, card_file: CardFile, file: BinaryIO, keep: memoryview | None) -> Digest:
        """The digest; that of an unfinished upload is known already. (If the bytes changed without a change of size and
        time, S3 rejects them.)"""
        size = part_size(card_file.size)
        pending = self._state.pending(self._config.bucket, card_file) if card_file.size > size else None
        if pending and pending.upload and pending.digest.part_size == size:
            return pending.digest
        return digest(file, size, self._link.halt, keep)

    def _doubtful(self, content: Digest) -> bool:
        """Whether to look for a file in the bucket before sending it: while the state is new, because the old one may
        be lost. If the bucket has none of several files, it was not lost, and looking for small files is useless: S3
        still refuses to replace one."""
        return self._state.fresh and (len(content.parts) > 1 or self._not_there < SURE_AFTER)

    def _sidecars(self, job: Job) -> list[str]:
        """Keys of the clip's sidecars that are in the bucket, uploaded now or before."""
        keys = (self._state.key(self._config.bucket, raw) for raw in job.after)
        return [key for key in keys if key]

    def _end(self, job: Job, outcome: Outcome) -> None:
        if not is_unchanged(job.file):
            raise Changed("changed during the upload")
        file_upload: _FileUpload = job.transfer
        if outcome.was_there:
            self._not_there = 0
        self._count(job, 0, job.file.size - file_upload.bytes)
        self._results.put(Result(job, outcome, file_upload.identity, outcome.s3_object.key == file_upload.keys[1]))

    def _fail(self, job: Job, error: Exception) -> None:
        """End a failed job, as its last thread. The parts of a file that has changed are useless."""
        file_upload: _FileUpload | None = job.transfer
        if self._cards.is_gone(job.file.folder):
            self._work_queue.drop(job.file.folder)  # they need not fail one by one
            self._results.put(Result(job, error=error, card_gone=True))
            return
        if file_upload and not is_unchanged(job.file):
            with suppress(UploadError, S3Error, *FOR_ALL):
                file_upload.transfer.give_up()
        self._count(job, 0, job.file.size - (file_upload.bytes if file_upload else 0))
        self._results.put(Result(job, identity=file_upload.identity if file_upload else None, error=error))

    def _count(self, job: Job, sent: int, spared: int = 0) -> None:
        with self._mutex:
            self.sent += sent
            self.settled += sent + spared
            if job.transfer:
                job.transfer.bytes += sent + spared
