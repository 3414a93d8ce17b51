"""RestoreObject: a copy of an archived object that can be read for some days, after a wait of seconds, not hours.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_RestoreObject.html and
https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
"""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import xmltodict  # type: ignore[import-untyped]
from moto.s3.utils import ARCHIVE_STORAGE_CLASSES

from impp_lambdas.core.money.pricing import GB
from impp_lambdas.core.money.retrieval import RETRIEVALS
from impp_local.kernel import billing, moto, objects
from impp_local.kernel.contract import AwsError, Response
from impp_local.services.s3.events import S3Events
from impp_local.services.s3.exchange import Exchange
from impp_local.services.s3.rows import ObjectRows

RESTORE_S: Final = 2.0
"""How long a restore takes here. On AWS: 3 to 5 hours from Flexible Retrieval and within 12 from Deep Archive, Standard
tier (https://docs.aws.amazon.com/AmazonS3/latest/userguide/restoring-objects-retrieval-options.html)."""

PROGRESS: Final = "IN_PROGRESS"
RESTORED: Final = "RESTORED"

TIERS: Final = {(archive, tier.capitalize()): priced for (archive, tier), priced in RETRIEVALS.items()}
"""What is billed, by storage class and tier."""


class Restores:
    """Restores that are under way, also after a restart."""

    def __init__(self, rows: ObjectRows) -> None:
        self._rows = rows
        self._timers: set[threading.Timer] = set()

    def resume(self) -> None:
        """Go on with the restores that were under way when the cloud stopped. Under S3's lock."""
        for bucket in objects.backend().buckets.values():
            for _, versions in bucket.keys.lists():
                for key in versions:
                    if getattr(key, "_status", None) == PROGRESS and getattr(key, "_expiry", None):
                        self._finish_later(bucket.name, key)

    def suspend(self) -> None:
        """Finish none of them in this process."""
        for timer in list(self._timers):
            timer.cancel()

    def begin(self, exchange: Exchange) -> Response:
        """Answer RestoreObject: 202 for a restore that begins, 200 for one that is kept for longer."""
        key = objects.backend().get_object(
            exchange.bucket, exchange.key, version_id=exchange.query.get("versionId") or None
        )
        if key is None:
            raise AwsError("NoSuchKey", "The specified key does not exist.", 404)
        if key.storage_class not in ARCHIVE_STORAGE_CLASSES:
            message = "Restore is not allowed for the object's current storage class"
            raise AwsError("InvalidObjectState", message, 403)
        wanted = xmltodict.parse(exchange.verified.payload or b"<RestoreRequest/>").get("RestoreRequest") or {}
        tier = (wanted.get("GlacierJobParameters") or {}).get("Tier") or wanted.get("Tier") or "Standard"
        priced = TIERS.get((key.storage_class, tier))
        if priced is None:
            raise AwsError("InvalidArgument", f"The tier {tier} is not supported for {key.storage_class}", 400)
        expiry = datetime.now(UTC).replace(tzinfo=None) + timedelta(days=int(wanted.get("Days") or 1))
        if key._expiry is not None and key._status == PROGRESS:
            raise AwsError("RestoreAlreadyInProgress", "Object restore is already in progress", 409)
        was_restored = key._expiry is not None
        key._expiry = expiry
        if was_restored:
            return Response(200, {}, b"")
        key._status = PROGRESS
        for item, quantity in ((priced.data, key.size / GB), (priced.request, 1)):
            if item:
                billing.meter("s3", item, quantity, detail=f"/{exchange.bucket}/{exchange.key}")
        events = S3Events(objects.backend().get_bucket(exchange.bucket), exchange.caller_detail())
        exchange.events.append(lambda: events.restore_initiated(key))
        self._finish_later(exchange.bucket, key)
        return Response(202, {}, b"")

    def _finish_later(self, bucket: str, key: Any) -> None:
        timer = threading.Timer(RESTORE_S, lambda: self._finish(timer, bucket, key.name, key.version_id))
        timer.daemon = True
        self._timers.add(timer)
        timer.start()

    def _finish(self, timer: threading.Timer, bucket: str, name: str, version: str) -> None:
        self._timers.discard(timer)
        published: list[Any] = []
        with moto.lock_of("s3"), self._rows.request(bucket, publishers=published):
            known = objects.backend().buckets.get(bucket)
            key = known and objects.backend().get_object(bucket, name, version_id=version)
            if not key or key._status != PROGRESS:
                return
            key._status = RESTORED
            events = S3Events(known, {"request-id": "", "requester": "s3.amazonaws.com"})
            published.append(lambda: events.restore_completed(key))


def is_readable(key: Any) -> bool:
    """Whether an object can be read now: it is not archived, or has been restored."""
    return key.storage_class not in ARCHIVE_STORAGE_CLASSES or (key._expiry is not None and key._status == RESTORED)
