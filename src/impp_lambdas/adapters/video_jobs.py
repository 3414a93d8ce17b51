"""Rekognition's jobs on stored videos, and the task that waits for all jobs of an original.

The token waits in the catalog under the name of the analysis, which is the JobTag of every job. It is stored before the
first job starts, without the jobs: an end that is announced before all have started is left to the starter, which looks
at them itself once it has stored their ids.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from impp_lambdas.adapters import aws, task_tokens
from impp_lambdas.core.detect import video
from impp_lambdas.core.money.detection import video_lines

if TYPE_CHECKING:
    from impp_lambdas.adapters.settings import Settings

IN_PROGRESS = "IN_PROGRESS"
PAGE = 1000
"""Results per page, the most that Rekognition gives."""
UNFINISHED = "the job had not ended in time"


def start(settings: Settings, name: str, event: Mapping[str, Any]) -> dict[str, str]:
    """Start the jobs that the plan asks for; ids by detector. A retry gets the ids of the jobs it started before."""
    stored = {"Bucket": event["bucket"], "Name": event["key"]}
    if event.get("version") not in (None, "", "null"):
        stored["Version"] = event["version"]
    ids = {}
    for detector in event["plan"]["video"]:
        job = video.JOBS[detector]
        answer = getattr(aws.client("rekognition"), job.start)(
            Video={"S3Object": stored},
            ClientRequestToken=video.token(name, detector),
            JobTag=name,
            NotificationChannel={"SNSTopicArn": settings.video_topic_arn, "RoleArn": settings.video_role_arn},
            **job.parameters,
        )
        ids[detector] = answer["JobId"]
    return ids


def states(ids: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """`{job, status, reason?}` of each job by detector."""
    answered = {}
    for detector, job_id in ids.items():
        job = getattr(aws.client("rekognition"), video.JOBS[detector].get)(JobId=job_id, MaxResults=1)
        state = {"job": job_id, "status": job["JobStatus"]}
        answered[detector] = {**state, "reason": job["StatusMessage"]} if job.get("StatusMessage") else state
    return answered


def outcome(waiting: Mapping[str, Any], jobs: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    """What the waiting task gets: `{status, jobs, usage}`. A job that failed is not billed."""
    billed = [detector for detector, job in jobs.items() if job["status"] == "SUCCEEDED"]
    lines = [line.to_dict() for line in video_lines(billed, float(waiting["seconds"]))]
    return {"status": "ok", "jobs": dict(jobs), "usage": [*lines, *waiting.get("usage", [])]}


def answer(settings: Settings, name: str, usage: Callable[[], list[dict[str, Any]]]) -> bool:
    """Report to the task that waits, once all jobs have ended. False if no task waits, or a job has not ended."""
    waiting = task_tokens.find(settings.catalog_table, name)
    if waiting is None or not waiting.get("jobs"):
        aws.logger.info("no task waits for these jobs yet or any more", extra={"job": name})
        return False
    jobs = states(waiting["jobs"])
    if any(job["status"] == IN_PROGRESS for job in jobs.values()):
        aws.logger.info("a job has not ended", extra={"job": name, "jobs": jobs})
        return False
    result = outcome(waiting, jobs)
    is_answered = task_tokens.succeed(waiting["token"], {**result, "usage": [*result["usage"], *usage()]})
    if not is_answered:
        aws.logger.warning("the task has ended", extra={"job": name})
    task_tokens.remove(settings.catalog_table, name, waiting["execution"])
    return is_answered


def look(settings: Settings, name: str) -> dict[str, Any]:
    """The outcome after nothing was announced in time: a job that still runs counts as failed."""
    waiting = task_tokens.find(settings.catalog_table, name)
    if waiting is None or not waiting.get("jobs"):
        return {"status": "failed", "error": "VideoNotStarted", "cause": UNFINISHED, "usage": []}
    jobs = {
        detector: {**job, "status": video.FAILED, "reason": UNFINISHED} if job["status"] == IN_PROGRESS else job
        for detector, job in states(waiting["jobs"]).items()
    }
    task_tokens.remove(settings.catalog_table, name, waiting["execution"])
    return outcome(waiting, jobs)


def results(detector: str, job_id: str) -> Iterator[Mapping[str, Any]]:
    """A job's results, page by page, in order of time."""
    job = video.JOBS[detector]
    get = getattr(aws.client("rekognition"), job.get)
    page = get(JobId=job_id, MaxResults=PAGE)
    while True:
        yield from page[job.results]
        if not page.get("NextToken"):
            return
        page = get(JobId=job_id, MaxResults=PAGE, NextToken=page["NextToken"])


def rows(
    analysed: Mapping[str, Any], facts: Mapping[str, Any], plan: Mapping[str, Any]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Rows of the timeline in order of time, and failures `{t, api, error}`, from what :func:`answer` reported or
    :func:`look` returned."""
    seconds, interval_s = float(facts.get("duration_s") or 0), float(plan["look"]["interval_s"])
    if analysed["status"] != "ok":
        error = str(analysed.get("cause") or analysed.get("error"))[:200]
        return [], [{"t": 0.0, "api": detector, "error": error} for detector in plan["video"]]
    seen, failures = [], []
    for detector, job in analysed["jobs"].items():
        if job["status"] == "SUCCEEDED":
            seen += video.rows(detector, results(detector, job["job"]), seconds, interval_s)
        else:
            failures.append({"t": 0.0, "api": detector, "error": str(job.get("reason") or job["status"])[:200]})
    return sorted(seen, key=itemgetter("t")), failures
