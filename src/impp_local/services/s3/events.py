"""S3's EventBridge events: what happened to which object, in the form that S3 sends.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from impp_local.kernel.defaults import ACCOUNT, REGION

REASONS = {
    "PutObject": "PutObject",
    "PostObject": "POST Object",
    "CopyObject": "CopyObject",
    "CompleteMultipartUpload": "CompleteMultipartUpload",
}
"""`reason` of "Object Created" by the operation that created it."""

_last = 0
_ordering = threading.Lock()


def sequencer() -> str:
    """A hexadecimal string that grows with every call: later events of a key compare greater."""
    global _last
    with _ordering:
        _last = max(time.time_ns(), _last + 1)
        return f"{_last:018X}"


class S3Events:
    """Sends events of buckets that have EventBridge notifications enabled."""

    def __init__(self, publish: Callable[[dict[str, Any]], Any]) -> None:
        self._publish = publish

    def created(self, bucket: Any, key: Any, operation: str, caller: Mapping[str, str]) -> None:
        """ "Object Created" for moto's `bucket` and `key`, when the object can already be read."""
        described = {"key": key.name, "size": key.size, "etag": key.etag.strip('"')}
        self._send(bucket, "Object Created", described, key.version_id, caller, {"reason": REASONS[operation]})

    def deleted(
        self, bucket: Any, name: str, version: str | None, marker: bool, caller: Mapping[str, str], operation: str
    ) -> None:
        """ "Object Deleted": a version for good, or only hidden by a delete marker."""
        kind = "Delete Marker Created" if marker else "Permanently Deleted"
        details = {"reason": operation, "deletion-type": kind}
        self._send(bucket, "Object Deleted", {"key": name}, version, caller, details)

    def tagged(self, bucket: Any, key: Any, removed: bool, caller: Mapping[str, str]) -> None:
        """ "Object Tags Added" or "Object Tags Deleted"."""
        kind = "Object Tags Deleted" if removed else "Object Tags Added"
        self._send(bucket, kind, {"key": key.name, "etag": key.etag.strip('"')}, key.version_id, caller, {})

    def _send(
        self,
        bucket: Any,
        kind: str,
        described: dict[str, Any],
        version: str | None,
        caller: Mapping[str, str],
        details: Mapping[str, str],
    ) -> None:
        configured = bucket.notification_configuration
        if configured is None or configured.event_bridge is None:
            return
        if version and version != "null":
            described["version-id"] = version
        described["sequencer"] = sequencer()
        detail = {"version": "0", "bucket": {"name": bucket.name}, "object": described, **caller, **details}
        self._publish(
            {
                "version": "0",
                "detail-type": kind,
                "source": "aws.s3",
                "account": ACCOUNT,
                "time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
                "region": bucket.region_name or REGION,
                "resources": [bucket.arn],
                "detail": detail,
            }
        )
