"""Hear: transcribes the speech of a recording in the function itself, and answers the task token.

In `{token, execution, asset, bucket, key, version, facts, speech, voiced}`; `voiced` lists the stretches `[start_s,
end_s]` in which somebody speaks, null if unknown. The token receives what Transcribe's branch yields: `{status,
transcript, captions, language, engine, seconds, is_new, usage}` with keys of the work bucket; `is_new` says that the
container had to fetch the model. A recording of any length: an
attempt that runs out of time saves its progress and replies `Unfinished`, and the state machine calls again.
"""

from __future__ import annotations

import time
from typing import Any

from impp_engines import languages, transcripts
from impp_lambdas.adapters import aws, hearing, metrics, s3, task_tokens
from impp_lambdas.adapters.s3 import Upload
from impp_lambdas.adapters.settings import Settings
from impp_lambdas.core import keys
from impp_lambdas.core.media.hearing import stretches
from impp_lambdas.core.money.usage import request_lines
from impp_lambdas.core.planning import transcription
from impp_lambdas.core.replies import Unfinished
from impp_lambdas.core.results import captions

FILES = 3
"""Objects that a transcript is written to: itself, and the captions in two formats."""


@aws.raises_throttled
@task_tokens.answers
def handler(event: dict[str, Any], context: aws.Context) -> dict[str, Any]:
    started = time.perf_counter()
    settings = Settings.from_env("work_bucket")
    asset, bucket, duration = event["asset"], settings.work_bucket, float(event["facts"].get("duration_s") or 0)
    wanted = settings.transcribe_language
    language = None if wanted == "auto" else languages.spoken(wanted)
    spans = stretches([(0, duration)] if event["voiced"] is None else event["voiced"], duration)
    reason = transcription.nothing_to_hear(event["facts"], bool(event["speech"]) and bool(spans))
    if not reason and wanted != "auto" and not language:
        reason = f"the speech model does not understand {wanted}"
    if reason:
        return {"status": "skipped", "reason": reason, "usage": metrics.usage(context, started)}
    progress = hearing.load(bucket, asset, event["execution"])
    fallback = languages.spoken(settings.transcribe_fallback_language) or "en"
    is_done, requests = hearing.advance(progress, hearing.Request(event, spans, language, fallback), bucket, context)
    requests.gets += 1
    seconds = round(sum(end - start for start, end in spans), 1)
    aws.logger.info("heard", extra={"asset": asset, "until_s": progress.position_s, "voiced_s": seconds})
    if not is_done:
        progress.usage += _usage(requests, 1, context, started)
        hearing.save(bucket, asset, progress)
        raise Unfinished(f"heard the first {progress.position_s:.0f} s")
    written = _write(settings, event, progress)
    usage = [*progress.usage, *_usage(requests, FILES if written else 0, context, started)]
    if not written:
        return {"status": "skipped", "reason": "no words were recognised", "usage": usage}
    return {
        "status": "ok",
        **written,
        "engine": "lambda",
        "seconds": seconds,
        "is_new": requests.is_new,
        "usage": usage,
    }


def _write(settings: Settings, event: dict[str, Any], progress: hearing.Progress) -> dict[str, Any]:
    """Write transcript and captions; returns their keys and the language, nothing if no word was recognised."""
    segments = hearing.segments(progress)
    if not segments:
        return {}
    if progress.language:
        language = transcripts.Language(languages.with_region(progress.language[0]), round(progress.language[1], 4))
    else:
        language = transcripts.Language(settings.transcribe_language)
    asset, bucket = event["asset"], settings.work_bucket
    job = transcription.job_name(asset, event["execution"])
    document = transcripts.document(job, "", segments, language)
    shown = captions.captions(captions.words(document), language.code)
    transcript, vtt, srt = (keys.work(asset, name) for name in ("transcript.json", "captions.vtt", "captions.srt"))
    s3.put_json(bucket, transcript, document)
    s3.put(bucket, Upload(vtt, captions.webvtt(shown).encode(), "text/vtt"))
    s3.put(bucket, Upload(srt, captions.subrip(shown).encode(), "application/x-subrip"))
    return {"transcript": transcript, "captions": vtt, "language": language.code}


def _usage(requests: hearing.Requests, written: int, context: aws.Context, started: float) -> list[dict[str, Any]]:
    lines = request_lines(gets=requests.gets, puts=requests.puts + written)
    return [*(line.to_dict() for line in lines), *metrics.usage(context, started)]
