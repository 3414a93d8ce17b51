"""One look through the folders: what is new goes on the board when it is wanted and no longer being written.

Of 100,000 known files nothing but the scan is done, and what tells cameras apart is not even imported.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

from impp_edge.card import find
from impp_edge.card.board import Board
from impp_edge.card.find import Found, Problem
from impp_edge.config import Config, Folder
from impp_edge.events import Tell, shown
from impp_edge.memory.state import BROUGHT, State

EMPTY = "empty"


@dataclass
class Seen:
    """What a look found besides what went on the board. ``skipped`` by reason, those of earlier runs too; in
    ``ready_in`` seconds the first restless file may be ready; ``away``: folders whose card is out."""

    known: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    newly_skipped: Counter[str] = field(default_factory=Counter)
    restless: int = 0
    ready_in: float | None = None
    away: list[Folder] = field(default_factory=list)


class Cards:
    """On which file systems the folders were when they were looked through: so a card that is pulled out is noticed."""

    def __init__(self) -> None:
        self._roots: dict[Path, int | None] = {}

    def note(self, folders: Iterable[Folder]) -> None:
        """Take the folders as they are now."""
        self._roots = {folder.path: _file_system(folder) for folder in folders}

    def gone(self, folder: Folder) -> bool:
        """Whether another card, or none, is there now."""
        before = self._roots.get(folder.path)
        return before is not None and _file_system(folder) != before


class Looker:
    """Looks through all folders, once or again and again. ``hold`` tells which files are to be left alone for now,
    ``asked_to_stop`` whether to leave off."""

    def __init__(
        self,
        config: Config,
        state: State,
        board: Board,
        tell: Tell,
        problem: Problem,
        hold: Callable[[Found], bool],
        asked_to_stop: Callable[[], bool],
    ) -> None:
        self._config = config
        self._state = state
        self._board = board
        self._tell = tell
        self._problem = problem
        self._hold = hold
        self._asked_to_stop = asked_to_stop

    def look(self, patient: bool) -> Seen:
        """Look through all folders. ``patient``: that a folder is not there is no problem."""
        seen = Seen()
        for folder in self._config.folders:
            if patient and not folder.path.is_dir():
                seen.away.append(folder)
                continue
            scan = find.scan(folder, self._state, self._config.bucket, self._problem)
            for new, siblings in _directories(scan):
                if self._asked_to_stop():
                    return seen
                self._sort(new, siblings, seen)
            if scan.absent:
                seen.away.append(folder)
            seen.known += scan.known.pop(BROUGHT, 0)
            seen.skipped += scan.known
        seen.skipped += seen.newly_skipped
        return seen

    def _sort(self, new: list[Found], siblings: Collection[str], seen: Seen) -> None:
        """Put those of the new files of one directory on the board that are wanted and ready."""
        from impp_edge.card import settle, triage

        ready, skips = [], []
        for found in new:
            if found in self._board or self._hold(found):
                continue
            if reason := triage.unwanted(found, siblings):
                skips.append((found, reason))
            else:
                verdict = settle.ready(found, self._state, time.time(), self._config)
                if verdict == "ready":
                    ready.append(found)
                elif verdict == "empty":
                    skips.append((found, EMPTY))
                else:
                    self._wait(found, verdict, seen)
        self._skip(skips, seen)
        for wanted in triage.order(ready, siblings):
            self._board.add(wanted.found, wanted.urgency, wanted.after)

    def _skip(self, skips: list[tuple[Found, str]], seen: Seen) -> None:
        if skips:
            with self._state.batch():
                for found, reason in skips:
                    self._state.skip(self._config.bucket, found, reason)
        for found, reason in skips:
            seen.newly_skipped[reason] += 1
            self._tell({"event": "skipped", "path": shown(found.raw), "reason": reason})

    def _wait(self, found: Found, verdict: str, seen: Seen) -> None:
        seen.restless += 1
        self._tell({"event": "restless", "path": shown(found.raw)})
        if verdict == "restless":  # one that was cut may become whole at any time: the next look will see
            quiet_at = found.mtime + self._config.settle_s
            left = quiet_at - time.time()
            ready_in = left if 0 < left < self._config.settle_s else self._config.settle_s
            seen.ready_in = min(ready_in, seen.ready_in or ready_in)


def _file_system(folder: Folder) -> int | None:
    try:
        return folder.path.stat().st_dev
    except OSError:
        return None


def _directories(files: Iterable[Found]) -> Iterator[tuple[list[Found], Collection[str]]]:
    """New files by directory (as a scan finds them), each with the names of all files there, old and new."""
    for directory, together in groupby(files, key=lambda found: os.path.dirname(found.raw)):  # noqa: PTH120  # bytes
        new = list(together)
        try:
            siblings = frozenset(map(os.fsdecode, os.listdir(directory)))  # noqa: PTH208  # 100,000 Paths are slow
        except OSError:  # it went away: each of its files will tell
            siblings = frozenset(found.relative.name for found in new)
        yield new, siblings
