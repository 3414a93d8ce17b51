"""Bounds on what moto keeps forever: lists that grow with each file, in memory and, as rows, on disk.

AWS forgets too, by time (a log group's retention, 15 months of metrics) or at once (a sent notification). Here the
oldest go when there are too many. A queue's messages must stay; they are counted quickly.
"""

from __future__ import annotations

import time
from typing import Any, Final

LOG_EVENTS: Final = 5_000
"""Per log group. A file takes 10 to 20 lines of a function, so these are the last few hundred files; 15 groups of them
are 40 MB in memory and are pickled in a quarter of a second."""
METRICS: Final = 20_000
"""Data points of all metrics together: two weeks of the pipeline's at a hundred files per day."""
NOTIFICATIONS: Final = 100
"""Per topic, which nothing reads but moto's own tests."""
RECEIPTS: Final = 1_000
"""Handles of deleted messages per queue: DeleteMessage succeeds again for these, as SQS's does."""

_applied = False


def apply() -> None:
    """Bound moto's lists. Idempotent."""
    global _applied
    if _applied:
        return
    _applied = True
    import moto.core.common_models as common

    # Each instance of every model is kept for moto's dashboard, which this cloud does not have.
    common.BaseModel.__new__ = _untracked  # type: ignore[method-assign,assignment]
    _bound_logs()
    _bound_metrics()
    _bound_notifications()
    _bound_receipts()
    _bound_counting()


def _untracked(kind: type, *_args: Any, **_kwargs: Any) -> Any:
    return object.__new__(kind)


def _bound_logs() -> None:
    from moto.logs.models import LogStream

    put_log_events = LogStream.put_log_events

    def bounded(stream: Any, log_events: list[dict[str, Any]]) -> str:
        token = put_log_events(stream, log_events)
        streams = stream.log_group.streams
        surplus = sum(len(kept.events) for kept in streams.values()) - LOG_EVENTS
        for name, oldest in list(streams.items()):
            if surplus <= 0:
                break
            dropped = min(surplus, len(oldest.events))
            del oldest.events[:dropped]
            surplus -= dropped
            if not oldest.events and oldest is not stream:
                del streams[name]
        return token

    LogStream.put_log_events = bounded  # type: ignore[method-assign,assignment]


def _bound_metrics() -> None:
    from moto.cloudwatch.models import CloudWatchBackend

    put_metric_data = CloudWatchBackend.put_metric_data

    def bounded(backend: Any, *args: Any, **kwargs: Any) -> None:
        put_metric_data(backend, *args, **kwargs)
        del backend.metric_data[:-METRICS]

    CloudWatchBackend.put_metric_data = bounded  # type: ignore[method-assign,assignment]


def _bound_notifications() -> None:
    from moto.sns.models import Topic

    publish = Topic.publish

    def bounded(topic: Any, *args: Any, **kwargs: Any) -> str:
        message_id = publish(topic, *args, **kwargs)
        del topic.sent_notifications[:-NOTIFICATIONS]
        return message_id

    Topic.publish = bounded  # type: ignore[method-assign,assignment]


def _bound_receipts() -> None:
    from moto.sqs.models import Queue

    delete_message = Queue.delete_message

    def bounded(queue: Any, receipt_handle: str) -> None:
        delete_message(queue, receipt_handle)
        if len(queue.deleted_messages) > RECEIPTS:
            queue.deleted_messages = {receipt_handle}

    Queue.delete_message = bounded  # type: ignore[method-assign,assignment]


def _bound_counting() -> None:
    """Each message that is sent, and each one received, makes moto count all messages by their times, which it computes
    from calendar dates."""
    from moto.sqs import models

    def is_retained(backend: Any, queue_name: str, message: Any) -> bool:
        period: int = backend.get_queue(queue_name).message_retention_period
        return bool(message.sent_timestamp / 1000 + period > time.time())

    models.SQSBackend.is_message_valid_based_on_retention_period = is_retained  # type: ignore[method-assign,assignment]
    models.unix_time_millis = lambda _moment=None: time.time() * 1000  # type: ignore[attr-defined,assignment]
