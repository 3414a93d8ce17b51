"""Rekognition's analysis of stored videos on the same local models: labels, moderation, text and faces.

A job looks at a picture every :data:`EVERY_S`; AWS looks several times a second and follows what it sees. One thread
runs the jobs in order. The end is published to the job's SNS topic, with the role that the caller has passed
(https://docs.aws.amazon.com/rekognition/latest/dg/api-video-roles.html).
"""

from __future__ import annotations

import json
import logging
import math
import queue
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, cast

import av
from av.error import FFmpegError

from impp_engines import faces, labels, media, moderation, taxonomy, text
from impp_engines.images import Image8
from impp_local.iam import callers, enforcement, service_access
from impp_local.iam.policies import Caller
from impp_local.kernel import billing, objects, targets
from impp_local.kernel.contract import AwsError, Call, Cloud
from impp_local.kernel.dispatch import Undeliverable
from impp_local.kernel.jobs import JobRows
from impp_local.services.rekognition import responses

LOG = logging.getLogger(__name__)

PRINCIPAL: Final = "rekognition.amazonaws.com"
EVERY_S: Final = 1.0
MAX_BYTES: Final = 10 * 10**9
MAX_SECONDS: Final = 6 * 3600
MAX_JOBS: Final = 20
"""Largest and longest video, and most jobs at a time (https://docs.aws.amazon.com/rekognition/latest/dg/limits.html)."""
CONTAINERS: Final = frozenset({"mov", "mp4"})
MAX_RESULTS: Final = 1000

Detections = list[dict[str, Any]]


@dataclass(frozen=True)
class Kind:
    """An API: name of its results, of one result, what it sees in a picture, and its item of the price book."""

    results: str
    result: str
    item: str
    see: Callable[[Image8, Mapping[str, Any]], Detections]


def _labels(image: Image8, params: Mapping[str, Any]) -> Detections:
    threshold = float(params.get("MinConfidence") or 50.0)
    seen = taxonomy.labels(labels.detect(image, max(0.15, taxonomy.score(threshold))))
    return [shape for shape in (responses.label(one, image) for one in seen) if shape["Confidence"] >= threshold]


def _moderation(image: Image8, params: Mapping[str, Any]) -> Detections:
    confidence = round(100.0 * moderation.nudity(image), 4)
    if confidence < float(params.get("MinConfidence") or 50.0):
        return []
    return [{"Name": taxonomy.UNSAFE, "ParentName": "", "TaxonomyLevel": 1, "Confidence": confidence}]


def _text(image: Image8, params: Mapping[str, Any]) -> Detections:
    return responses.text_detections(text.read(image), image, params.get("Filters") or {})


def _faces(image: Image8, _: Mapping[str, Any]) -> Detections:
    return [responses.face(face, image) for face in faces.detect(image)]


KINDS: Final[Mapping[str, Kind]] = {
    "LabelDetection": Kind("Labels", "Label", "video_label", _labels),
    "ContentModeration": Kind("ModerationLabels", "ModerationLabel", "video_moderation", _moderation),
    "TextDetection": Kind("TextDetections", "TextDetection", "video_text", _text),
    "FaceDetection": Kind("Faces", "Face", "video_face", _faces),
}
"""By the operation's name without `Start` and `Get`."""


@dataclass
class Job:
    """A job: the request's input (`params`), what became of it, and all results as `{Timestamp, <result>}`."""

    id: str
    api: str
    region: str
    params: Mapping[str, Any]
    role: str = ""
    """Whose permissions it has: the ARN of the role that started it; "" for the account's root."""
    status: str = "IN_PROGRESS"
    message: str | None = None
    created: datetime = field(default_factory=lambda: datetime.now(UTC))
    finished: datetime | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    results: Detections = field(default_factory=list)

    @property
    def video(self) -> tuple[str, str, str | None]:
        """Bucket, key and version of its video."""
        stored = self.params["Video"]["S3Object"]
        return stored["Bucket"], stored["Name"], stored.get("Version")


class JobFailed(Exception):
    """Ends a job as FAILED; the message becomes its StatusMessage."""


