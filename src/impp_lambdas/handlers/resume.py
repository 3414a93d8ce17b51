"""Resume: answers the task that waits for a transcription job when EventBridge reports that the job has ended.

Events may come more than once, late, or for other people's jobs. Each task is answered at most once; everything else
only writes a log line.
"""

from __future__ import annotations

import time
from typing import Any

from impp_lambdas.adapters import aws, metrics, transcriptions
from impp_lambdas.adapters.settings import Settings


@aws.raises_throttled
def handler(event: dict[str, Any], context: aws.Context) -> dict[str, Any]:
    started = time.perf_counter()
    settings = Settings.from_env("work_bucket", "catalog_table")
    job = event["detail"]["TranscriptionJobName"]
    is_answered = transcriptions.answer(settings, job, lambda: metrics.usage(context, started))
    return {"answered": is_answered, "job": job}
