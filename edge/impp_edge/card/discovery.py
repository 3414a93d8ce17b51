"""One pass over the folders: new files go in the queue if they are wanted and no longer being written.

100,000 known files cost the scan and no more: the code that identifies cameras is not even imported.
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
from impp_edge.card.find import CardFile, Problem
from impp_edge.card.work_queue import WorkQueue
from impp_edge.config import Config, Folder
from impp_edge.events import Reporter, shown
from impp_edge.memory.state import UPLOADED, State

EMPTY = "empty"


@dataclass
class Seen:
    """The result of a pass, apart from the files in the queue. ``skipped`` by reason, earlier runs included; the first
    file that is still being written (``restless``) may be ready in ``ready_in`` seconds; ``away``: folders whose card
    is out."""

    known: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    newly_skipped: Counter[str] = field(default_factory=Counter)
    restless: int = 0
    ready_in: float | None = None
    away: list[Folder] = field(default_factory=list)


class Cards:
    """The file systems of the folders when they were scanned, to notice a card that is pulled out."""

    def __init__(self) -> None:
        self._roots: dict[Path, int | None] = {}

    def note(self, folders: Iterable[Folder]) -> None:
        """Remember the folders' file systems as they are now."""
        self._roots = {folder.path: _file_system(folder) for folder in folders}

    def is_gone(self, folder: Folder) -> bool:
        """Whether another card, or none, is there now."""
        before = self._roots.get(folder.path)
        return before is not None and _file_system(folder) != before


class Discovery:
    """Scans all folders, once or repeatedly. ``hold`` decides which files to leave alone for now, ``asked_to_stop``
    whether to stop."""

    def __init__(
        self,
        config: Config,
        state: State,
        work_queue: WorkQueue,
        report: Reporter,
        problem: Problem,
        hold: Callable[[CardFile], bool],
        asked_to_stop: Callable[[], bool],
    ) -> None:
        self._config = config
        self._state = state
        self._work_queue = work_queue
        self._report = report
        self._problem = problem
        self._hold = hold
        self._asked_to_stop = asked_to_stop

    def run(self, patient: bool) -> Seen:
        """Scan all folders. ``patient``: a missing folder is not a problem."""
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
            seen.known += scan.known.pop(UPLOADED, 0)
            seen.skipped += scan.known
        seen.skipped += seen.newly_skipped
        return seen

    def _sort(self, new: list[CardFile], siblings: Collection[str], seen: Seen) -> None:
        """Put the new files of one directory in the queue if they are wanted and ready."""
        from impp_edge.card import settle, triage

        ready, skips = [], []
        for card_file in new:
            if card_file in self._work_queue or self._hold(card_file):
                continue
            if reason := triage.skip_reason(card_file, siblings):
                skips.append((card_file, reason))
            else:
                verdict = settle.ready(card_file, self._state, time.time(), self._config)
                if verdict == "ready":
                    ready.append(card_file)
                elif verdict == "empty":
                    skips.append((card_file, EMPTY))
                else:
                    self._wait(card_file, verdict, seen)
        self._skip(skips, seen)
        for candidate in triage.order(ready, siblings):
            self._work_queue.add(candidate.file, candidate.urgency, candidate.after)

    def _skip(self, skips: list[tuple[CardFile, str]], seen: Seen) -> None:
        if skips:
            self._state.skip(self._config.bucket, skips)
        for card_file, reason in skips:
            seen.newly_skipped[reason] += 1
            self._report({"event": "skipped", "path": shown(card_file.raw), "reason": reason})

    def _wait(self, card_file: CardFile, verdict: str, seen: Seen) -> None:
        seen.restless += 1
        self._report({"event": "restless", "path": shown(card_file.raw)})
        if verdict == "restless":  # a truncated file may become whole at any time: the next pass checks
            quiet_at = card_file.mtime + self._config.settle_s
            left = quiet_at - time.time()
            ready_in = left if 0 < left < self._config.settle_s else self._config.settle_s
            seen.ready_in = min(ready_in, seen.ready_in or ready_in)


def _file_system(folder: Folder) -> int | None:
    try:
        return folder.path.stat().st_dev
    except OSError:
        return None


def _directories(files: Iterable[CardFile]) -> Iterator[tuple[list[CardFile], Collection[str]]]:
    """New files by directory (in the order of a scan), each with the names of all files there, old and new."""
    for directory, together in groupby(files, key=lambda card_file: os.path.dirname(card_file.raw)):  # noqa: PTH120  # bytes
        new = list(together)
        try:
            siblings = frozenset(map(os.fsdecode, os.listdir(directory)))  # noqa: PTH208  # 100,000 Paths are slow
        except OSError:  # the directory is gone: each of its files reports that
            siblings = frozenset(card_file.names[-1] for card_file in new)
        yield new, siblings
