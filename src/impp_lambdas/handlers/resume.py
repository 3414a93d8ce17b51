"""Resume: answers the task that waits for a job when AWS reports that the job has ended.

EventBridge reports transcription jobs, SNS the jobs of Rekognition Video. Events may come more than once, late, in any
order, or for other people's jobs. Each task is answered at most once; everything else only writes a log line.
"""

from __future__ import annotations

import json
import time
from typing import Any

from impp_lambdas.adapters import aws, metrics, transcriptions, video_jobs
from impp_lambdas.adapters.settings import Settings


@aws.raises_throttled
def handler(event: dict[str, Any], context: aws.Context) -> dict[str, Any]:
    started = time.perf_counter()
    settings = Settings.from_env("work_bucket", "catalog_table")
    if "Records" in event:
        names = [json.loads(record["Sns"]["Message"]).get("JobTag", "") for record in event["Records"]]
        answered = [video_jobs.answer(settings, name, lambda: metrics.usage(context, started)) for name in names]
        return {"answered": all(answered), "job": names[0]}
    job = event["detail"]["TranscriptionJobName"]
    is_answered = transcriptions.answer(settings, job, lambda: metrics.usage(context, started))
    return {"answered": is_answered, "job": job}
