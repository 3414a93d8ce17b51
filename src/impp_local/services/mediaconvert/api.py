"""MediaConvert's operations: jobs, Probe, queues, tags, endpoints."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import unquote

from impp_engines.media import MediaError
from impp_local.engines import video
from impp_local.kernel import objects
from impp_local.kernel.contract import AwsError, Call, Cloud, Service
from impp_local.kernel.defaults import ACCOUNT
from impp_local.kernel.jobs import JobRows
from impp_local.services.mediaconvert import prober, settings
from impp_local.services.mediaconvert.job import ENDED, Job, new_id
from impp_local.services.mediaconvert.runner import Runner

Shape = Mapping[str, Any]

_QUEUE_NAME_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")
_ROLE = "arn:aws:iam::"


QUEUE: Final = "mediaconvert.queue"
TOKEN: Final = "mediaconvert.token"  # noqa: S105  # a kind of rows
"""Queues by name, and jobs by ClientRequestToken."""


class MediaConvert(Service):
    """Jobs run in the background (see `runner`). Everything is on disk; in memory are queues, and jobs under way."""

    name = "mediaconvert"

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._lock = threading.RLock()
        self._rows = JobRows(cloud.store, self.name)
        self._jobs = {key: Job(**row) for key, row in self._rows.under_way()}
        self._queues: dict[str, dict[str, Any]] = dict(cloud.store.rows(QUEUE))
        self._runner = Runner(cloud, self._is_active, self._ended)

    def resume(self) -> None:
        """Run the jobs that had not ended, from their beginning."""
        for job in sorted(self._jobs.values(), key=lambda job: job.submitted):
            job.start_over()
            self._runner.submit(job)

    def suspend(self) -> None:
        """Leave the jobs that have not ended."""
        self._runner.suspend()

    def close(self) -> None:
        """Stop jobs that run."""
        self._runner.close()

    # Jobs ------------------------------------------------------------------------------------------------------------

    def create_job(self, request: Call) -> dict[str, Any]:
        """Submit a job. The same ClientRequestToken returns the same job."""
        settings.check(request.json(), request.params)
        params = request.params
        if not str(params["Role"]).startswith(_ROLE):
            raise _bad(f"/role: {params['Role']} is not the ARN of an IAM role")
        token = params.get("ClientRequestToken")
        with self._lock:
            if token and (known := self._cloud.store.get(TOKEN, token)):
                return {"Job": self._job(known).describe()}
            queue = self._queue(params.get("Queue") or "Default", request.region)
            job = Job(new_id(), request.region, queue["Arn"], params, dict(params.get("Tags") or {}))
            self._jobs[job.id] = job
            with self._cloud.store.changes():
                self._rows.write(job.id, job.row())
                if token:
                    self._cloud.store.put(TOKEN, token, job.id)
            answer = {"Job": job.describe()}
        self._runner.submit(job)
        return answer

    def get_job(self, request: Call) -> dict[str, Any]:
        """A job as it is now."""
        return {"Job": self._job(request.params["Id"]).describe()}

    def cancel_job(self, request: Call) -> None:
        """Stop a job; the files it has written to S3 stay."""
        self._runner.cancel(self._job(request.params["Id"]))

    def list_jobs(self, request: Call) -> dict[str, Any]:
        """Jobs by submission, in ascending order by default."""
        return self._matching_jobs(request, "")

    def search_jobs(self, request: Call) -> dict[str, Any]:
        """As ListJobs, for jobs whose input file's URL contains InputFile."""
        return self._matching_jobs(request, request.params.get("InputFile") or "")

    def _matching_jobs(self, request: Call, url_part: str) -> dict[str, Any]:
        params = request.params
        with self._lock:
            queue = self._queue(params["Queue"], request.region)["Arn"] if params.get("Queue") else None
            status = params.get("Status")
            jobs = [
                job
                for job in self._jobs_of(status)
                if url_part in job.input_url and queue in (None, job.queue) and status in (None, job.status)
            ]
        if params.get("Order") == "DESCENDING":
            jobs.reverse()
        page, token = _page(jobs, params)
        return {"Jobs": [job.describe() for job in page], **token}

    def _job(self, identifier: str) -> Job:
        with self._lock:
            job = self._jobs.get(identifier)
            if job is None and (row := self._rows.ended(identifier)):
                job = Job(**row)
        if job is None:
            raise AwsError("NotFoundException", f"Job id [{identifier}] not found.", 404)
        return job

    def _jobs_of(self, status: str | None) -> list[Job]:
        """Jobs by submission; for a status of jobs under way, only those."""
        ended = self._rows.all_ended() if status is None or status in ENDED else []
        jobs = [*self._jobs.values(), *(Job(**row) for row in ended)]
        return sorted(jobs, key=lambda job: (job.submitted, job.id))

    def _ended(self, job: Job, publish: Callable[[], None]) -> None:
        """A job has ended: its row and its event are one."""
        with self._lock, self._cloud.store.changes():
            self._rows.end(job.id, job.row())
            self._jobs.pop(job.id, None)
            for _, old in self._rows.forget_old():
                if token := old["params"].get("ClientRequestToken"):
                    self._cloud.store.delete(TOKEN, token)
            publish()

    # Probe -----------------------------------------------------------------------------------------------------------

    def probe(self, request: Call) -> dict[str, Any]:
        """Container and tracks of files on S3, from their headers."""
        files = request.params.get("InputFiles") or []
        if not files:
            raise _bad("/inputFiles: Should have at least one item")
        return {"ProbeResults": [_probe_result(file.get("FileUrl") or "") for file in files]}

    # Queues ----------------------------------------------------------------------------------------------------------

    def create_queue(self, request: Call) -> dict[str, Any]:
        """An on-demand queue."""
        params = request.params
        name = params["Name"]
        if not 0 < len(name) <= 256 or not set(name) <= _QUEUE_NAME_CHARACTERS:
            raise _bad(f"/name: {name} can contain letters, digits, - and _ only")
        if params.get("PricingPlan") == "RESERVED":
            raise _bad("/pricingPlan: The local cloud's MediaConvert supports ON_DEMAND")
        with self._lock:
            if name in self._queues:
                raise AwsError("ConflictException", f"Queue {name} already exists.", 409)
            queue = self._new_queue(name, request.region, "CUSTOM")
            _change(queue, params)
            queue["Tags"] = dict(params.get("Tags") or {})
            self._write(queue)
            return {"Queue": self._describe(queue)}

    def get_queue(self, request: Call) -> dict[str, Any]:
        """A queue by its name."""
        with self._lock:
            return {"Queue": self._describe(self._queue(request.params["Name"], request.region))}

    def list_queues(self, request: Call) -> dict[str, Any]:
        """All queues, the default one first."""
        with self._lock:
            self._queue("Default", request.region)
            queues = sorted(self._queues.values(), key=lambda queue: (queue["Type"] != "SYSTEM", queue["Name"]))
            if request.params.get("Order") == "DESCENDING":
                queues.reverse()
            page, token = _page(queues, request.params)
            return {"Queues": [self._describe(queue) for queue in page], **token}

    def update_queue(self, request: Call) -> dict[str, Any]:
        """Change a queue's description or status; the jobs of a queue that becomes ACTIVE start."""
        with self._lock:
            queue = self._queue(request.params["Name"], request.region)
            _change(queue, request.params)
            self._write(queue)
            answer = {"Queue": self._describe(queue)}
        self._runner.wake()
        return answer

    def delete_queue(self, request: Call) -> None:
        """Delete a queue that has no submitted or progressing jobs."""
        with self._lock:
            queue = self._queue(request.params["Name"], request.region)
            if queue["Type"] == "SYSTEM":
                raise _bad("You can't delete the default queue.")
            counts = self._describe(queue)
            if counts["SubmittedJobsCount"] or counts["ProgressingJobsCount"]:
                raise AwsError("ConflictException", f"Queue {queue['Name']} has jobs that have not ended.", 409)
            del self._queues[queue["Name"]]
            self._cloud.store.delete(QUEUE, queue["Name"])

    def _new_queue(self, name: str, region: str, kind: str) -> dict[str, Any]:
        now = datetime.now(UTC)
        queue = {
            "Arn": f"arn:aws:mediaconvert:{region}:{ACCOUNT}:queues/{name}",
            "Name": name,
            "Type": kind,
            "PricingPlan": "ON_DEMAND",
            "Status": "ACTIVE",
            "CreatedAt": now,
            "LastUpdated": now,
            "Tags": {},
        }
        self._queues[name] = queue
        self._write(queue)
        return queue

    def _write(self, queue: Shape) -> None:
        self._cloud.store.put(QUEUE, queue["Name"], queue)

    def _queue(self, name_or_arn: str, region: str) -> dict[str, Any]:
        name = name_or_arn.rpartition("/")[2]
        if name == "Default" and name not in self._queues:
            return self._new_queue("Default", region, "SYSTEM")
        if name not in self._queues:
            raise AwsError("NotFoundException", f"Queue [{name_or_arn}] not found.", 404)
        return self._queues[name]

    def _describe(self, queue: Shape) -> dict[str, Any]:
        jobs = [job for job in self._jobs.values() if job.queue == queue["Arn"]]
        return {
            **{name: value for name, value in queue.items() if name != "Tags"},
            "SubmittedJobsCount": sum(job.status == "SUBMITTED" for job in jobs),
            "ProgressingJobsCount": sum(job.status == "PROGRESSING" for job in jobs),
        }

    def _is_active(self, arn: str) -> bool:
        queue = self._queues.get(arn.rpartition("/")[2])
        return queue is not None and queue["Status"] == "ACTIVE"

    # Tags, endpoints -------------------------------------------------------------------------------------------------

    def tag_resource(self, request: Call) -> None:
        """Add tags to a job or a queue."""
        with self._tags(request.params["Arn"]) as tags:
            tags.update(request.params.get("Tags") or {})

    def untag_resource(self, request: Call) -> None:
        """Remove tags from a job or a queue by their keys."""
        with self._tags(request.params["Arn"]) as tags:
            for key in request.params.get("TagKeys") or []:
                tags.pop(key, None)

    def list_tags_for_resource(self, request: Call) -> dict[str, Any]:
        """The tags of a job or a queue."""
        arn = unquote(request.params["Arn"])
        with self._tags(arn) as tags:
            return {"ResourceTags": {"Arn": arn, "Tags": dict(tags)}}

    @contextmanager
    def _tags(self, arn: str) -> Iterator[dict[str, str]]:
        """The tags of a job or queue, written when the block ends."""
        kind, _, name = unquote(arn).rpartition(":")[2].partition("/")
        with self._lock:
            if kind == "jobs" and name in self._jobs:
                yield self._jobs[name].tags
                self._rows.write(name, self._jobs[name].row())
            elif kind == "jobs" and (row := self._rows.ended(name)):
                yield row["tags"]
                self._rows.end(name, row)
            elif kind == "queues" and name in self._queues:
                yield self._queues[name]["Tags"]
                self._write(self._queues[name])
            else:
                raise AwsError("NotFoundException", f"Resource [{arn}] not found.", 404)

    def describe_endpoints(self, request: Call) -> dict[str, Any]:  # noqa: ARG002  # its parameters only page
        """The endpoint of this cloud, the only one."""
        return {"Endpoints": [{"Url": self._cloud.endpoint}]}


