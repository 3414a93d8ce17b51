"""Records the results of a batch of files: first in the custody log, then in the state, in one transaction each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from impp_edge.events import Event, shown
from impp_edge.memory import custody
from impp_edge.memory.state import About, State

if TYPE_CHECKING:
    from impp_edge.run.crew import Result


def write_down(results: Sequence[Result], log: custody.Log, state: State, bucket: str) -> str | None:
    """Write down a batch; the log's new head, None where nothing came to the log.

    Raises :class:`StateError`; the memory then knows none of it, and the next run finds in the bucket
    what is there.
    """
    entries = [_entry(bucket, result) for result in results if result.outcome]
    head = log.append(entries) if entries else None
    with state.batch():
        for result in results:
            if result.outcome:
                state.remember(bucket, result.job.found, result.outcome.brought, _about(result))
            else:
                state.failed(result.job.found.path, result.reason)
        if head:
            state.set(custody.KEPT, head)
    return head


def event_of(result: Result) -> Event:
    """The event that reports what became of a file."""
    found, outcome, identity = result.job.found, result.outcome, result.identity
    event: Event = {"event": "failed", "path": shown(found.raw), "size": found.size}
    if outcome is None or identity is None:
        return {**event, "reason": result.reason}
    return {
        **event,
        "event": "there" if outcome.was_there else "brought",
        "key": outcome.brought.key,
        "version": outcome.brought.version,
        "sha256": outcome.brought.sha256,
        "crc64nvme": outcome.brought.crc64nvme,
        "captured": identity.captured.isoformat(timespec="seconds"),
        "captured_from": identity.captured_from,
        "doubt": identity.doubt,
        "truncated": identity.truncated,
        "sidecar": identity.sidecar,
        "renamed": result.renamed,
    }


def _entry(bucket: str, result: Result) -> custody.Entry:
    assert result.outcome is not None
    assert result.identity is not None
    found, brought = result.job.found, result.outcome.brought
    return custody.Entry(
        event=custody.THERE if result.outcome.was_there else custody.UPLOADED,
        path=found.path,
        size=found.size,
        mtime_ns=found.mtime_ns,
        sha256=brought.sha256,
        crc64nvme=brought.crc64nvme,
        bucket=bucket,
        key=brought.key,
        version=brought.version,
        etag=brought.etag,
        device=result.identity.device,
        captured=result.identity.captured.isoformat(timespec="seconds"),
    )


def _about(result: Result) -> About:
    identity = result.identity
    assert identity is not None
    return About(
        source=identity.source,
        device=identity.device,
        camera=identity.camera,
        recording=identity.recording,
        captured=identity.captured.isoformat(timespec="seconds"),
        group=identity.group,
        truncated=identity.truncated,
        sidecar=identity.sidecar,
    )
