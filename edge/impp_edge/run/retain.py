"""Remove files from the card, by age and by free space: only those proven to be in the bucket, bit for bit.

The state only proposes candidates. Right before a file is removed it is read once more, and its SHA-256, CRC-64/NVME
and size must equal those that S3 reports for the recorded key and version at this moment. The removal is logged in the
custody log first. A mismatch is reported and the file stays; what the bucket has lost is uploaded again.
"""

from __future__ import annotations

import errno
import os
import stat
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

from impp_edge.card.age import recorded_at
from impp_edge.card.find import CardFile, directory_of
from impp_edge.card.space import Space, space
from impp_edge.config import Config, Folder, Retain
from impp_edge.events import Reporter, shown
from impp_footage import cameras, sidecars

if TYPE_CHECKING:
    from impp_edge.bucket.s3 import Head
    from impp_edge.memory.custody import Log
    from impp_edge.memory.state import Entry, State

DAY_S = 86_400.0
PROTECTED = ("event", "manual")
"""Recordings that stay unless the folder's retain table says ``events = true``."""
MOST = 10_000
"""Removals of one folder in one plan, so that it fits into memory; the next run goes on."""
STAYED = "stayed"
"""Event of the custody log that revokes a ``removed``: at the last moment the file could not be removed."""
_ANYBODY_WRITES = 0o222
_BLOCK = 16 * 1024 * 1024
"""Part size for the digest, whose parts are not used here."""


class Bucket(Protocol):
    """The part of :class:`S3` that removal needs."""

    def head(self, key: str) -> Head | None:
        """The object as it is now, None if there is none."""

    def read_back(self, key: str, size: int, version: str | None = None) -> str | None:
        """The SHA-256 of an object's bytes in hex, None if it is missing or has another size."""


@dataclass(frozen=True, slots=True)
class Removal:
    """A file to remove, its entry in the state, and the ``reason``. ``clips``: absolute paths of the files beside it
    that must be removed first, because a sidecar stays with its clip."""

    file: CardFile
    entry: Entry
    reason: str
    clips: tuple[bytes, ...] = ()


# --- what may go ------------------------------------------------------------------------------------------------------


def plan(config: Config, state: State, now: float, free: Callable[[Path], Space] = space) -> list[Removal]:
    """Files to remove from the cards now, in order: of each folder the oldest first.

    Lists folders and queries the state; reads no file. A missing card has nothing to remove. ``now`` in seconds since
    1970. Raises :class:`StateError`.
    """
    removals: list[Removal] = []
    freed: dict[int, int] = {}  # by file system: two folders may be on one card
    for folder in config.folders:
        if folder.retain is None:
            continue
        try:
            device, room = folder.path.stat().st_dev, free(folder.path)
        except OSError:
            continue
        wanted = (folder.retain.min_free_percent or 0.0) / 100 * room.total - room.free - freed.get(device, 0)
        planned = _Card(folder, folder.retain, config.bucket, state).oldest(now, wanted)
        freed[device] = freed.get(device, 0) + sum(removal.file.size for removal in planned)
        removals += planned
    return removals


def preview(removals: Iterable[Removal], report: Reporter) -> None:
    """Report what would be removed, and why: the dry run."""
    for removal in removals:
        report(_event("would remove", removal, reason=removal.reason))


@dataclass(frozen=True, slots=True)
class _Aged:
    """An uploaded file: ``when`` it was recorded, in seconds since 1970."""

    when: float
    raw: bytes
    size: int