def _bad(message: str) -> AwsError:
    return AwsError("BadRequestException", message)


def _page(items: list[Any], params: Shape) -> tuple[list[Any], dict[str, str]]:
    """A page of at most MaxResults (20) items and the token of the next page, if any."""
    first = int(params["NextToken"]) if str(params.get("NextToken") or "").isdigit() else 0
    last = first + min(int(params.get("MaxResults") or 20), 20)
    return items[first:last], ({"NextToken": str(last)} if last < len(items) else {})


def _change(queue: dict[str, Any], params: Shape) -> None:
    for name in ("Description", "Status", "ConcurrentJobs", "MaximumConcurrentFeeds"):
        if params.get(name) is not None:
            queue[name] = params[name]
    queue["LastUpdated"] = datetime.now(UTC)


def _probe_result(url: str) -> dict[str, Any]:
    match = settings.S3_URL.fullmatch(url)
    if match is None:
        raise _bad(f"/inputFiles/0/fileUrl: The local cloud's MediaConvert probes files on S3, not [{url}]")
    bucket, key = match.groups()
    try:
        stored = objects.find(bucket, key)
        with objects.open_object(bucket, key, stored.version) as path:
            media = video.probe(path)
    except AwsError as error:
        raise AwsError("NotFoundException", f"Unable to open input file [{url}]: {error.message}", 404) from error
    except MediaError as error:
        raise AwsError("UnprocessableEntityException", prober.failure(url, error)[1], 422) from error
    return prober.result(media, stored.etag, stored.last_modified)
