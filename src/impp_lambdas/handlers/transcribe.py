"""Transcribe: start a job whose event will answer the task token, or answer at once where there is nothing to hear.

In ``{token, execution, asset, bucket, key, version, facts, speech}``. The token is stored before the job is started, so
no event can come too early; a retry finds the job started (ConflictException), renews the token, and answers it where
the job has ended meanwhile.
"""

from __future__ import annotations

import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from botocore.exceptions import ClientError

from impp_lambdas.adapters import aws, task_tokens
from impp_lambdas.adapters.ranged import RangedFile
from impp_lambdas.core import keys
from impp_lambdas.core.planning import transcription
from impp_lambdas.handlers import resume


def handler(event: dict[str, Any], context: aws.Context) -> dict[str, Any]:
    started = time.perf_counter()
    settings = aws.Settings.from_env("work_bucket", "catalog_table")
    facts, token = event["facts"], event["token"]
    if reason := transcription.refusal(facts, bool(event["speech"])):
        usage = aws.usage(context, started)
        task_tokens.succeed(token, {"status": "skipped", "reason": reason, "usage": usage})
        return {"started": False, "reason": reason}
    job = transcription.job_name(event["asset"], event["execution"])
    uri, media = _media(event, settings.work_bucket)
    kept = {
        "asset": event["asset"],
        "seconds": float(facts.get("duration_s") or 0),
        "usage": aws.usage(context, started),
    }
    if not task_tokens.keep(settings.catalog_table, job, token, event["execution"], kept):
        raise RuntimeError(f"{job} belongs to another execution")
    request = transcription.job_request(
        job,
        uri,
        media,
        settings.transcribe_language,
        settings.work_bucket,
        keys.work(event["asset"], "transcript.json"),
        {"impp:asset": event["asset"]},
        settings.kms_key_arn,
    )
    try:
        aws.client("transcribe").start_transcription_job(**request)
    except ClientError as error:
        if aws.code(error) != "ConflictException":
            raise
        # an earlier try started it; its event may have come and gone with the token of that try
        resume.answer(settings, job, list)
    return {"started": True, "job": job}


def _media(event: dict[str, Any], work_bucket: str) -> tuple[str, str]:
    """Address and MediaFormat of what Transcribe shall read: the original, or its sound in the work bucket."""
    bucket, key, version = event["bucket"], event["key"], event.get("version")
    if media := transcription.media_format(event["facts"], key):
        return f"s3://{bucket}/{key}", media
    from impp_lambdas.core.media.soundtrack import extract  # 0.1 s of cold start that MP4 files need not pay

    size = int(event["facts"]["bytes"])
    original = RangedFile(lambda first, last: aws.read_range(bucket, key, version, first, last - first + 1), size)
    sound = keys.work(event["asset"], "sound.flac")
    with TemporaryDirectory() as folder:
        path = Path(folder) / "sound.flac"
        seconds = extract(original, path)
        with path.open("rb") as body:
            aws.client("s3").put_object(Bucket=work_bucket, Key=sound, Body=body, ContentType="audio/flac")
    aws.logger.info("sound handed over by itself", extra={"asset": event["asset"], "seconds": round(seconds, 3)})
    return f"s3://{work_bucket}/{sound}", "flac"
