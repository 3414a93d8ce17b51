"""Transcribe's batch jobs on a local Whisper model.

StartTranscriptionJob returns at once; one background thread runs the jobs in order. A job in a language that the model
does not understand ends FAILED with the reason. A job that identifies its language fails if the mean probability of
the words is below 0.35, rather than invent a transcript. Unsupported settings (speaker labels, channels, redaction,
vocabularies, toxicity) are refused, not ignored. The environment variable `IMPP_SPEECH_MODEL` chooses the model: `base`
(the default, 99 languages) or `tiny.en` (half the time, English only).
"""

from __future__ import annotations

import json
import logging
import math
import os
import queue
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from botocore.exceptions import ClientError

from impp_engines import languages, speech, transcripts
from impp_engines.media import MediaError
from impp_local.engines import video
from impp_local.iam import callers, enforcement, service_access
from impp_local.iam.need import Need
from impp_local.iam.needs import key_arn
from impp_local.iam.policies import Caller
from impp_local.kernel import billing, events, objects
from impp_local.kernel.contract import AwsError, Call, Cloud, Service
from impp_local.kernel.defaults import ACCOUNT
from impp_local.kernel.jobs import JobRows
from impp_local.services.transcribe import output

LOG = logging.getLogger(__name__)

MAX_BYTES = 2 * 1024**3
MAX_SECONDS = 4 * 3600
"""https://docs.aws.amazon.com/transcribe/latest/dg/limits-guidelines.html"""

MAX_CHANNELS = 2
"""https://docs.aws.amazon.com/transcribe/latest/dg/channel-id.html"""
MIN_IDENTIFIABLE_S = 30.0
"""Seconds of speech for identifying its language; AWS documents no limit below which a job fails, so this one takes the
amount that it asks for (https://docs.aws.amazon.com/transcribe/latest/dg/lang-id-batch.html)."""

MINIMUM_BILLED_SECONDS = 15
"""https://aws.amazon.com/transcribe/pricing/: billed per second, at least 15 per request."""

_MODELS = {"base": speech.BASE, "tiny.en": speech.TINY_EN}
_MIN_SCORE = 0.35
_NAME = re.compile(r"[0-9a-zA-Z._-]{1,200}")
_KEY = re.compile(r"[a-zA-Z0-9-_.!*'()/]{1,1024}")
_S3 = re.compile(r"s3://([^/]+)/(.+)", re.DOTALL)
_HTTPS = re.compile(r"https://s3[.-][a-z0-9-]+\.amazonaws\.com/([^/]+)/(.+)", re.DOTALL)
_REFUSED = ("ContentRedaction", "ModelSettings", "ToxicityDetection", "IdentifyMultipleLanguages")
_REFUSED_SETTINGS = (
    "ShowSpeakerLabels",
    "ChannelIdentification",
    "VocabularyName",
    "VocabularyFilterName",
    "ShowAlternatives",
)
_ECHOED = (
    "LanguageCode",
    "MediaFormat",
    "MediaSampleRateHertz",
    "Media",
    "Settings",
    "JobExecutionSettings",
    "IdentifyLanguage",
    "LanguageOptions",
    "Tags",
)
_UNREADABLE = (
    "The S3 URI that you provided can't be accessed. "
    "Make sure that you have read permission and try your request again."
)
_NOT_FOUND = "The requested job couldn't be found. Check the job name and try your request again."
_TOO_LITTLE_SPEECH = (
    "Your audio file must have a speech segment long enough in duration to perform automatic language identification. "
    "Provide an audio file with someone speaking for a longer period of time and try your request again."
)


class JobFailed(Exception):
    """Ends a job as FAILED; the message becomes its FailureReason."""


@dataclass
class Job:
    """A job: the request's input (`params`), its output location (no `bucket`: the service's own), its state."""

    name: str
    region: str
    params: Mapping[str, Any]
    bucket: str | None
    key: str
    status: str = "QUEUED"
    created: datetime = field(default_factory=lambda: datetime.now(UTC))
    started: datetime | None = None
    finished: datetime | None = None
    reason: str | None = None
    language: transcripts.Language | None = None
    media: Mapping[str, Any] = field(default_factory=dict)
    transcript_uri: str | None = None
    subtitle_uris: tuple[str, ...] = ()
    deleted: bool = False
    role: str = ""
    """Whose permissions it has: the ARN of the role that started it; "" for the account's root."""

    def start_over(self) -> None:
        """Forget how far the job had come."""
        self.status, self.started, self.language = "QUEUED", None, None

    @property
    def arn(self) -> str:
        """The job as a resource with tags."""
        return f"arn:aws:transcribe:{self.region}:{ACCOUNT}:transcription-job/{self.name}"


