"""The dry run: says what a run would upload and what it would remove from the card, and sends and writes nothing.

It works on a copy of the memory in a temporary folder, so that not even a file's being looked at is remembered.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

from impp_edge.card import identify
from impp_edge.card.board import Board
from impp_edge.card.find import Found
from impp_edge.card.look import Looker
from impp_edge.config import Config
from impp_edge.events import Tell, shown
from impp_edge.memory.snapshot import snapshot
from impp_edge.run import labels
from impp_edge.run.sync import ASKED, FAILED, KNOWN, RESTLESS, SKIPPED, WAITING, Summary


def preview(config: Config, tell: Tell, stop: threading.Event) -> Summary:
    """Tell what would be done, in the order in which it would be. Raises :class:`StateError`."""
    began, summary, board = time.monotonic(), Summary(), Board()

    def problem(path: str, reason: str) -> None:
        summary.counts[FAILED] += 1
        tell({"event": FAILED, "path": shown(path), "reason": reason})

    with snapshot(config.state) as state:
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
            from impp_edge.run import retain

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
        return labels.key(identify.identify(found.folder, found.relative, found.mtime, file), found.relative.name)