class Videos:
    """The jobs, by their ids."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._rows = JobRows(cloud.store, "rekognition")
        self._jobs = {key: Job(**row) for key, row in self._rows.under_way()}
        self._lock = threading.RLock()
        self._queue: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._worker: threading.Thread | None = None
        self._closed = False

    def resume(self) -> None:
        """Run the jobs that had not ended, from their beginning."""
        for job in sorted(self._jobs.values(), key=lambda job: job.created):
            job.results = []
            self._submit(job)

    def close(self) -> None:
        """Leave the jobs that have not ended for the next start."""
        self._closed = True
        self._queue.put(None)

    def under_way(self) -> int:
        """The number of jobs that have not ended."""
        with self._lock:
            return len(self._jobs)

    def start(self, call: Call) -> dict[str, Any]:
        """Queue a job, or find the one that was started with the same ClientRequestToken."""
        api, params = call.operation.removeprefix("Start"), call.params
        token = params.get("ClientRequestToken")
        with self._lock:
            if token and (known := self._by_token(api, token)):
                if known.params != params:
                    raise AwsError("IdempotentParameterMismatchException", "The token was used with other parameters")
                return {"JobId": known.id}
            if len(self._jobs) >= MAX_JOBS:
                raise AwsError("LimitExceededException", f"More than {MAX_JOBS} jobs at a time")
            job = Job(uuid.uuid4().hex, api, call.region, params, role=enforcement.caller_of(call).role)
            _check_source(job)
            self._jobs[job.id] = job
            self._rows.write(job.id, vars(job))
        self._submit(job)
        return {"JobId": job.id}

    def get(self, call: Call) -> dict[str, Any]:
        """A page of a job's results, in order of time."""
        api, params = call.operation.removeprefix("Get"), call.params
        with self._lock:
            row = self._rows.ended(params["JobId"])
            job = self._jobs.get(params["JobId"]) or (Job(**row) if row else None)
        if job is None or job.api != api:
            raise AwsError("ResourceNotFoundException", f"Could not find JobId {params['JobId']}")
        answer: dict[str, Any] = {"JobId": job.id, "JobStatus": job.status, "Video": job.params["Video"]}
        if job.params.get("JobTag"):
            answer["JobTag"] = job.params["JobTag"]
        if job.message:
            answer["StatusMessage"] = job.message
        if job.status != "SUCCEEDED":
            return answer
        page = str(params.get("NextToken") or 0)
        if not page.isdigit() or int(page) > len(job.results):
            raise AwsError("InvalidPaginationTokenException", "The pagination token is not valid")
        first = int(page)
        last = first + min(int(params.get("MaxResults") or MAX_RESULTS), MAX_RESULTS)
        answer |= {KINDS[api].results: job.results[first:last], "VideoMetadata": job.metadata}
        return answer | ({"NextToken": str(last)} if last < len(job.results) else {})

    def _by_token(self, api: str, token: str) -> Job | None:
        jobs = [*self._jobs.values(), *(Job(**row) for row in self._rows.all_ended())]
        return next((job for job in jobs if job.api == api and job.params.get("ClientRequestToken") == token), None)

    def _submit(self, job: Job) -> None:
        with self._lock:
            if self._worker is None:
                self._worker = threading.Thread(target=self._work, name="rekognition-video", daemon=True)
                self._worker.start()
        self._queue.put(job)

    def _work(self) -> None:
        while (job := self._queue.get()) is not None and not self._closed:
            try:
                self._analyze(job)
            except JobFailed as failure:
                self._finish(job, str(failure))
            except Exception:
                if not self._closed:
                    LOG.exception("video job %s", job.id)
                self._finish(job, "Internal server error")
            else:
                self._finish(job, None)

    def _analyze(self, job: Job) -> None:
        kind = KINDS[job.api]
        bucket, key, version = job.video
        try:
            service_access.require_read(_caller(job), bucket, key)
            with objects.open_object(bucket, key, version) as path:
                job.metadata = _metadata(path)
                for t, image in _pictures(path):
                    detections = kind.see(image, job.params)
                    job.results += [{"Timestamp": round(1000 * t), kind.result: shape} for shape in detections]
        except (FFmpegError, ValueError, OSError, AwsError) as error:
            raise JobFailed(f"Unable to read the video: {error}") from error
        seconds = job.metadata["DurationMillis"] / 1000
        billing.meter("rekognition", kind.item, math.ceil(seconds) / 60, detail=key)

    def _finish(self, job: Job, message: str | None) -> None:
        if self._closed:
            return
        with self._lock:
            job.status, job.message = ("FAILED" if message else "SUCCEEDED"), message
            job.finished = datetime.now(UTC)
            self._rows.end(job.id, vars(job))
            self._jobs.pop(job.id, None)
            for _ in self._rows.forget_old():
                pass
        try:
            _notify(job)
        except (AwsError, Undeliverable) as error:
            LOG.warning("the end of video job %s was not published: %s", job.id, error)


