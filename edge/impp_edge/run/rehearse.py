"""The dry run: says what a run would bring and what it would remove from the card, and sends and writes nothing.

It works on a copy of the memory in a temporary folder, so that not even a file's being looked at is remembered.
"""

from __future__ import annotations

import sqlite3
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from impp_edge.card.find import Found
from impp_edge.card.look import Looker
from impp_edge.config import Config
from impp_edge.footage import identify
from impp_edge.memory.database import FILE
from impp_edge.memory.state import State
from impp_edge.run.board import Board
from impp_edge.run.sync import ASKED, FAILED, KNOWN, RESTLESS, SKIPPED, WAITING, Summary
from impp_edge.show.report import Tell, shown


def rehearse(config: Config, tell: Tell, stop: threading.Event) -> Summary:
    """Tell what would be done, in the order in which it would be. Raises :class:`StateError`."""
    began, summary, board = time.monotonic(), Summary(), Board()

    def problem(path: str, reason: str) -> None:
        summary.counts[FAILED] += 1
        tell({"event": FAILED, "path": shown(path), "reason": reason})

    with copied(config.state) as state:
        looker = Looker(config, state, board, tell, problem, lambda _found: False, stop.is_set)
        seen = looker.look(patient=False)
        summary.reasons = seen.skipped
        summary.counts.update({KNOWN: seen.known, SKIPPED: seen.skipped.total(), RESTLESS: seen.restless})
        summary.counts[WAITING] = len(board)
        summary.waiting_bytes = sum(found.size for found in board.waiting())
        for found in _in_order(board):
            if stop.is_set():
                summary.stopped = ASKED
                break
            try:
                tell({"event": "would bring", "path": shown(found.raw), "size": found.size, "key": _key(found)})
            except OSError as error:
                problem(str(found.path), f"cannot be read: {error.strerror or error}")
        if summary.stopped is None and any(folder.retain for folder in config.folders):
            from impp_edge.card import retain

            retain.preview(retain.plan(config, state, time.time()), tell)
    summary.seconds = time.monotonic() - began
    tell(summary.to_dict())
    return summary


def _in_order(board: Board) -> Iterator[Found]:
    while not board.idle:
        work = board.take()
        assert work is not None
        yield work.job.found
        board.done(work.job)


def _key(found: Found) -> str:
    with found.path.open("rb") as file:
        return identify.key(identify.identify(found.folder, found.relative, found.mtime, file), found.relative.name)


@contextmanager
def copied(folder: Path) -> Iterator[State]:
    """A memory like that of a folder, to be written to and thrown away; an empty one where there is none to be read."""
    with tempfile.TemporaryDirectory(prefix="impp-edge-") as temporary:
        file = folder / FILE
        if file.exists():
            copy = Path(temporary) / FILE
            try:
                at_rest = not file.with_name(
                    f"{FILE}-wal"
                ).exists()  # then not even SQLite's own files are made beside it
                old = sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro{'&immutable=1' * at_rest}", uri=True)
                with closing(old), closing(sqlite3.connect(copy)) as new:
                    old.backup(new)
            except sqlite3.Error:
                copy.unlink(missing_ok=True)
        state = State(Path(temporary))
        try:
            yield state
        finally:
            with suppress(Exception):
                state.close()
