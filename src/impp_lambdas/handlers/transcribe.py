"""Transcribe: starts a job whose event answers the task token, or answers at once if there is nothing to transcribe.

In `{token, execution, asset, bucket, key, version, facts, speech, voiced_s}`. The token is stored before the job
starts, so no event can come too early. A retry finds the job started (ConflictException): it replaces the token, and
answers it if the job has ended meanwhile, because the event may have come with the earlier attempt's token.
"""

from __future__ import annotations

import time
from typing import Any

from impp_lambdas.adapters import aws, metrics, sound, task_tokens, transcriptions
from impp_lambdas.adapters.settings import Settings
from impp_lambdas.core import keys
from impp_lambdas.core.planning import transcription

RESERVE_S = 30.0
"""Seconds of the function's timeout that extracting the sound leaves for uploading it and starting the job."""


@aws.raises_throttled
def handler(event: dict[str, Any], context: aws.Context) -> dict[str, Any]:
    started = time.perf_counter()
    settings = Settings.from_env("work_bucket", "catalog_table")
    asset, facts, token, execution = event["asset"], event["facts"], event["token"], event["execution"]
    if reason := transcription.refusal(facts, bool(event["speech"])):
        usage = metrics.usage(context, started)
        task_tokens.succeed(token, {"status": "skipped", "reason": reason, "usage": usage})
        return {"started": False, "reason": reason}
    job = transcription.job_name(asset, execution)
    uri = sound.prepare(event, settings.work_bucket, context, RESERVE_S)
    seconds = float(facts.get("duration_s") or 0)
    waiting = {"asset": asset, "seconds": seconds, "usage": metrics.usage(context, started)}
    if not task_tokens.store(settings.catalog_table, job, token, execution, waiting):
        raise RuntimeError(f"{job} belongs to another execution")
    request = transcription.job_request(
        name=job,
        uri=uri,
        language=transcription.language(
            settings.transcribe_language, settings.transcribe_fallback_language, event["voiced_s"]
        ),
        bucket=settings.work_bucket,
        output_key=keys.work(asset, "transcript.json"),
        tags={"impp:asset": asset},
        kms_key=settings.kms_key_arn,
    )
    if not transcriptions.start(request):
        transcriptions.answer(settings, job, list)
    return {"started": True, "job": job}