class _Card:
    """One folder, and what the state knows of the files on it."""

    def __init__(self, folder: Folder, retain: Retain, bucket: str, state: State) -> None:
        self._folder = folder
        self._retain = retain
        self._bucket = bucket
        self._state = state
        self._root = os.fsencode(folder.path)
        self._names: dict[bytes, frozenset[str]] = {}  # by directory: what is there now
        self._uploaded: dict[bytes, dict[bytes, tuple[int, int]]] = {}  # by directory: size and mtime_ns as uploaded

    def oldest(self, now: float, wanted: float) -> list[Removal]:
        """The oldest files, until neither age nor the ``wanted`` bytes require more."""
        days = self._retain.older_than_days
        before = float("-inf") if days is None else now - days * DAY_S
        candidates = self._candidates(None if wanted > 0 else before, now)
        if not candidates:
            return []
        chosen: dict[bytes, Removal | str] = {}  # first the reason, then the removal; in order
        sidecars: dict[bytes, tuple[bytes, ...]] = {}
        for one in sorted(self._aged(candidates), key=lambda one: (one.when, one.raw)):
            if len(chosen) >= MOST:
                break
            if one.when < before:
                reason = f"older than {days:g} days"
            elif wanted > 0:
                reason = f"less than {self._retain.min_free_percent:g} % free"
            else:
                break
            if one.raw in chosen or not self._stands_alone(one.raw):
                continue
            chosen[one.raw] = reason
            wanted -= one.size
            for sidecar, clips in self._freed_by(one.raw, chosen):
                chosen[sidecar], sidecars[sidecar] = reason, clips
                wanted -= self._size(sidecar)
        return self._removals(chosen, sidecars)

    def _candidates(self, before: float | None, now: float) -> set[bytes]:
        """Paths of uploaded files that are present, unprotected by their names, and not newer than ``before``.

        Reads only names and the narrow table, so a run with nothing to remove costs next to nothing. Implausible times
        are left to :func:`recorded`.
        """
        paths: set[bytes] = set()
        with self._state.lookup(self._bucket) as rows:
            for at, names in self._directories():
                for name, _size, mtime_ns, what in rows(at):
                    mtime = mtime_ns / 1e9
                    old = before is None or mtime < before or mtime > now + DAY_S
                    if what == 0 and old and name in names and not self._named_protected(at, name):
                        paths.add(at + b"/" + name)
        return paths

    def _directories(self) -> Iterator[tuple[bytes, set[bytes]]]:
        """The folders of the card with the names of their files. Links are not followed."""
        waiting = [self._root]
        while waiting:
            at = waiting.pop()
            names = set()
            try:
                with os.scandir(at) as entries:
                    for entry in entries:
                        if entry.is_dir(follow_symlinks=False):
                            waiting.append(entry.path)
                        else:
                            names.add(entry.name)
            except OSError:  # the scan has reported it already
                continue
            yield at, names

    def _aged(self, candidates: set[bytes]) -> Iterator[_Aged]:
        """Candidates that the state does not protect and that are unchanged since their upload."""
        for entry in self._state.entries(self._bucket, self._folder.path):
            if entry.raw in candidates and not self._protected(entry) and self._same(entry.raw, entry):
                yield _Aged(recorded_at(entry), entry.raw, entry.size)

    def _removals(self, chosen: dict[bytes, Removal | str], sidecars: dict[bytes, tuple[bytes, ...]]) -> list[Removal]:
        """The chosen files with their entries in the state."""
        for entry in self._state.entries(self._bucket, self._folder.path):
            if isinstance(reason := chosen.get(entry.raw), str):
                card_file = CardFile(
                    self._folder, entry.raw[len(self._root.rstrip(b"/")) + 1 :], entry.size, entry.mtime_ns
                )
                chosen[entry.raw] = Removal(card_file, entry, reason, sidecars.get(entry.raw, ()))
        return [removal for removal in chosen.values() if isinstance(removal, Removal)]

    # --- clips and their sidecars

    def _stands_alone(self, raw: bytes) -> bool:
        """Whether a file may be removed by itself: not a sidecar of a clip that is present, nor a clip whose sidecars
        are not uploaded yet.

        If the owner wants no sidecars, they stay on the card.
        """
        at, name = os.path.split(raw)
        siblings, text = self._siblings(at), os.fsdecode(name)
        folders = self._folders(at)
        if sidecars.is_sidecar(folders, text) and sidecars.clips(text, siblings):
            return False
        data = [other for other in sidecars.of_clip(text, siblings) if sidecars.is_sidecar(folders, other) == "data"]
        return self._folder.sidecars == "none" or all(self._is_uploaded(at, os.fsencode(other)) for other in data)

    def _freed_by(self, clip: bytes, chosen: dict[bytes, Removal | str]) -> Iterator[tuple[bytes, tuple[bytes, ...]]]:
        """The uploaded sidecars whose last clip this is, each with its clips."""
        at, name = os.path.split(clip)
        siblings = self._siblings(at)
        for other in sidecars.of_clip(os.fsdecode(name), siblings):
            raw = at + b"/" + os.fsencode(other)
            clips = tuple(at + b"/" + os.fsencode(one) for one in sidecars.clips(other, siblings))
            if raw not in chosen and all(one in chosen for one in clips) and self._is_uploaded(at, os.fsencode(other)):
                yield raw, clips

    def _siblings(self, at: bytes) -> frozenset[str]:
        if at not in self._names:
            try:
                self._names[at] = frozenset(os.fsdecode(name) for name in os.listdir(at))  # noqa: PTH208  # bytes
            except OSError:
                self._names[at] = frozenset()
        return self._names[at]

    def _is_uploaded(self, at: bytes, name: bytes) -> bool:
        known = self._known(at).get(name)
        return known is not None and _is(at + b"/" + name, *known)

    def _size(self, raw: bytes) -> int:
        at, name = os.path.split(raw)
        return self._known(at)[name][0]

    def _known(self, at: bytes) -> dict[bytes, tuple[int, int]]:
        if at not in self._uploaded:
            with self._state.lookup(self._bucket) as rows:
                self._uploaded[at] = {name: (size, mtime_ns) for name, size, mtime_ns, what in rows(at) if what == 0}
        return self._uploaded[at]

    # --- what is never removed

    def _named_protected(self, at: bytes, name: bytes) -> bool:
        if self._retain.events:
            return False
        folders = self._folders(at)
        known = cameras.recognise(folders, os.fsdecode(name))
        return (known.recording if known else cameras.recording_by_folder(folders)) in PROTECTED

    def _protected(self, entry: Entry) -> bool:
        """Whether the owner may want to keep it: an event, a button pressed, a file locked as FAT does it.

        Everything filmed by hand is "manual"; only for a dash cam does that distinguish a clip. Files uploaded by an
        earlier impp-edge have no recording: they may be anything.
        """
        about = entry.about
        if self._retain.events:
            return False
        if about.recording is None or about.recording == "event":
            return True
        return about.recording == "manual" and about.source == "dashcam"

    def _same(self, raw: bytes, entry: Entry) -> bool:
        locked = 0 if self._retain.events else _ANYBODY_WRITES
        return _is(raw, entry.size, entry.mtime_ns, locked)

    def _folders(self, at: bytes) -> list[str]:
        below = os.fsdecode(at[len(self._root) :]).strip("/")
        return [*self._folder.path.parts[-2:], *(below.split("/") if below else [])]


