"""Find files that may be footage and that the state does not know yet.

A run over 100,000 known files must cost next to nothing: each folder is listed once and compared, name by name, with
the state's rows in the same order. Only new and changed files become objects and are matched with patterns.
"""

# ruff: noqa: PTH112, PTH116, PTH118  # pathlib knows no paths in bytes

from __future__ import annotations

import errno
import fnmatch
import os
import re
import stat
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, BinaryIO

from impp_edge import __version__
from impp_edge.config import Folder

if TYPE_CHECKING:
    from impp_edge.memory.state import Row, State

_JUNK_FOLDERS = re.compile(
    rb"\..*|System Volume Information|\$RECYCLE\.BIN|RECYCLER|LOST\.DIR|FOUND\.\d{3}|@eaDir|#recycle",
    re.IGNORECASE | re.DOTALL,
)
_JUNK = re.compile(
    rb"\..*|FSCK\d+\.REC|Thumbs\.db|desktop\.ini|.*\.(bin|tmp|temp|part|partial|crdownload|download|db|ini|log|lock|swp)|.*~",
    re.IGNORECASE | re.DOTALL,
)
_ENCODING, _ERRORS = sys.getfilesystemencoding(), sys.getfilesystemencodeerrors()
LINK, NO_FILE, JUNK, EXCLUDED = "link", "not a regular file", "system or temporary file", "excluded"
"""Reasons for what a scan passes over, see :func:`overlooked`."""
PROBLEMS = 20
"""How many unreadable files of one folder are named; the rest are counted."""


@dataclass(frozen=True, slots=True)
class CardFile:
    """A regular file, small enough to keep 100,000 of: ``name`` below its folder in the file system's own bytes, size
    in bytes and modification time when it was listed. :func:`look` makes one from a path."""

    folder: Folder
    name: bytes
    size: int
    mtime_ns: int

    @property
    def raw(self) -> bytes:
        """The absolute path in the file system's own bytes: what the state identifies a file by."""
        return os.path.join(os.fsencode(self.folder.path), self.name)

    @property
    def path(self) -> Path:
        """The absolute path."""
        return Path(os.fsdecode(self.raw))

    @property
    def names(self) -> list[str]:
        """The names of the folders below its folder, and its own: the parts of :attr:`relative`, without its cost."""
        return os.fsdecode(self.name).split("/")

    @property
    def relative(self) -> PurePosixPath:
        """The path below its folder."""
        return PurePosixPath(os.fsdecode(self.name))

    @property
    def mtime(self) -> float:
        """Modification time in seconds since 1970."""
        return self.mtime_ns / 1e9


Problem = Callable[[str, str], None]
"""``problem(path, reason)``: something could not be read."""


class Scan:
    """One pass over a folder: iterate it once for new and changed files. Links are not followed.

    ``known`` counts the files that the state knows: ``brought`` (uploaded), or the reason why they are skipped.
    ``absent`` is true if the folder is empty although files of it are known: the card is not in its reader. A file
    that is missing is never forgotten for that. Files that vanish while they are listed are not a problem.
    Raises :class:`StateError`.
    """

    def __init__(self, folder: Folder, state: State, bucket: str, problem: Problem) -> None:
        self.known: Counter[str] = Counter()
        self.absent = False
        self._folder = folder
        self._root = os.fsencode(folder.path)
        self._state = state
        self._bucket = bucket
        self._problem = problem
        self._excluded = _matcher(folder.exclude)

    def __iter__(self) -> Iterator[CardFile]:
        self._state.reconsider(self._bucket, self._root, _policy(self._folder))
        counts: Counter[int] = Counter()
        try:
            with self._state.lookup(self._bucket) as rows:
                yield from self._walk(rows, counts)
        finally:
            for what, count in counts.items():
                self.known[self._state.reason(what)] += count

    def _walk(self, rows: Callable[[bytes], Iterator[Row]], counts: Counter[int]) -> Iterator[CardFile]:
        waiting = [b""]
        while waiting:
            below = waiting.pop()
            at, prefix = (self._root + b"/" + below, below + b"/") if below else (self._root, b"")
            try:
                listing = _list(at, rows(at), follow=not below)
            except OSError as error:
                if not below or error.errno != errno.ENOENT or not self._is_present():
                    self._report_problem(at, error, "cannot be listed")
                if not self._is_present():
                    return  # the card was pulled out: one message is enough
                continue  # removed meanwhile, or unreadable: go on with the others
            self._report_errors(at, listing.errors)
            counts += listing.known
            if not below and not listing.known and not listing.new and not listing.folders:
                self.absent = self._state.any_below(self._bucket, self._root)
            for name, size, mtime_ns in listing.new:
                if not _JUNK.fullmatch(name) and not self._excluded(name, prefix + name):
                    yield CardFile(self._folder, prefix + name, size, mtime_ns)
            waiting += [
                prefix + name
                for name in reversed(listing.folders)
                if not _JUNK_FOLDERS.fullmatch(name) and not self._excluded(name, prefix + name)
            ]

    def _report_errors(self, at: bytes, errors: list[tuple[bytes, OSError]]) -> None:
        for name, error in errors[:PROBLEMS]:
            if name:
                self._report_problem(at + b"/" + name, error, "cannot be looked at")
            else:
                self._report_problem(at, error, "cannot be listed to its end")
        if len(errors) > PROBLEMS:
            self._report_problem(at, errors[-1][1], f"{len(errors) - PROBLEMS} more files in it cannot be looked at")

    def _is_present(self) -> bool:
        return os.path.isdir(self._root)

    def _report_problem(self, path: bytes, error: OSError, what: str) -> None:
        self._problem(os.fsdecode(path), f"{what}: {error.strerror or error}")


