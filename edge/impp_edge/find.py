"""Find files that may be footage and that the memory does not know yet.

A run over 100,000 known files must cost next to nothing: each folder is listed once, in bytes, and compared line by
line with the memory's rows in the same order. Only what is new or changed becomes an object, and meets a pattern.
"""

# ruff: noqa: PTH112, PTH116, PTH118  # pathlib knows no paths in bytes

from __future__ import annotations

import errno
import fnmatch
import os
import re
import stat
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from impp_edge import __version__
from impp_edge.config import Folder

if TYPE_CHECKING:
    from impp_edge.state import Row, State

_JUNK_FOLDERS = re.compile(
    rb"\..*|System Volume Information|\$RECYCLE\.BIN|RECYCLER|LOST\.DIR|FOUND\.\d{3}|@eaDir|#recycle",
    re.IGNORECASE | re.DOTALL,
)
_JUNK = re.compile(
    rb"\..*|FSCK\d+\.REC|Thumbs\.db|desktop\.ini|.*\.(bin|tmp|temp|part|partial|crdownload|download|db|ini|log|lock|swp)|.*~",
    re.IGNORECASE | re.DOTALL,
)
PROBLEMS = 20
"""How many files of one folder are named when they cannot be looked at; the rest is counted."""


@dataclass(frozen=True, slots=True)
class Found:
    """A regular file, small enough to keep 100,000 of: ``name`` below its folder in the file system's own bytes, size
    in bytes and modification time as of when it was found. :func:`look` makes one of a path."""

    folder: Folder
    name: bytes
    size: int
    mtime_ns: int

    @property
    def raw(self) -> bytes:
        """The absolute path in the file system's own bytes: what the memory knows a file by."""
        return os.path.join(os.fsencode(self.folder.path), self.name)

    @property
    def path(self) -> Path:
        """Where to open it."""
        return Path(os.fsdecode(self.raw))

    @property
    def relative(self) -> PurePosixPath:
        """The path below its folder."""
        return PurePosixPath(os.fsdecode(self.name))

    @property
    def mtime(self) -> float:
        """Modification time in seconds since 1970."""
        return self.mtime_ns / 1e9


Problem = Callable[[str, str], None]
"""``problem(path, reason)``: something could not be looked at."""


