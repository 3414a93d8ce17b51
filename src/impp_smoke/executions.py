"""Waits until the executions of the uploads have ended, and names those that make no progress."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from impp_local.demo.console import Console
from impp_smoke.evidence import Execution, Lookup, Upload

STALLED_AFTER_S: Final = 16 * 60.0
"""How long nothing at all may move. A function may run for 15 minutes, Lambda's limit, without any sign of life."""
POLL_S: Final = 2.0


def wait_for_executions(
    lookup: Lookup,
    uploads: Sequence[Upload],
    console: Console,
    executions: dict[Upload, Execution],
    *,
    poll_s: float = POLL_S,
    now: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> list[str]:
    """Fill `executions` until all have ended. Returns a sentence about each upload that makes no progress."""
    moved_at, seen = now(), dict[Upload, Execution]()
    while True:
        for upload in uploads:
            known = executions.get(upload)
            current = lookup.refreshed(known) if known else lookup.execution(upload)
            if current:
                executions[upload] = current
        unfinished = [upload for upload in uploads if not _has_ended(executions, upload)]
        active = [
            f"{upload.file.path.name} {executions[upload].state}" for upload in unfinished if upload in executions
        ]
        console.progress(len(uploads) - len(unfinished), len(uploads), "files done", active[:3])
        if not unfinished:
            return []
        if seen != executions:
            seen, moved_at = dict(executions), now()
        if now() - moved_at > STALLED_AFTER_S:
            return [_stalled(upload, executions) for upload in unfinished]
        sleep(poll_s)


def _has_ended(executions: Mapping[Upload, Execution], upload: Upload) -> bool:
    return upload in executions and executions[upload].has_ended


def _stalled(upload: Upload, executions: Mapping[Upload, Execution]) -> str:
    name, minutes = upload.file.path.name, STALLED_AFTER_S / 60
    if execution := executions.get(upload):
        return f"{name}: no progress for {minutes:.0f} minutes in {execution.state or 'Start'}: {execution.link}"
    return (
        f"{name}: no execution within {minutes:.0f} minutes. Look at the rule for new objects, and at the dead-letter"
        " queue `ingest`"
    )