class Transcribe(Service):
    """Transcription jobs and their tags; moto answers for vocabularies, medical and call analytics jobs."""

    name = "transcribe"

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._rows = JobRows(cloud.store, self.name)
        self._jobs = {key: Job(**row) for key, row in self._rows.under_way()}
        self._lock = threading.RLock()
        self._queue: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._worker: threading.Thread | None = None
        self._closed = False

    def start_transcription_job(self, request: Call) -> dict[str, Any]:
        """Queue a job. Raises BadRequestException for an invalid request, ConflictException for a name in use."""
        job = _new_job(request)
        with self._lock:
            if job.name in self._jobs or self._rows.ended(job.name):
                raise AwsError("ConflictException", "The requested job name already exists. Use a different job name.")
            self._jobs[job.name] = job
            self._rows.write(job.name, vars(job))
            answer = {"TranscriptionJob": _description(job)}
        self._submit(job)
        return answer

    def resume(self) -> None:
        """Run the jobs that had not ended, from their beginning."""
        for job in sorted(self._jobs.values(), key=lambda job: job.created):
            job.start_over()
            self._submit(job)

    def _submit(self, job: Job) -> None:
        with self._lock:
            if self._worker is None:
                self._worker = threading.Thread(target=self._work, name="transcribe", daemon=True)
                self._worker.start()
        self._queue.put(job)

    def get_transcription_job(self, request: Call) -> dict[str, Any]:
        """A job as it is now."""
        with self._lock:
            return {"TranscriptionJob": _description(self._job(request.params["TranscriptionJobName"]))}

    def list_transcription_jobs(self, request: Call) -> dict[str, Any]:
        """Jobs, newest first."""
        params = request.params
        with self._lock:
            status = params.get("Status")
            ended = self._rows.all_ended() if status in (None, "COMPLETED", "FAILED") else []
            jobs = [*self._jobs.values(), *(Job(**row) for row in ended)]
            jobs.sort(key=lambda job: job.created, reverse=True)
            summaries = [
                _summary(job)
                for job in jobs
                if status in (None, job.status) and params.get("JobNameContains", "") in job.name
            ]
        first = int(params["NextToken"]) if str(params.get("NextToken", "")).isdigit() else 0
        last = first + int(params.get("MaxResults") or 5)
        answer: dict[str, Any] = {"TranscriptionJobSummaries": summaries[first:last]}
        if status:
            answer["Status"] = status
        if last < len(summaries):
            answer["NextToken"] = str(last)
        return answer

    def delete_transcription_job(self, request: Call) -> None:
        """Delete a job; its output files stay. A job that is still running writes no output."""
        with self._lock:
            job = self._job(request.params["TranscriptionJobName"])
            job.deleted = True
            self._jobs.pop(job.name, None)
            self._rows.delete(job.name)

    def tag_resource(self, request: Call) -> Any:
        """Add tags to a job."""
        job = self._tagged(request)
        if job is None:
            return request.forward()
        tags = {tag["Key"]: tag for tag in job.params.get("Tags") or []}
        tags |= {tag["Key"]: tag for tag in request.params["Tags"]}
        self._set_tags(job, list(tags.values()))
        return None

    def untag_resource(self, request: Call) -> Any:
        """Remove tags from a job."""
        job = self._tagged(request)
        if job is None:
            return request.forward()
        keys = set(request.params["TagKeys"])
        self._set_tags(job, [tag for tag in job.params.get("Tags") or [] if tag["Key"] not in keys])
        return None

    def list_tags_for_resource(self, request: Call) -> Any:
        """The tags of a job."""
        job = self._tagged(request)
        if job is None:
            return request.forward()
        return {"ResourceArn": job.arn, "Tags": job.params.get("Tags") or []}

    def suspend(self) -> None:
        """Leave the jobs that have not ended; the worker stops after its current one, without an end for it."""
        self._closed = True
        self._queue.put(None)

    def close(self) -> None:
        """As `suspend`."""
        self.suspend()

    def _set_tags(self, job: Job, tags: list[Any]) -> None:
        job.params = {**job.params, "Tags": tags}
        with self._lock:
            write = self._rows.write if job.name in self._jobs else self._rows.end
            write(job.name, vars(job))

    def _tagged(self, request: Call) -> Job | None:
        """The job with this ARN, None for a resource of another kind."""
        kind, _, name = str(request.params["ResourceArn"]).rpartition(":")[2].partition("/")
        if kind != "transcription-job":
            return None
        job = self._find(name)
        if job is None:
            raise AwsError("NotFoundException", _NOT_FOUND, 400)
        return job

    def _job(self, name: str) -> Job:
        job = self._find(name)
        if job is None:
            raise AwsError("BadRequestException", _NOT_FOUND)
        return job

    def _find(self, name: str) -> Job | None:
        with self._lock:
            if name in self._jobs:
                return self._jobs[name]
            row = self._rows.ended(name)
            return Job(**row) if row else None

    def _work(self) -> None:
        while (job := self._queue.get()) is not None and not self._closed:
            if job.deleted:
                continue
            with self._lock:
                job.status, job.started = "IN_PROGRESS", datetime.now(UTC)
            try:
                self._transcribe(job)
            except JobFailed as failure:
                self._finish(job, str(failure))
            except Exception:
                if not self._closed:
                    LOG.exception("transcription job %s", job.name)
                self._finish(job, "Internal failure. Try your request again.")
            else:
                self._finish(job, None)

    def _finish(self, job: Job, reason: str | None) -> None:
        if self._closed:
            return
        with self._lock, self._cloud.store.changes():
            job.status, job.reason = ("FAILED" if reason else "COMPLETED"), reason
            job.finished = datetime.now(UTC)
            if job.deleted:
                return
            self._rows.end(job.name, vars(job))
            self._jobs.pop(job.name, None)
            for _ in self._rows.forget_old():
                pass
            self._publish(job)

    @staticmethod
    def _publish(job: Job) -> None:
        detail = {"TranscriptionJobName": job.name, "TranscriptionJobStatus": job.status}
        if job.reason:
            detail["FailureReason"] = job.reason
        events.publish(
            {
                "source": "aws.transcribe",
                "detail-type": "Transcribe Job State Change",
                "region": job.region,
                "resources": [],
                "detail": detail,
            }
        )

    def _transcribe(self, job: Job) -> None:
        bucket, key = _location(job.params["Media"]["MediaFileUri"])
        try:
            service_access.require_read(_caller(job), bucket, key)
            with objects.open_object(bucket, key) as path:
                model = _MODELS[os.environ.get("IMPP_SPEECH_MODEL") or "base"]
                language = _language_asked(job, model)
                seconds = self._check_media(job, path)
                transcript = speech.transcribe(path, language=language, model=model)
        except AwsError:
            raise JobFailed(_UNREADABLE) from None
        except MediaError as error:
            raise JobFailed(_unplayable_reason(error)) from error
        job.language = _language(job, transcript)
        if not job.deleted:
            self._write(job, transcripts.document(job.name, ACCOUNT, transcript.segments, job.language))
            billed = max(MINIMUM_BILLED_SECONDS, math.ceil(seconds))
            billing.meter("transcribe", "batch", billed, detail=job.name)

    def _check_media(self, job: Job, path: Path) -> float:
        """The file's duration in seconds. Raises JobFailed for another format than requested or beyond the limits."""
        media = video.probe(path)
        if media.audio is None:
            raise MediaError("no_audio", "no audio track")
        detected = _format_of(media)
        requested = job.params.get("MediaFormat")
        if detected is None:
            raise JobFailed("Unsupported media format. Use AMR, FLAC, M4A, MP3, MP4, Ogg, WebM or WAV.")
        # The texts are those that botocore's model lists for FailureReason.
        if requested not in (None, detected):
            raise JobFailed("The media format provided does not match the detected media format.")
        if media.audio.channels > MAX_CHANNELS:
            raise JobFailed("Invalid number of channels: number of channels too large.")
        if media.duration_s > MAX_SECONDS:
            raise JobFailed(f"Invalid file duration: {media.duration_s:.0f} seconds; the limit is {MAX_SECONDS}.")
        rate = min(max(media.audio.sample_rate, 8000), 48000)
        job.media = {"MediaFormat": detected, "MediaSampleRateHertz": rate}
        return media.duration_s

    def _write(self, job: Job, document: dict[str, Any]) -> None:
        """Write transcript and subtitles to S3; subtitles take the transcript's name with their own extension."""
        try:
            bucket = job.bucket or self._service_bucket()
            body = json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()
            if job.bucket:
                _require_output(job, bucket, job.key)
            objects.put_object(self._cloud, bucket, job.key, body, "application/json")
            job.transcript_uri = self._uri(job, bucket, job.key)
            subtitles = job.params.get("Subtitles") or {}
            uris = []
            for kind in subtitles.get("Formats") or ():
                key = f"{job.key.removesuffix('.json')}.{kind}"
                text = output.subtitles(document, kind, subtitles.get("OutputStartIndex") or 0)
                content_type = "text/vtt" if kind == "vtt" else "application/x-subrip"
                objects.put_object(self._cloud, bucket, key, text.encode(), content_type)
                uris.append(self._uri(job, bucket, key))
            job.subtitle_uris = tuple(uris)
        except (AwsError, ClientError) as error:
            raise JobFailed(f"The output can't be written to the S3 bucket: {error}") from error

    def _uri(self, job: Job, bucket: str, key: str) -> str:
        if job.bucket is None:
            client = self._cloud.client("s3")
            return str(client.generate_presigned_url("get_object", {"Bucket": bucket, "Key": key}, ExpiresIn=900))
        return f"https://s3.{job.region}.amazonaws.com/{bucket}/{quote(key)}"

    def _service_bucket(self) -> str:
        """The bucket for the output of jobs that name none."""
        bucket = "aws-transcribe-us-east-1-prod"
        self._cloud.client("s3").create_bucket(Bucket=bucket)
        return bucket


