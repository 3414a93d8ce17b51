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
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from impp_engines.media import MediaError
from impp_local.engines import video
from impp_local.kernel import billing, objects
from impp_local.kernel.contract import AwsError, Cloud
from impp_local.services.mediaconvert import events, prober
from impp_local.services.mediaconvert.job import ENDED, Job
from impp_local.services.mediaconvert.plan import JobError, Plan, Rendition, make_plan
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

_PROBED, _TRANSCODED = 5, 90
"""The job's percentage at the end of these phases."""

_TYPES = {
    "mp4": "video/mp4",
    "m4v": "video/mp4",
    "m4a": "audio/mp4",
    "mov": "video/quicktime",
    "jpg": "image/jpeg",
    "m3u8": "application/vnd.apple.mpegurl",
    "ts": "video/mp2t",
}


class Runner:
    """Threads that run submitted jobs. `may_run` says whether a queue's jobs may start now."""

    def __init__(self, cloud: Cloud, may_run: Callable[[str], bool]) -> None:
        self._cloud = cloud
        self._may_run = may_run
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

    def close(self) -> None:
        """Stop all jobs; no ffmpeg runs when this returns."""
        with self._changed:
            self._closed = True
            for job in (*self._waiting, *self._running):
                job.canceled.set()
            self._waiting.clear()
            self._changed.notify_all()
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
                LOG.exception("MediaConvert job %s", job.id)
                self._fail(job, JobError(1999, "Unknown error"))
            finally:
                with self._changed:
                    self._running.remove(job)

    def _fail(self, job: Job, error: JobError) -> None:
        job.error_code, job.error_message = error.code, error.message
        self._end(job, "ERROR", errorCode=error.code, errorMessage=error.message)

    def _end(self, job: Job, status: str, **more: Any) -> None:
        job.finished = datetime.now(UTC)
        job.status = status
        if not self._closed:
            events.publish(job, status, **more)

    # One job ---------------------------------------------------------------------------------------------------------

    def _run(self, job: Job) -> None:
        job.status, job.started, job.phase, job.percent = "PROGRESSING", datetime.now(UTC), "PROBING", 0
        events.publish(job, "PROGRESSING")
        match = S3_URL.fullmatch(job.input_url)
        assert match  # checked when the job was created
        try:
            with objects.open_object(*match.groups()) as path, tempfile.TemporaryDirectory(prefix="impp-mc-") as work:
                self._transcode(job, path, Path(work))
        except AwsError as error:
            raise JobError(
                1404,
                f"Unable to open input file [{job.input_url}]: [Failed probe/open: [Can't read input "
                "stream: [Failed to read data: HeadObject failed]]]",
            ) from error
        job.percent, job.phase, job.finished = 100, None, datetime.now(UTC)
        job.status = "COMPLETE"
        events.publish_complete(job)

    def _transcode(self, job: Job, path: Path, work: Path) -> None:
        media = _probe(job, path)
        events.publish_input(job, media)
        plan = make_plan(job.params["Settings"], media, path, _THREADS)
        for rendition in plan.renditions:
            (work / rendition.folder).mkdir()
        self._check_buckets(plan)
        job.phase, job.percent = "TRANSCODING", _PROBED
        self._ffmpeg(job, plan, media, work)
        job.phase, job.percent = "UPLOADING", _TRANSCODED
        outputs = [(rendition, self._upload(rendition, work / rendition.folder, job)) for rendition in plan.renditions]
        groups = len(job.params["Settings"]["OutputGroups"])
        job.outputs = [[output for r, output in outputs if r.group == group] for group in range(groups)]
        self._write_main_playlists(job, plan, work)
        for rendition, output in outputs:
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
        try:
            log = video.run(plan.command(work), timeout_s=timeout, canceled=job.canceled, on_time=on_time)
        except video.FfmpegError as error:
            if isinstance(error, video.TooSlow):
                raise JobError(1522, f"An internal error has occurred and your job timed out: {error}") from error
            raise JobError(1999, f"Transcoding failed: {_last_line(str(error))}") from error
        job.notes += [line for line in log.splitlines() if "error while decoding" in line.lower()][:5]

    def _check_buckets(self, plan: Plan) -> None:
        """Check that the outputs' buckets exist, before any work."""
        for rendition in plan.renditions:
            try:
                self._cloud.client("s3").head_bucket(Bucket=rendition.bucket)
            except ClientError as error:
                raise _unwritable(rendition, error) from error

    def _upload(self, rendition: Rendition, folder: Path, job: Job) -> dict[str, Any]:
        """Upload an output's files; returns its members in GetJob and the event."""
        files = sorted(folder.iterdir())
        if not files:
            raise JobError(1999, "Unknown error")
        if rendition.extension == "m3u8":
            files = _rename_segments(rendition, folder)
        paths = []
        for file in files:
            if job.canceled.is_set():
                raise video.Canceled
            key = rendition.key_prefix + _suffix(rendition, file)
            try:
                objects.put_object(self._cloud, rendition.bucket, key, file, _content_type(file, key))
            except ClientError as error:
                raise _unwritable(rendition, error) from error
            paths.append(f"s3://{rendition.bucket}/{key}")
        return _details(rendition, files, paths)

    def _write_main_playlists(self, job: Job, plan: Plan, work: Path) -> None:
        """Write the main playlist of each HLS group, beside its variants' playlists."""
        for index, group in enumerate(job.params["Settings"]["OutputGroups"]):
            if group["OutputGroupSettings"]["Type"] != "HLS_GROUP_SETTINGS":
                continue
            variants = [r for r in plan.renditions if r.group == index]
            modifier = group["Outputs"][0].get("NameModifier", "")
            key = f"{variants[0].key_prefix.removesuffix(modifier)}.m3u8"
            text = "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-INDEPENDENT-SEGMENTS\n"
            for rendition, output in zip(variants, job.outputs[index], strict=True):
                text += _variant(rendition, work / rendition.folder, output["durationInMs"] / 1000)
            try:
                objects.put_object(self._cloud, variants[0].bucket, key, text.encode(), _TYPES["m3u8"])
            except ClientError as error:
                raise _unwritable(variants[0], error) from error
            for output in job.outputs[index]:
                output["playlist"] = f"s3://{variants[0].bucket}/{key}"


