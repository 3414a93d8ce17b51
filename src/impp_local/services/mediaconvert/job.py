"""A job and its states, as GetJob shows it."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from impp_local.kernel.defaults import ACCOUNT

Shape = Mapping[str, Any]

_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"
_ECHOED = (
    "AccelerationSettings",
    "BillingTagsSource",
    "ClientRequestToken",
    "Priority",
    "Role",
    "Settings",
    "SimulateReservedQueue",
    "StatusUpdateInterval",
    "UserMetadata",
)
ENDED = ("COMPLETE", "CANCELED", "ERROR")


def new_id() -> str:
    """A job's id in MediaConvert's form: milliseconds, a dash, six characters."""
    return f"{int(time.time() * 1000)}-{''.join(secrets.choice(_ALPHABET) for _ in range(6))}"


@dataclass
class Job:
    """CreateJob's input (`params`) and the state of the job. Setting `canceled` stops ffmpeg."""

    id: str
    region: str
    queue: str
    params: Shape
    tags: dict[str, str]
    status: str = "SUBMITTED"
    phase: str | None = None
    percent: int | None = None
    submitted: datetime = field(default_factory=lambda: datetime.now(UTC))
    started: datetime | None = None
    finished: datetime | None = None
    error_code: int | None = None
    error_message: str | None = None
    notes: list[str] = field(default_factory=list)
    outputs: list[list[dict[str, Any]]] = field(default_factory=list)
    """For each output group its outputs, with the members of both GetJob and the COMPLETE event (see `events`)."""
    canceled: threading.Event = field(default_factory=threading.Event)

    def row(self) -> dict[str, Any]:
        """The job as data."""
        return {name: value for name, value in vars(self).items() if name != "canceled"}

    def start_over(self) -> None:
        """Forget how far the job had come; its id stays."""
        self.status, self.phase, self.percent, self.started = "SUBMITTED", None, None, None
        self.notes, self.outputs = [], []

    @property
    def arn(self) -> str:
        """The job's ARN."""
        return f"arn:aws:mediaconvert:{self.region}:{ACCOUNT}:jobs/{self.id}"

    @property
    def priority(self) -> int:
        """-50..50; higher runs first."""
        return int(self.params.get("Priority") or 0)

    @property
    def input_url(self) -> str:
        """The one input's S3 URL."""
        return str(self.params["Settings"]["Inputs"][0]["FileInput"])

    @property
    def user_metadata(self) -> dict[str, str]:
        """Included in every event."""
        return dict(self.params.get("UserMetadata") or {})

    def describe(self) -> dict[str, Any]:
        """The Job shape."""
        timing = {"SubmitTime": self.submitted, "StartTime": self.started, "FinishTime": self.finished}
        shape: dict[str, Any] = {
            "AccelerationSettings": {"Mode": "DISABLED"},
            "AccelerationStatus": "NOT_APPLICABLE",
            "BillingTagsSource": "QUEUE",
            "Priority": 0,
            "StatusUpdateInterval": "SECONDS_60",
            "UserMetadata": {},
            **{key: self.params[key] for key in _ECHOED if self.params.get(key) is not None},
            "Arn": self.arn,
            "Id": self.id,
            "Queue": self.queue,
            "Status": self.status,
            "CreatedAt": self.submitted,
            "Timing": {key: value for key, value in timing.items() if value is not None},
            "RetryCount": 0,
            "Warnings": [],
            "Messages": {"Info": [], "Warning": list(self.notes)},
        }
        optional = {
            "CurrentPhase": self.phase if self.status == "PROGRESSING" else None,
            "JobPercentComplete": self.percent,
            "ErrorCode": self.error_code,
            "ErrorMessage": self.error_message,
        }
        shape |= {key: value for key, value in optional.items() if value is not None}
        if self.status == "COMPLETE":
            shape["OutputGroupDetails"] = [{"OutputDetails": [_detail(o) for o in group]} for group in self.outputs]
        return shape


def _detail(output: Shape) -> dict[str, Any]:
    detail: dict[str, Any] = {"DurationInMs": output["durationInMs"]}
    if video := output.get("videoDetails"):
        detail["VideoDetails"] = {"WidthInPx": video["widthInPx"], "HeightInPx": video["heightInPx"]}
    return detail