def create(cloud: Cloud) -> Service:
    """The service; its thread starts with the first job."""
    return Transcribe(cloud)


def _bad(message: str) -> AwsError:
    return AwsError("BadRequestException", message)


def _new_job(request: Call) -> Job:
    """A job for a valid request. Raises BadRequestException otherwise."""
    params = request.params
    name = params["TranscriptionJobName"]
    if not _NAME.fullmatch(name):
        raise _bad(
            f"1 validation error detected: Value '{name}' at 'transcriptionJobName' failed to satisfy constraint: "
            "Member must satisfy regular expression pattern: ^[0-9a-zA-Z._-]+"
        )
    languages = [key for key in ("LanguageCode", "IdentifyLanguage", "IdentifyMultipleLanguages") if params.get(key)]
    if len(languages) != 1:
        raise _bad("You must specify exactly one of LanguageCode, IdentifyLanguage or IdentifyMultipleLanguages.")
    settings = params.get("Settings") or {}
    refused = [k for k in _REFUSED if params.get(k)] + [k for k in _REFUSED_SETTINGS if settings.get(k)]
    if refused:
        raise _bad(f"The local cloud's Transcribe does not support {', '.join(refused)}.")
    formats = (params.get("Subtitles") or {}).get("Formats") or []
    if set(formats) - {"vtt", "srt"}:
        raise _bad("Subtitle formats are vtt and srt.")
    caller = enforcement.caller_of(request)
    _check_source(params, caller)
    key = _output_key(params, name)
    return Job(name, request.region, params, params.get("OutputBucketName"), key, role=caller.role)


