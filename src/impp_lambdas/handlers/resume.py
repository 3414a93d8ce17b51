"""Resume: answer the task that waits for a transcription job, when EventBridge tells that the job has ended.

Events come at least once, late, or for jobs of others: each is answered once at most, all else ends in a log line.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from impp_lambdas.adapters import aws, task_tokens
from impp_lambdas.core import keys
from impp_lambdas.core.money.pricing import PriceBook
from impp_lambdas.core.planning import transcription


def handler(event: dict[str, Any], context: aws.Context) -> dict[str, Any]:
    started = time.perf_counter()
    settings = aws.Settings.from_env("work_bucket", "catalog_table")
    name = event["detail"]["TranscriptionJobName"]
    return {"answered": answer(settings, name, lambda: aws.usage(context, started)), "job": name}


def answer(settings: aws.Settings, name: str, usage: Callable[[], list[dict[str, Any]]]) -> bool:
    """Answer the task that waits for a job, if one waits, the job has ended and the task has not."""
    waiting = task_tokens.find(settings.catalog_table, name)
    if waiting is None:
        aws.logger.info("nobody waits for this job", extra={"job": name})
        return False
    job = aws.client("transcribe").get_transcription_job(TranscriptionJobName=name)["TranscriptionJob"]
    status = job["TranscriptionJobStatus"]
    if status == "COMPLETED":
        spent = [*waiting.get("usage", []), *usage()]
        answered = task_tokens.succeed(waiting["token"], _result(job, waiting, settings.work_bucket, spent))
    elif status == "FAILED":
        answered = task_tokens.fail(
            waiting["token"], "TranscriptionFailed", job.get("FailureReason", "no reason given")
        )
    else:
        aws.logger.info("not ended yet", extra={"job": name, "status": status})
        return False
    if not answered:
        aws.logger.warning("the task waits no more", extra={"job": name, "status": status})
    aws.delete_item(settings.catalog_table, keys.catalog_token(name), if_execution=waiting["execution"])
    return answered


def _result(job: dict[str, Any], waiting: dict[str, Any], bucket: str, usage: list[dict[str, Any]]) -> dict[str, Any]:
    seconds = transcription.billed_seconds(float(waiting["seconds"]))
    return {
        "status": "ok",
        "job": job["TranscriptionJobName"],
        "transcript": transcription.key_of(job["Transcript"]["TranscriptFileUri"], bucket),
        "captions": transcription.captions_key(job, bucket),
        "language": job.get("LanguageCode"),
        "seconds": seconds,
        "usage": [PriceBook.load().line("transcribe", "batch", seconds).to_dict(), *usage],
    }