def _probe(job: Job, path: Path) -> video.Media:
    """The probed input. Raises `JobError` when it cannot be opened or is truncated."""
    try:
        media = video.probe(path)
    except MediaError as error:
        raise JobError(*prober.failure(job.input_url, error)) from error
    length = video.truncated_at(path)
    if length is not None:
        at = f"end of file hit at length [{length}]"
        raise JobError(1076, f"Demuxer: [ReadPacketData File read failed - {at}. Is file truncated?]")
    return media


def _last_line(text: str) -> str:
    return text.strip().splitlines()[-1][:500] if text.strip() else "Unknown error"


def _unwritable(rendition: Rendition, error: ClientError) -> JobError:
    code = str(error.response.get("Error", {}).get("Code"))
    url = f"s3://{rendition.bucket}/{rendition.key_prefix}"
    number = {"404": 1404, "NoSuchBucket": 1404, "403": 1401, "AccessDenied": 1401}.get(code, 1517)
    return JobError(number, f"Unable to write to output file [{url}]: [Failed to write data: {code}]")


def _suffix(rendition: Rendition, file: Path) -> str:
    """The end of an output file's key, after the name modifier."""
    if rendition.codec == "FRAME_CAPTURE":
        return f".{file.stem}.{rendition.extension}"
    if rendition.extension == "m3u8" and file.suffix == ".ts":
        return f"_{file.stem}.ts"
    return f".{rendition.extension}"


def _content_type(file: Path, key: str) -> str:
    extension = key.rpartition(".")[2].lower()
    return _TYPES.get(extension) or _TYPES.get(file.suffix[1:], "application/octet-stream")


def _rename_segments(rendition: Rendition, folder: Path) -> list[Path]:
    """Number the segments from 00001, and name them in the playlist as in the bucket."""
    playlist = folder / rendition.main_file
    name = rendition.key_prefix.rpartition("/")[2]
    lines: list[str] = []
    files: list[Path] = []
    for line in playlist.read_text().splitlines():
        if line and not line.startswith("#"):
            segment = (folder / Path(line).name).rename(folder / f"{len(files) + 1:05d}.ts")
            files.append(segment)
            line = f"{name}_{segment.name}"
        lines.append(line)
    playlist.write_text("\n".join(lines) + "\n")
    return [playlist, *files]


def _variant(rendition: Rendition, folder: Path, seconds: float) -> str:
    sizes = [file.stat().st_size for file in folder.glob("*.ts")]
    average = round(8 * sum(sizes) / max(seconds, 0.001))
    resolution = f",RESOLUTION={rendition.width}x{rendition.height}" if rendition.width else ""
    rate = f",FRAME-RATE={rendition.fps:.3f}" if rendition.fps else ""
    name = rendition.key_prefix.rpartition("/")[2]
    return f"#EXT-X-STREAM-INF:BANDWIDTH={average},AVERAGE-BANDWIDTH={average}{resolution}{rate}\n{name}.m3u8\n"


def _details(rendition: Rendition, files: list[Path], paths: list[str]) -> dict[str, Any]:
    """An output as in the COMPLETE event, with the measured duration of its files."""
    seconds = 0.0
    if rendition.codec != "FRAME_CAPTURE":
        media = [file for file in files if file.suffix != ".m3u8"]
        seconds = sum(video.probe(file).duration_s for file in media)
    output: dict[str, Any] = {"outputFilePaths": paths, "durationInMs": round(1000 * seconds)}
    if rendition.width and rendition.height:
        output["videoDetails"] = {"widthInPx": rendition.width, "heightInPx": rendition.height}
        if seconds:
            size = sum(file.stat().st_size for file in files)
            output["videoDetails"]["averageBitrate"] = round(8 * size / seconds)
    return output