def _caller(job: Job) -> Caller:
    return enforcement.session(job.role, "transcribe") if job.role else callers.ROOT


def _require_output(job: Job, bucket: str, key: str) -> None:
    """Raise AwsError unless the job's owner may write the transcript and encrypt it with the key that it names.

    https://docs.aws.amazon.com/transcribe/latest/dg/data-encryption.html
    """
    caller = _caller(job)
    service_access.require_write(caller, bucket, key)
    if name := job.params.get("OutputEncryptionKMSKeyId"):
        arn = key_arn(name, job.region) or name
        enforcement.require(caller, "transcribe", [Need("kms:DescribeKey", arn), Need("kms:Encrypt", arn)])


def _check_source(params: Mapping[str, Any], caller: Caller) -> None:
    bucket, key = _location((params.get("Media") or {}).get("MediaFileUri", ""))
    try:
        service_access.require_read(caller, bucket, key)
        size = objects.find(bucket, key).size
    except AwsError:
        raise _bad(_UNREADABLE) from None
    if size > MAX_BYTES:
        raise _bad("Invalid file size: file size too large. Maximum audio file size is 2.0 GB.")


def _output_key(params: Mapping[str, Any], name: str) -> str:
    key = params.get("OutputKey")
    if key is None:
        return f"{name}.json"
    if not params.get("OutputBucketName"):
        raise _bad("You must specify OutputBucketName when you specify OutputKey.")
    if not _KEY.fullmatch(key):
        raise _bad("OutputKey can only contain alphanumeric characters and - _ . ! * ' ( ) /")
    return f"{key}{name}.json" if key.endswith("/") else str(key)


