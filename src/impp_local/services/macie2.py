"""Macie's classification jobs, which moto lacks. They are stored and described; nothing is scanned.

Can go when moto has CreateClassificationJob.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from impp_local.kernel.contract import AwsError, Call, Cloud, Service
from impp_local.kernel.defaults import ACCOUNT

TRANSITIONS = {"RUNNING": {"USER_PAUSED"}, "IDLE": {"CANCELLED"}, "CANCELLED": {"RUNNING", "IDLE", "USER_PAUSED"}}
"""A status that UpdateClassificationJob may set, and the statuses from which it may do so."""


class Macie(Service):
    """Classification jobs; the account's session is moto's."""

    name = "macie2"
    kept = ("_jobs",)

    def __init__(self) -> None:
        self._jobs: dict[str, dict[str, Any]] = {}
        self._lock = threading.Lock()

    def create_classification_job(self, call: Call) -> Mapping[str, Any]:
        """Create a job. Raises AccessDeniedException while Macie is not enabled."""
        from moto.macie2.models import macie2_backends

        if not macie2_backends[ACCOUNT][call.region].macie_session:
            raise AwsError("AccessDeniedException", "Macie is not enabled", 403)
        params = dict(call.params)
        job_id = uuid.uuid4().hex
        arn = f"arn:aws:macie2:{call.region}:{ACCOUNT}:classification-job/{job_id}"
        daily = params["jobType"] == "SCHEDULED"
        with self._lock:
            self._jobs[job_id] = {
                "initialRun": False,
                "managedDataIdentifierSelector": "RECOMMENDED",
                "samplingPercentage": 100,
                **params,
                "jobId": job_id,
                "jobArn": arn,
                "jobStatus": "IDLE" if daily else "COMPLETE",
                "createdAt": datetime.now(UTC),
                "statistics": {"approximateNumberOfObjectsToProcess": 0.0, "numberOfRuns": 0.0},
                "tags": params.get("tags", {}),
            }
        return {"jobArn": arn, "jobId": job_id}

    def describe_classification_job(self, call: Call) -> Mapping[str, Any]:
        """A job as it was created. Raises ResourceNotFoundException."""
        return self._job(call)

    def update_classification_job(self, call: Call) -> None:
        """Pause, resume or cancel. Raises ValidationException for a change that the job's status does not allow."""
        job = self._job(call)
        status = call.params["jobStatus"]
        resumed = "IDLE" if status == "RUNNING" else status
        if status != "USER_PAUSED" and job["jobStatus"] not in TRANSITIONS.get(status, set()):
            raise AwsError("ValidationException", f"A job that is {job['jobStatus']} cannot become {status}")
        with self._lock:
            job["jobStatus"] = resumed

    def list_classification_jobs(self, call: Call) -> Mapping[str, Any]:  # noqa: ARG002
        """All jobs, oldest first."""
        listed = ("jobId", "name", "jobStatus", "jobType", "createdAt")
        with self._lock:
            items = [
                {name: job[name] for name in listed} | {"bucketDefinitions": _buckets(job)}
                for job in self._jobs.values()
            ]
        return {"items": items}

    def tag_resource(self, call: Call) -> Mapping[str, Any] | Any:
        """Tag a job; other resources are moto's."""
        job = self._find_by_arn(call.params["resourceArn"])
        if job is None:
            return call.forward()
        job["tags"].update(call.params["tags"])
        return {}

    def list_tags_for_resource(self, call: Call) -> Mapping[str, Any] | Any:
        """A job's tags; other resources are moto's."""
        job = self._find_by_arn(call.params["resourceArn"])
        return call.forward() if job is None else {"tags": job["tags"]}

    def _job(self, call: Call) -> dict[str, Any]:
        with self._lock:
            job = self._jobs.get(call.params["jobId"])
        if job is None:
            raise AwsError("ResourceNotFoundException", "The job does not exist", 404)
        return job

    def _find_by_arn(self, arn: str) -> dict[str, Any] | None:
        with self._lock:
            return self._jobs.get(arn.rpartition("/")[2])


def _buckets(job: Mapping[str, Any]) -> list[Any]:
    definitions = job["s3JobDefinition"].get("bucketDefinitions")
    return list(definitions or [])


def create(cloud: Cloud) -> Service:  # noqa: ARG001  # all state is here
    """Called by the gateway at the first request for Macie."""
    return Macie()