@dataclass(slots=True)
class _Listing:
    """What a directory holds, by name: ``new`` or changed files as (name, size, mtime_ns), ``folders``, how many files
    are ``known`` by kind, and ``errors`` by name, an empty name for the rest of the directory."""

    new: list[tuple[bytes, int, int]] = field(default_factory=list)
    folders: list[bytes] = field(default_factory=list)
    known: Counter[int] = field(default_factory=Counter)
    errors: list[tuple[bytes, OSError]] = field(default_factory=list)


def _list(at: bytes, rows: Iterator[Row], follow: bool) -> _Listing:
    """List a directory and compare it with the state's rows; a link is followed if ``follow``. Raises OSError if it
    cannot be opened; later errors are collected, and the rest is still listed.

    Names and rows are walked in the same order, so nothing is looked up: for 100,000 files that takes a fifth less
    time and half the memory of a dictionary.
    """
    listing = _Listing()
    handle = os.open(at, os.O_RDONLY | os.O_DIRECTORY | (0 if follow else os.O_NOFOLLOW))
    try:
        row = next(rows, None)
        for name in _names(handle, listing):
            try:
                status = os.stat(name, dir_fd=handle, follow_symlinks=False)
            except FileNotFoundError:
                continue  # removed meanwhile
            except OSError as error:
                listing.errors.append((name, error))
                continue
            while row is not None and row[0] < name:
                row = next(rows, None)
            if stat.S_ISREG(status.st_mode):
                size, mtime_ns = status.st_size, status.st_mtime_ns
                if row is not None and row[0] == name and row[1] == size and row[2] == mtime_ns:
                    listing.known[row[3]] += 1
                else:
                    listing.new.append((name, size, mtime_ns))
            elif stat.S_ISDIR(status.st_mode):
                listing.folders.append(name)
    finally:
        os.close(handle)
    return listing


def _names(handle: int, listing: _Listing) -> list[bytes]:
    """The names in an open directory, in the order of the state's rows. If the listing breaks off, those so far."""
    names: list[bytes] = []
    try:
        with os.scandir(handle) as entries:
            for entry in entries:
                names.append(entry.name.encode(_ENCODING, _ERRORS))  # keeps what came before an error
    except OSError as error:
        listing.errors.append((b"", error))
    names.sort()
    return names


def scan(folder: Folder, state: State, bucket: str, problem: Problem) -> Scan:
    """Scan a folder for files that the state does not know for this bucket."""
    return Scan(folder, state, bucket, problem)


def look(folder: Folder, path: Path) -> CardFile:
    """The file at a path below a folder, as it is now. Raises OSError, and ValueError if it is not a regular file
    below that folder."""
    status = path.stat(follow_symlinks=False)
    if not stat.S_ISREG(status.st_mode):
        raise ValueError(f"{path} is not a regular file")
    return CardFile(folder, os.fsencode(path.relative_to(folder.path)), status.st_size, status.st_mtime_ns)


def ignore_reason(folder: Folder, path: Path) -> str | None:
    """Why a scan passes over what is at this path below the folder without an event; None for a file that it considers.

    Raises OSError.
    """
    *folders, name = os.fsencode(path.relative_to(folder.path)).split(b"/")
    mode = path.stat(follow_symlinks=False).st_mode
    if stat.S_ISLNK(mode) or any(parent.is_symlink() for parent in path.parents if folder.path in parent.parents):
        return LINK
    if not stat.S_ISREG(mode):
        return NO_FILE
    excluded = _matcher(folder.exclude)
    paths = [b"/".join([*folders, name][: depth + 1]) for depth in range(len(folders) + 1)]
    if any(excluded(os.path.basename(below), below) for below in paths):  # noqa: PTH119  # bytes
        return EXCLUDED
    return JUNK if _JUNK.fullmatch(name) or any(map(_JUNK_FOLDERS.fullmatch, folders)) else None


@contextmanager
def directory_of(card_file: CardFile) -> Iterator[tuple[int, bytes]]:
    """Open the directory of a file: its descriptor, and the file's name there. Follows no link below the folder, as
    the scan does: whoever may write there could lead us to what only we may read. Raises OSError."""
    *folders, name = card_file.name.split(b"/")
    parent = os.open(card_file.folder.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for folder in folders:
            below = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
            os.close(parent)
            parent = below
        yield parent, name
    finally:
        os.close(parent)


@contextmanager
def open_file(card_file: CardFile, buffering: int = -1) -> Iterator[BinaryIO]:
    """Open a file to read it, if it is a regular one; see :func:`directory_of`. Raises OSError."""
    with directory_of(card_file) as (parent, name):
        handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=parent)
    with os.fdopen(handle, "rb", buffering) as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, NO_FILE)
        yield file


def is_unchanged(card_file: CardFile) -> bool:
    """Whether the file is still as listed: same size, same time, still a regular file."""
    try:
        status = os.stat(card_file.raw, follow_symlinks=False)
    except OSError:
        return False
    return stat.S_ISREG(status.st_mode) and (status.st_size, status.st_mtime_ns) == (card_file.size, card_file.mtime_ns)


def _matcher(patterns: tuple[str, ...]) -> Callable[[bytes, bytes], bool]:
    """Whether a name, or a path below the folder, matches one of the patterns, whose ``*`` matches a ``/`` too."""
    if not patterns:
        return lambda _name, _path: False
    one = re.compile("|".join(fnmatch.translate(os.path.normcase(p)) for p in patterns))

    def matches(name: bytes, path: bytes) -> bool:
        return any(one.match(os.path.normcase(os.fsdecode(text))) for text in (name, path))

    return matches


def _policy(folder: Folder) -> str:
    """The rules by which files of a folder are skipped: when they change, skipped files are considered again."""
    return f"{__version__} unknown={folder.unknown} sidecars={folder.sidecars}"