def _is(raw: bytes, size: int, mtime_ns: int, writable: int = 0) -> bool:
    """Whether a path is a regular file of this size and time; with ``writable`` also whether one
    of these mode bits is set: a dash cam locks a clip on a FAT card by its read-only attribute."""
    try:
        status = os.stat(raw, follow_symlinks=False)  # noqa: PTH116  # bytes
    except OSError:
        return False
    same = stat.S_ISREG(status.st_mode) and (status.st_size, status.st_mtime_ns) == (size, mtime_ns)
    return same and (not writable or bool(status.st_mode & writable))


# --- removing it ------------------------------------------------------------------------------------------------------


def carry_out(
    removals: Iterable[Removal], s3: Bucket, state: State, log: Log, report: Reporter, stop: threading.Event,
    verifies: Callable[[str], bool] = lambda _key: True,
) -> None:  # fmt: skip
    """Remove the planned files, each only after a fresh proof. Call it while holding the state's lock. ``verifies``:
    whether the server refuses bytes that do not match their checksum; otherwise each object is read back.

    Reports ``removed`` and ``failed`` for files and ``note`` for what postpones the rest. If an object is missing or no
    longer equals the file, the state forgets the upload, so the next run uploads it again. Ends early when asked to
    stop, when S3 cannot be reached, and when S3 denies access to an object. Raises :class:`Refused` and
    :class:`StateError`.
    """
    from impp_edge.bucket.s3 import Offline, Stopped

    remover = _Remover(s3, state, log, stop, verifies)
    stayed: set[bytes] = set()
    closed: set[Path] = set()
    for removal in removals:
        card_file = removal.file
        if stop.is_set():
            return
        if card_file.folder.path in closed or any(clip in stayed for clip in removal.clips):
            stayed.add(card_file.raw)
            continue
        try:
            remover.remove(removal)
            report(_event("removed", removal, reason=removal.reason))
        except Stopped:
            return
        except Offline as error:
            report({"event": "note", "reason": f"removal is postponed: {error}"})
            return
        except _Closed as error:
            closed.add(card_file.folder.path)
            report(
                {"event": "failed", "path": shown(card_file.folder.path), "reason": f"nothing can be removed: {error}"}
            )
        except _Stays as error:
            stayed.add(card_file.raw)
            if error.forget:
                state.forget(card_file.path, removal.entry.bucket)
            state.failed(card_file.path, str(error))
            report(_event("failed", removal, reason=str(error)))
            if error.last:
                return


class _Stays(Exception):
    """This file is not removed; the text says why. ``forget``: the bucket does not have it as recorded in the state.
    ``last``: the others would fail alike."""

    def __init__(self, text: str, forget: bool = False, last: bool = False) -> None:
        super().__init__(text)
        self.forget, self.last = forget, last


class _Closed(Exception):
    """Nothing can be removed from this card; the text says why."""