def _check_source(job: Job) -> None:
    """Raise Rekognition's error for a video that cannot be read."""
    bucket, key, version = job.video
    try:
        service_access.require_read(_caller(job), bucket, key)
        stored = objects.find(bucket, key, version)
    except AwsError:
        raise AwsError(
            "InvalidS3ObjectException",
            "Unable to get object metadata from S3. Check object key, region and/or access permissions.",
        ) from None
    if stored.size > MAX_BYTES:
        raise AwsError("VideoTooLargeException", f"The video has {stored.size} bytes; the maximum is {MAX_BYTES}")


def _caller(job: Job) -> Caller:
    return enforcement.session(job.role, "rekognition") if job.role else callers.ROOT


def _metadata(path: Path) -> dict[str, Any]:
    """VideoMetadata of a file. Raises JobFailed for one that Rekognition does not take."""
    with media.open_media(path) as container:
        if not container.streams.video:
            raise JobFailed("The file has no video")
        stream = container.streams.video[0]
        codec, names = stream.codec_context.name, set(container.format.name.split(","))
        if codec != "h264" or not names & CONTAINERS:
            raise JobFailed(f"Unsupported video: {codec} in {container.format.name}; H.264 in MP4 or MOV is supported")
        seconds = float(container.duration or 0) / av.time_base
        if seconds > MAX_SECONDS:
            raise JobFailed(f"The video is {seconds:.0f} s long; the maximum is {MAX_SECONDS} s")
        return {
            "Codec": codec,
            "DurationMillis": round(1000 * seconds),
            "Format": "QuickTime / MOV",
            "FrameRate": float(stream.average_rate or 0),
            "FrameHeight": stream.codec_context.height,
            "FrameWidth": stream.codec_context.width,
        }


def _pictures(path: Path) -> Iterator[tuple[float, Image8]]:
    """A picture every :data:`EVERY_S`, with its time from the video's start."""
    with media.open_media(path) as container:
        first, due = None, 0.0
        for frame in container.decode(video=0):
            if frame.time is None:
                continue
            first = frame.time if first is None else first
            if frame.time - first >= due:
                yield frame.time - first, cast(Image8, frame.to_ndarray(format="bgr24"))
                due = frame.time - first + EVERY_S


def _notify(job: Job) -> None:
    """Publish the end of a job (https://docs.aws.amazon.com/rekognition/latest/dg/async-notification-payload.html)."""
    channel = job.params.get("NotificationChannel")
    if not channel:
        return
    bucket, key, _ = job.video
    message = {
        "JobId": job.id,
        "Status": job.status,
        "API": f"Start{job.api}",
        "Timestamp": round(1000 * time.time()),
        "Video": {"S3ObjectName": key, "S3Bucket": bucket},
        **({"JobTag": job.params["JobTag"]} if job.params.get("JobTag") else {}),
    }
    role = enforcement.assume(channel["RoleArn"], PRINCIPAL, "Rekognition")
    service_access.deliver(channel["SNSTopicArn"], role=role)
    targets.send({"Arn": channel["SNSTopicArn"]}, json.dumps(message))
