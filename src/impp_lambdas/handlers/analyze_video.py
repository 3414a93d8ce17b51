"""Analyze video: starts Rekognition's jobs on an original, whose completion answers the task token; or looks at them.

In `{token, execution, asset, bucket, key, version, facts, plan, name}`; `plan.video` lists the detectors. The token is
stored before the first job starts. A retry finds the jobs started, by their ClientRequestToken: it replaces the token,
and answers it if all have ended meanwhile, because the notification may have come before. Without a token, after
nothing was announced in time: out the outcome, `{status, jobs, usage}`.
"""

from __future__ import annotations

import time
from typing import Any

from impp_lambdas.adapters import aws, metrics, task_tokens, video_jobs
from impp_lambdas.adapters.settings import Settings


@aws.raises_throttled
def handler(event: dict[str, Any], context: aws.Context) -> dict[str, Any]:
    started = time.perf_counter()
    settings = Settings.from_env("catalog_table", "video_topic_arn", "video_role_arn")
    name, token = f"{event['name']}-video", event["token"]
    if token is None:
        result = video_jobs.look(settings, name)
        return {**result, "usage": [*result["usage"], *metrics.usage(context, started)]}
    waiting: dict[str, Any] = {"asset": event["asset"], "seconds": float(event["facts"].get("duration_s") or 0)}
    if not task_tokens.store(settings.catalog_table, name, token, event["execution"], waiting):
        raise RuntimeError(f"{name} belongs to another execution")
    waiting["jobs"] = video_jobs.start(settings, name, event)
    waiting["usage"] = metrics.usage(context, started)
    task_tokens.store(settings.catalog_table, name, token, event["execution"], waiting)
    video_jobs.answer(settings, name, list)
    return {"started": waiting["jobs"]}