class _Remover:
    def __init__(
        self, s3: Bucket, state: State, log: Log, stop: threading.Event, verifies: Callable[[str], bool]
    ) -> None:
        self._s3 = s3
        self._verifies = verifies
        self._state = state
        self._log = log
        self._stop = stop

    def remove(self, removal: Removal) -> None:
        """Read the file, check its object, log the removal, remove the file: in this order."""
        try:
            with _open_below(removal.file) as (parent, name, file):
                before = os.fstat(file.fileno())
                if not _matches(before, removal.entry):
                    raise _Stays("not removed: it changed in the meantime")
                self._prove(removal.entry, file)
                if _identity(os.fstat(file.fileno())) != _identity(before):
                    raise _Stays("not removed: it was written to while it was read")
                self._unlink(removal.entry, parent, name, before)
        except OSError as error:
            raise _Stays(f"not removed: {error.strerror}") from error

    def _prove(self, entry: Entry, file: BinaryIO) -> None:
        """Prove that the bucket has exactly these bytes now."""
        from impp_edge.bucket.s3 import S3Error
        from impp_edge.digest import digest

        content, s3_object = digest(file, _BLOCK, self._stop), entry.s3_object
        if (content.size, content.sha256) != (entry.size, s3_object.sha256):
            raise _Stays("not removed: its content differs from the upload; it will be uploaded again", forget=True)
        try:
            head = self._s3.head(s3_object.key)
        except S3Error as error:
            if error.status != 403:
                raise _Stays(f"not removed: {error}") from error
            text = "S3 denies access: it is gone, or s3:GetObject is not allowed; it will be uploaded again"
            raise _Stays(f"not removed: {text}", forget=True, last=True) from error
        if head is None:
            raise _Stays(
                f"not removed: it is no longer in the bucket ({s3_object.key}); it will be uploaded again", True
            )
        if wrong := _mismatch(head, entry, content.crc64nvme):
            raise _Stays(f"not removed: the bucket has {wrong}; it will be uploaded again", forget=True)
        if head.crc64nvme is None or head.metadata.get("impp-sha256") != content.sha256:
            raise _Stays("not removed: its object lacks a full-object checksum or its SHA-256, so nothing proves it")
        try:
            proven = self._verifies(s3_object.key) or (
                self._s3.read_back(s3_object.key, entry.size, s3_object.version) == content.sha256
            )
        except S3Error as error:
            raise _Stays(f"not removed: {error}") from error
        if not proven:
            raise _Stays("not removed: the bucket has other bytes; it will be uploaded again", forget=True)

    def _unlink(self, entry: Entry, parent: int, name: bytes, before: os.stat_result) -> None:
        from impp_edge.memory import custody

        self._note(custody.REMOVED, entry)
        try:
            if _identity(os.stat(name, dir_fd=parent, follow_symlinks=False)) != _identity(before):
                raise _Stays("not removed: it was replaced by another file")
            os.unlink(name, dir_fd=parent)
        except (OSError, _Stays) as error:
            self._note(STAYED, entry)
            if isinstance(error, PermissionError) or getattr(error, "errno", None) == errno.EROFS:
                raise _Closed(os.strerror(getattr(error, "errno", 0))) from error
            raise
        self._state.removed(entry)

    def _note(self, event: str, entry: Entry) -> None:
        from impp_edge.memory import custody

        s3_object, about = entry.s3_object, entry.about
        head = self._log.append([
            custody.Entry(
                event, entry.path, entry.size, entry.mtime_ns, s3_object.sha256, s3_object.crc64nvme, entry.bucket,
                s3_object.key, s3_object.version, s3_object.etag, about.device or "", about.captured,
            )
        ])  # fmt: skip
        self._state.set(custody.KEPT, head)


def _mismatch(head: Head, entry: Entry, crc64nvme: str) -> str | None:
    """How an object differs from what was uploaded; None if it does not."""
    if head.size != entry.size:
        return f"{head.size} bytes instead of {entry.size}"
    if head.crc64nvme not in (None, crc64nvme):
        return "another checksum"
    if head.version != entry.s3_object.version:
        return f"another version, {head.version} instead of {entry.s3_object.version}"
    return None


@contextmanager
def _open_below(card_file: CardFile) -> Iterator[tuple[int, bytes, BinaryIO]]:
    """Open a file below its folder: its directory's descriptor, its name there, and the file. Follows no links."""
    with directory_of(card_file) as (parent, name):
        if os.fstatvfs(parent).f_flag & os.ST_RDONLY:
            raise _Closed("the card is mounted read-only")
        if not os.access(b".", os.W_OK | os.X_OK, dir_fd=parent):
            raise _Closed(f"no write permission for {shown(card_file.path.parent)}")
        handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=parent)
        with os.fdopen(handle, "rb", buffering=0) as file:
            yield parent, name, file


def _matches(status: os.stat_result, entry: Entry) -> bool:
    return stat.S_ISREG(status.st_mode) and (status.st_size, status.st_mtime_ns) == (entry.size, entry.mtime_ns)


def _identity(status: os.stat_result) -> tuple[int, ...]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _event(kind: str, removal: Removal, **more: Any) -> dict[str, Any]:
    card_file, s3_object = removal.file, removal.entry.s3_object
    what = {"path": shown(card_file.raw), "size": card_file.size, "key": s3_object.key, "version": s3_object.version}
    return {"event": kind, **what, **more}