class Scan:
    """One look at a folder: iterate it once for the files that are new or changed. Links are not followed.

    ``known`` counts, meanwhile, the files that the memory knows: ``brought``, or the reason why they are skipped.
    ``absent`` tells that the folder is there but empty although files of it are known: a card that is not in its
    reader. Nothing is ever forgotten because it is not found. Files that vanish while they are listed are no problem.
    Raises :class:`~impp_edge.state.StateError`.
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

    def __iter__(self) -> Iterator[Found]:
        self._state.reconsider(self._bucket, self._root, _policy(self._folder))
        counts: Counter[int] = Counter()
        try:
            with self._state.lookup(self._bucket) as rows:
                yield from self._walk(rows, counts)
        finally:
            for what, count in counts.items():
                self.known[self._state.reason(what)] += count

    def _walk(self, rows: Callable[[bytes], Iterator[Row]], counts: Counter[int]) -> Iterator[Found]:
        waiting = [b""]
        while waiting:
            below = waiting.pop()
            at = self._root + b"/" + below if below else self._root
            try:
                files, folders = self._list(at)
            except OSError as error:
                if below and error.errno == errno.ENOENT and self._here():
                    continue  # a folder that was removed meanwhile
                self._say(at, error, "cannot be listed")
                if not self._here():
                    return  # the card was pulled out: one message is enough
                continue
            if not below and not files and not folders:
                self.absent = self._state.any_below(self._bucket, self._root)
            prefix = below + b"/" if below else b""
            for name, size, mtime_ns in _unknown(files, rows(at), counts):
                if not _JUNK.fullmatch(name) and not self._excluded(name, prefix + name):
                    yield Found(self._folder, prefix + name, size, mtime_ns)
            waiting += [
                prefix + name
                for name in sorted(folders, reverse=True)
                if not _JUNK_FOLDERS.fullmatch(name) and not self._excluded(name, prefix + name)
            ]

    def _list(self, at: bytes) -> tuple[list[tuple[bytes, int, int]], list[bytes]]:
        """Files as (name, size, mtime_ns), sorted, and folders. What cannot be read is said, the rest is given."""
        files: list[tuple[bytes, int, int]] = []
        folders: list[bytes] = []
        refused: list[tuple[bytes, OSError]] = []
        with os.scandir(at) as entries:
            try:
                for entry in entries:
                    try:
                        if entry.is_file(follow_symlinks=False):
                            status = entry.stat(follow_symlinks=False)
                            files.append((entry.name, status.st_size, status.st_mtime_ns))
                        elif entry.is_dir(follow_symlinks=False):
                            folders.append(entry.name)
                    except FileNotFoundError:
                        continue
                    except OSError as error:
                        refused.append((entry.path, error))
            except OSError as error:
                self._say(at, error, "cannot be listed to its end")
        for path, error in refused[:PROBLEMS]:
            self._say(path, error, "cannot be looked at")
        if len(refused) > PROBLEMS:
            self._say(at, refused[-1][1], f"{len(refused) - PROBLEMS} more files cannot be looked at")
        files.sort()
        return files, folders

    def _here(self) -> bool:
        return os.path.isdir(self._root)

    def _say(self, path: bytes, error: OSError, what: str) -> None:
        self._problem(os.fsdecode(path), f"{what}: {error.strerror or error}")


def scan(folder: Folder, state: State, bucket: str, problem: Problem) -> Scan:
    """Look through a folder for files that the memory of this bucket does not know."""
    return Scan(folder, state, bucket, problem)


def look(folder: Folder, path: Path) -> Found:
    """The file at a path below a folder, as it is now. Raises OSError, and ValueError where it is no regular file
    below that folder."""
    status = path.stat(follow_symlinks=False)
    if not stat.S_ISREG(status.st_mode):
        raise ValueError(f"{path} is no regular file")
    return Found(folder, os.fsencode(path.relative_to(folder.path)), status.st_size, status.st_mtime_ns)


def unchanged(found: Found) -> bool:
    """Whether the file is still what was found: same size, same time, still a regular file."""
    try:
        status = os.stat(found.raw, follow_symlinks=False)
    except OSError:
        return False
    return stat.S_ISREG(status.st_mode) and (status.st_size, status.st_mtime_ns) == (found.size, found.mtime_ns)


def _unknown(
    files: list[tuple[bytes, int, int]], rows: Iterator[Row], counts: Counter[int]
) -> Iterator[tuple[bytes, int, int]]:
    """The files that no row equals; both are sorted by name, so one pass does. Equal ones are counted by kind."""
    row = next(rows, None)
    for file in files:
        name = file[0]
        while row is not None and row[0] < name:
            row = next(rows, None)
        if row is not None and row[:3] == file:
            counts[row[3]] += 1
        else:
            yield file


def _matcher(patterns: tuple[str, ...]) -> Callable[[bytes, bytes], bool]:
    """Whether a name, or a path below the folder, matches one of the patterns, whose ``*`` matches a ``/`` too."""
    if not patterns:
        return lambda _name, _path: False
    one = re.compile("|".join(fnmatch.translate(os.path.normcase(p)) for p in patterns))

    def matches(name: bytes, path: bytes) -> bool:
        return any(one.match(os.path.normcase(os.fsdecode(text))) for text in (name, path))

    return matches


def _policy(folder: Folder) -> str:
    """By which rules files of a folder are skipped: with other rules they are looked at again."""
    return f"{__version__} unknown={folder.unknown} sidecars={folder.sidecars}"
