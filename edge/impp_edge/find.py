"""Find files that may be footage, and tell which of them are still being written."""

from __future__ import annotations

import fnmatch
import os
import re
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from impp_edge.config import Folder

_JUNK_FOLDERS = re.compile(
    r"\..*|System Volume Information|\$RECYCLE\.BIN|RECYCLER|LOST\.DIR|FOUND\.\d{3}|@eaDir|#recycle",
    re.IGNORECASE,
)
_JUNK = re.compile(
    r"\..*|FSCK\d+\.REC|Thumbs\.db|desktop\.ini|.*\.(bin|tmp|temp|part|partial|crdownload|download|db|ini|log|lock|swp)|.*~",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Found:
    """A regular file: ``path`` to open, ``relative`` below its folder, size and times as of when it was found."""

    folder: Folder
    path: Path
    relative: PurePosixPath
    size: int
    mtime_ns: int

    @property
    def mtime(self) -> float:
        """Modification time in seconds since 1970."""
        return self.mtime_ns / 1e9


Problem = Callable[[str, str], None]
"""``problem(path, reason)``: something could not be looked at."""


def find(folder: Folder, problem: Problem) -> Iterator[Found]:
    """All files below a folder that are no junk, by name. Links are not followed: no loops, no doubles."""
    waiting: list[tuple[Path, PurePosixPath]] = [(folder.path, PurePosixPath())]
    while waiting:
        at, relative = waiting.pop()
        try:
            with os.scandir(at) as entries:
                listed = sorted(entries, key=lambda e: os.fsencode(e.name))
        except OSError as error:
            problem(os.fspath(at), f"cannot be listed: {error.strerror}")
            continue
        deeper = []
        for entry in listed:
            name = relative / entry.name
            if any(fnmatch.fnmatch(entry.name, p) or fnmatch.fnmatch(str(name), p) for p in folder.exclude):
                continue
            try:
                if entry.is_dir(follow_symlinks=False):
                    if not _JUNK_FOLDERS.fullmatch(entry.name):
                        deeper.append((Path(entry.path), name))
                elif entry.is_file(follow_symlinks=False) and not _JUNK.fullmatch(entry.name):
                    status = entry.stat(follow_symlinks=False)
                    yield Found(folder, Path(entry.path), name, status.st_size, status.st_mtime_ns)
            except OSError as error:
                problem(entry.path, f"cannot be looked at: {error.strerror}")
        waiting += reversed(deeper)


def settled(found: Found, now: float, first_seen: float | None, settle_s: float) -> bool:
    """Whether nobody has written for ``settle_s`` seconds.

    By the file's own time where that lies in the past, else (a camera's clock may run ahead of ours) by
    ``first_seen``, when this size and time were first observed by our own clock.
    """
    quiet_by_itself = found.mtime + settle_s <= now
    quiet_by_us = first_seen is not None and first_seen + settle_s <= now
    return settle_s <= 0 or quiet_by_itself or quiet_by_us


def unchanged(found: Found) -> bool:
    """Whether the file is still what was found: same size, same time, still a regular file."""
    try:
        status = found.path.stat(follow_symlinks=False)
    except OSError:
        return False
    return stat.S_ISREG(status.st_mode) and (status.st_size, status.st_mtime_ns) == (found.size, found.mtime_ns)
