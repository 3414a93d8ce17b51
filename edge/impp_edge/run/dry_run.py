"""The dry run: report what a run would upload and what it would remove from the card; send and write nothing.

It works on a copy of the state in a temporary folder, so the real one does not change.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

from impp_edge.card import identify
from impp_edge.card.discovery import Discovery
from impp_edge.card.find import CardFile, open_file
from impp_edge.card.work_queue import WorkQueue
from impp_edge.config import Config
from impp_edge.events import Reporter, shown
from impp_edge.memory.snapshot import snapshot
from impp_edge.run import labels
from impp_edge.run.sync import ASKED, FAILED, KNOWN, RESTLESS, SKIPPED, WAITING, Summary


def preview(config: Config, report: Reporter, stop: threading.Event) -> Summary:
    """Report what a run would do, in its order. Raises :class:`StateError`."""
    began, summary, work_queue = time.monotonic(), Summary(), WorkQueue()

    def problem(path: str, reason: str) -> None:
        summary.counts[FAILED] += 1
        report({"event": FAILED, "path": shown(path), "reason": reason})

    with snapshot(config.state) as state:
        discovery = Discovery(config, state, work_queue, report, problem, lambda _file: False, stop.is_set)
        seen = discovery.run(patient=False)
        summary.reasons = seen.skipped
        summary.counts.update({KNOWN: seen.known, SKIPPED: seen.skipped.total(), RESTLESS: seen.restless})
        summary.counts[WAITING] = len(work_queue)
        summary.waiting_bytes = sum(card_file.size for card_file in work_queue.waiting())
        for card_file in _in_order(work_queue):
            if stop.is_set():
                summary.stopped = ASKED
                break
            try:
                report(
                    {
                        "event": "would bring",
                        "path": shown(card_file.raw),
                        "size": card_file.size,
                        "key": _key(card_file),
                    }
                )
            except OSError as error:
                problem(str(card_file.path), f"cannot be read: {error.strerror or error}")
        if summary.stopped is None and any(folder.retain for folder in config.folders):
            from impp_edge.run import retain

            retain.preview(retain.plan(config, state, time.time()), report)
    summary.seconds = time.monotonic() - began
    report(summary.to_dict())
    return summary


def _in_order(work_queue: WorkQueue) -> Iterator[CardFile]:
    while not work_queue.idle:
        work = work_queue.take()
        assert work is not None
        yield work.job.file
        work_queue.done(work.job)


def _key(card_file: CardFile) -> str:
    with open_file(card_file) as file:
        return labels.key(
            identify.identify(card_file.folder, card_file.relative, card_file.mtime, file), card_file.relative.name
        )