def _location(uri: str) -> tuple[str, str]:
    """Bucket and key of an object's URI."""
    match = _S3.fullmatch(uri) or _HTTPS.fullmatch(uri)
    if not match:
        raise _bad(_UNREADABLE)
    return match[1], match[2]


def _format_of(media: video.Media) -> str | None:
    """Transcribe's name of the container, None for an unsupported one."""
    names = set(media.format.split(","))
    if "mp4" in names:
        return "m4a" if media.brand.startswith("M4A") else "mp4"
    if "matroska" in names:
        return "webm"
    return next((name for name in ("wav", "mp3", "flac", "ogg", "amr") if name in names), None)


def _language_asked(job: Job, model: speech.Model) -> str | None:
    """The language that the job names, as the model calls it; None if it is to be identified."""
    code = job.params.get("LanguageCode")
    wanted = [code] if code else job.params.get("LanguageOptions") or []
    known = [option for option in wanted if model.language in (None, languages.spoken(option))]
    known = [option for option in known if languages.spoken(option)]
    if wanted and not known:
        understood = f"{model.language} only" if model.language else "99 languages"
        raise JobFailed(
            f"The local cloud's speech model understands {understood}; {', '.join(wanted)} can't be transcribed."
        )
    return languages.spoken(code) if code else None


def _language(job: Job, transcript: speech.Transcript) -> transcripts.Language:
    """The job's language. With options, one of them: the identified language's, else the first."""
    if code := job.params.get("LanguageCode"):
        return transcripts.Language(code)
    words = [word.probability for segment in transcript.segments for word in segment.words]
    spoken = sum(segment.words[-1].end - segment.words[0].start for segment in transcript.segments if segment.words)
    if spoken < MIN_IDENTIFIABLE_S or transcript.language is None:
        raise JobFailed(_TOO_LITTLE_SPEECH)
    if (certainty := sum(words) / len(words)) < _MIN_SCORE:
        raise JobFailed(f"The language could not be identified (mean word probability {certainty:.2f}).")
    identified = transcript.language
    options = job.params.get("LanguageOptions") or []
    same = [option for option in options if languages.spoken(option) == identified.code]
    code = (same or options or [languages.with_region(identified.code)])[0]
    return transcripts.Language(code, round(identified.probability, 4))


def _unplayable_reason(error: MediaError) -> str:
    if error.reason == "no_audio":
        return "The media file doesn't contain an audio track that can be transcribed."
    return f"The media file can't be read. Check that it is a valid media file and isn't corrupted ({error.reason})."


def _description(job: Job) -> dict[str, Any]:
    """The TranscriptionJob shape."""
    shape: dict[str, Any] = {
        "TranscriptionJobName": job.name,
        "TranscriptionJobStatus": job.status,
        "CreationTime": job.created,
        **{key: job.params[key] for key in _ECHOED if job.params.get(key) is not None},
        **job.media,
    }
    optional = {
        "StartTime": job.started,
        "CompletionTime": job.finished,
        "FailureReason": job.reason,
        "LanguageCode": job.language.code if job.language else None,
        "IdentifiedLanguageScore": job.language.score if job.language else None,
        "Transcript": {"TranscriptFileUri": job.transcript_uri} if job.transcript_uri else None,
    }
    shape |= {key: value for key, value in optional.items() if value is not None}
    if subtitles := job.params.get("Subtitles"):
        shape["Subtitles"] = {
            "Formats": subtitles.get("Formats") or [],
            "SubtitleFileUris": list(job.subtitle_uris),
            "OutputStartIndex": subtitles.get("OutputStartIndex") or 0,
        }
    return shape


def _summary(job: Job) -> dict[str, Any]:
    """The TranscriptionJobSummary shape."""
    shape = _description(job)
    members = (
        "TranscriptionJobName",
        "CreationTime",
        "StartTime",
        "CompletionTime",
        "LanguageCode",
        "TranscriptionJobStatus",
        "FailureReason",
        "IdentifyLanguage",
        "IdentifiedLanguageScore",
    )
    location = "CUSTOMER_BUCKET" if job.bucket else "SERVICE_BUCKET"
    return {key: shape[key] for key in members if key in shape} | {"OutputLocationType": location}
