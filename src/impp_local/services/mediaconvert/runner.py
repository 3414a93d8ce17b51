"""Runs jobs (probe, ffmpeg, upload): a few at a time, by priority, from queues that are not paused."""

from __future__ import annotations

import logging
import os
import re
import tempfile
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from impp_engines.media import MediaError
from impp_local.engines import video
from impp_local.iam import enforcement, service_access
from impp_local.iam.policies import Caller
from impp_local.kernel import billing, objects
from impp_local.kernel.contract import AwsError, Cloud
from impp_local.services.mediaconvert import events, outputs, prober
from impp_local.services.mediaconvert.job import ENDED, Job
from impp_local.services.mediaconvert.plan import JobError, Plan, make_plan
from impp_local.services.mediaconvert.settings import S3_URL
from impp_local.services.mediaconvert.tiers import charge

LOG = logging.getLogger(__name__)

_CORES = os.cpu_count() or 1
WORKERS = min(2, _CORES)
"""Concurrent jobs; each has its share of the cores."""

_THREADS = max(1, _CORES // WORKERS)
_BASE_TIMEOUT_S = 300.0
_TIMEOUT_FACTOR = 60.0
"""A job may take this many times its input's duration per output, plus the base."""

_LONGEST_S = 48 * 3600.0
"""The limit of every job, https://docs.aws.amazon.com/mediaconvert/latest/ug/ev_status_progressing.html."""

SESSION = "MediaConvert"
"""The name of jobs' role sessions."""

_PROBED, _TRANSCODED = 5, 90
"""The job's percentage at the end of these phases."""


class Runner:
    """Threads that run submitted jobs. `may_run` says whether a queue's jobs may start now; `ended` writes a job
    that has ended and publishes that, as one."""

    def __init__(
        self, cloud: Cloud, may_run: Callable[[str], bool], ended: Callable[[Job, Callable[[], None]], None]
    ) -> None:
        self._cloud = cloud
        self._may_run = may_run
        self._ended = ended
        self._waiting: list[Job] = []
        self._changed = threading.Condition()
        self._threads: list[threading.Thread] = []
        self._running: list[Job] = []
        self._closed = False

    def submit(self, job: Job) -> None:
        """Run a job as soon as a thread is free."""
        with self._changed:
            self._waiting.append(job)
            if len(self._threads) < WORKERS:
                thread = threading.Thread(target=self._work, name=f"mediaconvert-{len(self._threads)}", daemon=True)
                self._threads.append(thread)
                thread.start()
            self._changed.notify()

    def wake(self) -> None:
        """Check the waiting jobs again, after a queue was resumed."""
        with self._changed:
            self._changed.notify_all()

    def cancel(self, job: Job) -> None:
        """Cancel a job. Raises AwsError ConflictException when it has ended."""
        with self._changed:
            if job.status in ENDED:
                raise AwsError("ConflictException", f"The job {job.id} has status {job.status} and can't be canceled.")
            job.canceled.set()
            if job in self._waiting:
                self._waiting.remove(job)
                self._end(job, "CANCELED")

    def suspend(self) -> None:
        """Stop all jobs, without an end: they run again when the cloud starts."""
        with self._changed:
            self._closed = True
            for job in (*self._waiting, *self._running):
                job.canceled.set()
            self._waiting.clear()
            self._changed.notify_all()

    def close(self) -> None:
        """Stop all jobs; no ffmpeg runs when this returns."""
        self.suspend()
        for thread in self._threads:
            thread.join(timeout=10)

    def _next(self) -> Job | None:
        """The next job to run, waited for; None once the runner is closed."""
        with self._changed:
            while not self._closed:
                ready = [job for job in self._waiting if self._may_run(job.queue)]
                if ready:
                    job = max(ready, key=lambda job: (job.priority, -job.submitted.timestamp()))
                    self._waiting.remove(job)
                    self._running.append(job)
                    return job
                self._changed.wait()
            return None

    def _work(self) -> None:
        while (job := self._next()) is not None:
            try:
                self._run(job)
            except video.Canceled:
                self._end(job, "CANCELED")
            except JobError as error:
                self._fail(job, error)
            except Exception:
                if not self._closed:
                    LOG.exception("MediaConvert job %s", job.id)
                self._fail(job, JobError(1999, "Unknown error"))
            finally:
                with self._changed:
                    self._running.remove(job)

    def _fail(self, job: Job, error: JobError) -> None:
        job.error_code, job.error_message = error.code, error.message
        self._end(job, "ERROR", errorCode=error.code, errorMessage=error.message)

    def _end(self, job: Job, status: str, **more: Any) -> None:
        if self._closed:
            return
        job.finished = datetime.now(UTC)
        job.status = status
        if status == "COMPLETE":
            self._ended(job, partial(events.publish_complete, job))
        else:
            self._ended(job, partial(events.publish, job, status, **more))

    # One job ---------------------------------------------------------------------------------------------------------

    def _run(self, job: Job) -> None:
        job.status, job.started, job.phase, job.percent = "PROGRESSING", datetime.now(UTC), "PROBING", 0
        events.publish(job, "PROGRESSING")
        match = S3_URL.fullmatch(job.input_url)
        assert match  # checked when the job was created
        bucket, key = match.groups()
        try:
            caller = enforcement.assume(str(job.params["Role"]), "mediaconvert.amazonaws.com", SESSION, job.arn)
            service_access.require_read(caller, bucket, key)
            with objects.open_object(bucket, key) as path, tempfile.TemporaryDirectory(prefix="impp-mc-") as work:
                self._transcode(job, caller, path, Path(work))
        except AwsError as error:
            raise JobError(
                1404,
                f"Unable to open input file [{job.input_url}]: [Failed probe/open: [Can't read input "
                "stream: [Failed to read data: HeadObject failed]]]",
            ) from error
        job.percent, job.phase = 100, None
        self._end(job, "COMPLETE")

    def _transcode(self, job: Job, caller: Caller, path: Path, work: Path) -> None:
        media = open_input(job.input_url, path)
        events.publish_input(job, media)
        plan = make_plan(job.params["Settings"], media, path, _THREADS)
        for rendition in plan.renditions:
            (work / rendition.folder).mkdir()
        outputs.check_buckets(self._cloud, plan)
        job.phase, job.percent = "TRANSCODING", _PROBED
        self._ffmpeg(job, plan, media, work)
        job.phase, job.percent = "UPLOADING", _TRANSCODED
        uploads = [outputs.upload(self._cloud, caller, rendition, work, job.canceled) for rendition in plan.renditions]
        uploaded = list(zip(plan.renditions, uploads, strict=True))
        groups = len(job.params["Settings"]["OutputGroups"])
        job.outputs = [[output for r, output in uploaded if r.group == group] for group in range(groups)]
        outputs.write_main_playlists(self._cloud, caller, job, plan, work)
        for rendition, output in uploaded:
            item, quantity = charge(rendition, output["durationInMs"] / 1000)
            billing.meter("mediaconvert", item, quantity, detail=f"{rendition.key_prefix} {job.input_url}")

    def _ffmpeg(self, job: Job, plan: Plan, media: video.Media, work: Path) -> None:
        interval = float(re.sub(r"\D", "", str(job.params.get("StatusUpdateInterval") or "SECONDS_60")))
        last_update = time.monotonic()

        def on_time(seconds: float) -> None:
            nonlocal last_update
            fraction = min(1.0, seconds / media.duration_s) if media.duration_s else 0.0
            job.percent = round(_PROBED + (_TRANSCODED - _PROBED) * fraction)
            if time.monotonic() - last_update >= interval:
                last_update = time.monotonic()
                events.publish_progress(job, fraction)

        timeout = min(_LONGEST_S, _BASE_TIMEOUT_S + _TIMEOUT_FACTOR * media.duration_s * len(plan.renditions))
        log = encode(plan, work, timeout_s=timeout, canceled=job.canceled, on_time=on_time)
        job.notes += [line for line in log.splitlines() if "error while decoding" in line.lower()][:5]


def open_input(url: str, path: Path) -> video.Media:
    """The probed input at `path`, which messages call `url`. Raises `JobError` when it cannot be opened or is
    truncated."""
    try:
        media = video.probe(path)
    except MediaError as error:
        raise JobError(*prober.failure(url, error)) from error
    length = video.truncated_at(path)
    if length is not None:
        at = f"end of file hit at length [{length}]"
        raise JobError(1076, f"Demuxer: [ReadPacketData File read failed - {at}. Is file truncated?]")
    return media


def encode(
    plan: Plan,
    work: Path,
    *,
    timeout_s: float,
    canceled: threading.Event,
    on_time: Callable[[float], None] | None = None,
) -> str:
    """Write all renditions below `work`; returns the end of ffmpeg's log. Raises `JobError`, and `video.Canceled`."""
    try:
        return video.run(plan.command(work), timeout_s=timeout_s, canceled=canceled, on_time=on_time)
    except video.TooSlow as error:
        raise JobError(1522, f"An internal error has occurred and your job timed out: {error}") from error
    except video.FfmpegError as error:
        raise JobError(1999, f"Transcoding failed: {_last_line(str(error))}") from error


def _last_line(text: str) -> str:
    return text.strip().splitlines()[-1][:500] if text.strip() else "Unknown error"
