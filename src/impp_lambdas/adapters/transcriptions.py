"""Transcription jobs, and the tasks that wait for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from impp_lambdas.adapters import aws, task_tokens
from impp_lambdas.core.money.usage import transcribe_line
from impp_lambdas.core.planning import transcription

if TYPE_CHECKING:
    from impp_lambdas.adapters.settings import Settings


def start(request: Mapping[str, Any]) -> bool:
    """Start a job. False if an earlier attempt has already started it."""
    try:
        aws.client("transcribe").start_transcription_job(**request)
    except ClientError as error:
        if aws.code(error) != "ConflictException":
            raise
        return False
    return True


def answer(settings: Settings, job_name: str, usage: Callable[[], list[dict[str, Any]]]) -> bool:
    """Report a job's end to the task that waits for it. False if no task waits, or the job has not ended."""
    waiting = task_tokens.find(settings.catalog_table, job_name)
    if waiting is None:
        aws.logger.info("no task waits for this job", extra={"job": job_name})
        return False
    job = aws.client("transcribe").get_transcription_job(TranscriptionJobName=job_name)["TranscriptionJob"]
    status = job["TranscriptionJobStatus"]
    if status == "COMPLETED":
        lines = [*waiting.get("usage", []), *usage()]
        is_answered = task_tokens.succeed(waiting["token"], _result(job, waiting, settings.work_bucket, lines))
    elif status == "FAILED":
        reason = job.get("FailureReason", "Transcribe gave no reason")
        if transcription.TOO_LITTLE_SPEECH in reason:
            skipped = {"status": "skipped", "reason": reason, "usage": [*waiting.get("usage", []), *usage()]}
            is_answered = task_tokens.succeed(waiting["token"], skipped)
        else:
            is_answered = task_tokens.fail(waiting["token"], "TranscriptionFailed", reason)
    else:
        aws.logger.info("the job has not ended", extra={"job": job_name, "status": status})
        return False
    if not is_answered:
        aws.logger.warning("the task has ended", extra={"job": job_name, "status": status})
    task_tokens.remove(settings.catalog_table, job_name, waiting["execution"])
    return is_answered


def _result(job: dict[str, Any], waiting: dict[str, Any], bucket: str, usage: list[dict[str, Any]]) -> dict[str, Any]:
    line = transcribe_line(float(waiting["seconds"]))
    return {
        "status": "ok",
        "job": job["TranscriptionJobName"],
        "transcript": transcription.object_key(job["Transcript"]["TranscriptFileUri"], bucket),
        "captions": transcription.captions_key(job, bucket),
        "language": job.get("LanguageCode"),
        "seconds": line.quantity,
        "usage": [line.to_dict(), *usage],
    }
