"""Events of the local cloud's services, from those who publish them to those who subscribe.

Services that emit AWS events (S3, MediaConvert, Transcribe, Step Functions) call :func:`publish` and need not know who
listens: EventBridge matches them against its rules, Step Functions wakes the task that waits for a job.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from impp_local.kernel.defaults import ACCOUNT, REGION

Subscriber = Callable[[Mapping[str, Any], str], None]
"""Called with each complete event and the name of its bus, in the publisher's thread."""

_subscribers: Final[list[Subscriber]] = []


def subscribe(subscriber: Subscriber) -> None:
    """Call `subscriber` with each event from now on. Idempotent."""
    if subscriber not in _subscribers:
        _subscribers.append(subscriber)


def publish(event: Mapping[str, Any], *, bus: str = "default") -> str:
    """Put an AWS event on a bus; returns the event's id at once, delivery follows.

    `event` needs `source`, `detail-type` and `detail`; `id`, `time`, `account`, `region`, `resources` and `version`
    are filled in where they are missing.
    """
    complete = {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "",
        "source": "",
        "account": ACCOUNT,
        "time": timestamp(),
        "region": REGION,
        "resources": [],
        "detail": {},
    } | dict(event)
    for subscriber in list(_subscribers):
        subscriber(complete, bus)
    return str(complete["id"])


def timestamp(moment: datetime | None = None) -> str:
    """A moment (default: now) as events carry it: ``2026-11-22T10:11:12Z``."""
    return (moment or datetime.now(UTC)).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
