"""S3's EventBridge events, in the form that S3 sends.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import Any

from impp_local.kernel import events
from impp_local.kernel.defaults import REGION

REASONS = {
    "PutObject": "PutObject",
    "PostObject": "POST Object",
    "CopyObject": "CopyObject",
    "CompleteMultipartUpload": "CompleteMultipartUpload",
}
"""`reason` of "Object Created" by the operation that created it."""

_last = 0
_ordering = threading.Lock()


def next_number() -> int:
    """A number that is greater than all before it, also those before the last start."""
    global _last
    with _ordering:
        _last = max(time.time_ns(), _last + 1)
        return _last


def continue_after(number: int) -> None:
    """Make the numbers to come greater than this one, which an earlier process used."""
    global _last
    with _ordering:
        _last = max(_last, number)


def sequencer() -> str:
    """A hexadecimal string that grows with every call: later events of a key compare greater."""
    return f"{next_number():018X}"


class S3Events:
    """Publishes the events of one request to a bucket (moto's), if the bucket has EventBridge notifications enabled.

    `caller` has the members of the detail that describe the request.
    """

    def __init__(self, bucket: Any, caller: Mapping[str, str]) -> None:
        self._bucket = bucket
        self._caller = caller

    def created(self, key: Any, operation: str) -> None:
        """Publish "Object Created" for moto's `key`, when the object can already be read."""
        described = {"key": key.name, "size": key.size, "etag": key.etag.strip('"')}
        self._publish("Object Created", described, key.version_id, {"reason": REASONS[operation]})

    def deleted(self, name: str, version: str | None, marker: bool, operation: str) -> None:
        """Publish "Object Deleted": a version for good, or only hidden by a delete marker."""
        kind = "Delete Marker Created" if marker else "Permanently Deleted"
        self._publish("Object Deleted", {"key": name}, version, {"reason": operation, "deletion-type": kind})

    def tagged(self, key: Any, removed: bool) -> None:
        """Publish "Object Tags Added" or "Object Tags Deleted"."""
        kind = "Object Tags Deleted" if removed else "Object Tags Added"
        self._publish(kind, {"key": key.name, "etag": key.etag.strip('"')}, key.version_id, {})

    def restore_initiated(self, key: Any) -> None:
        """Publish "Object Restore Initiated"."""
        described = {"key": key.name, "size": key.size, "etag": key.etag.strip('"')}
        details = {"source-storage-class": key.storage_class}
        self._publish("Object Restore Initiated", described, key.version_id, details)

    def restore_completed(self, key: Any) -> None:
        """Publish "Object Restore Completed"."""
        described = {"key": key.name, "size": key.size, "etag": key.etag.strip('"')}
        details = {
            "restore-expiry-time": f"{key._expiry:%Y-%m-%dT%H:%M:%SZ}",
            "source-storage-class": key.storage_class,
        }
        self._publish("Object Restore Completed", described, key.version_id, details)

    def _publish(self, kind: str, described: dict[str, Any], version: str | None, details: Mapping[str, str]) -> None:
        bucket = self._bucket
        configuration = bucket.notification_configuration
        if configuration is None or configuration.event_bridge is None:
            return
        if version and version != "null":
            described["version-id"] = version
        described["sequencer"] = sequencer()
        detail = {"version": "0", "bucket": {"name": bucket.name}, "object": described, **self._caller, **details}
        events.publish(
            {
                "detail-type": kind,
                "source": "aws.s3",
                "region": bucket.region_name or REGION,
                "resources": [bucket.arn],
                "detail": detail,
            }
        )
