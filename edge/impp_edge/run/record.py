"""Records the results of a batch of files: first in the custody log, then in the state, in one transaction each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from impp_edge.events import Event, shown
from impp_edge.memory import custody
from impp_edge.memory.state import About, State

if TYPE_CHECKING:
    from impp_edge.run.workers import Result


def record_batch(results: Sequence[Result], log: custody.Log, state: State, bucket: str) -> str | None:
    """Record a batch; returns the log's new head, None if the log has no new entry.

    Raises :class:`StateError`; then the state has none of the batch, and the next run finds the objects in the bucket.
    """
    entries = [_entry(bucket, result) for result in results if result.outcome]
    head = log.append(entries) if entries else None
    with state.batch():
        for result in results:
            if result.outcome:
                state.remember(bucket, result.job.file, result.outcome.s3_object, _about(result))
            else:
                state.failed(result.job.file.path, result.reason)
        if head:
            state.set(custody.KEPT, head)
    return head


def event_of(result: Result) -> Event:
    """The event that reports the result of a file."""
    card_file, outcome, identity = result.job.file, result.outcome, result.identity
    event: Event = {"event": "failed", "path": shown(card_file.raw), "size": card_file.size}
    if outcome is None or identity is None:
        return {**event, "reason": result.reason}
    return {
        **event,
        "event": "there" if outcome.was_there else "brought",
        "key": outcome.s3_object.key,
        "version": outcome.s3_object.version,
        "sha256": outcome.s3_object.sha256,
        "crc64nvme": outcome.s3_object.crc64nvme,
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
    card_file, s3_object = result.job.file, result.outcome.s3_object
    return custody.Entry(
        event=custody.THERE if result.outcome.was_there else custody.UPLOADED,
        path=card_file.path,
        size=card_file.size,
        mtime_ns=card_file.mtime_ns,
        sha256=s3_object.sha256,
        crc64nvme=s3_object.crc64nvme,
        bucket=bucket,
        key=s3_object.key,
        version=s3_object.version,
        etag=s3_object.etag,
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
