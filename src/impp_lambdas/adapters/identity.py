"""Verifies that an object's content has the SHA-256 that its uploader claims, by S3's own checksum or by reading it.

A claim is enough to name an asset. It is not enough to call two objects equal or to refuse one: whoever uploads first
could claim the SHA-256 of another's footage.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from impp_lambdas.adapters import aws, dynamo, s3
from impp_lambdas.core import keys
from impp_lambdas.core.intake.object_head import find_archived
from impp_lambdas.core.intake.originals import Original

if TYPE_CHECKING:
    from impp_lambdas.core.intake.facts import Facts

MAX_BYTES = 16 * 2**30
"""Largest object that is read: S3 delivers some 80 MB/s to a function, which has 300 s."""
RESERVE_S = 30.0
_PIECE = 1 << 20


def holds(original: Original, sha256: str | None, context: aws.Context) -> bool | None:
    """Whether an object has this SHA-256; None if that cannot be known (deleted, archived, too large, no time).

    S3 has verified a SHA-256 of the full object when it was uploaded in one request; of a multipart upload it has only
    the composite (https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html).
    """
    head = s3.head(original.bucket, original.key, original.version)
    if head is None or sha256 is None or find_archived(head):
        return None
    stored = head.get("ChecksumSHA256")
    if stored and head.get("ChecksumType", "FULL_OBJECT") == "FULL_OBJECT" and "-" not in stored:
        return base64.b64decode(stored).hex() == sha256
    if int(head["ContentLength"]) > MAX_BYTES:
        return None
    actual = _read(original, lambda: aws.seconds_left(context, RESERVE_S) > 0)
    return None if actual is None else actual == sha256


def is_verified(table: str, item: Mapping[str, Any], facts: Facts, context: aws.Context) -> bool:
    """Whether the content of an asset's original has the SHA-256 of `facts`. The result is noted on the asset."""
    if item.get("verified_sha256"):
        return bool(item["verified_sha256"] == facts.sha256)
    original = Original(str(item.get("bucket")), str(item.get("key")), str(item.get("version") or ""))
    if not holds(original, facts.sha256, context):
        return False
    dynamo.update_item(
        table,
        keys.catalog_asset(str(item["asset"])),
        {"verified_sha256": facts.sha256},
        condition="#execution = :before",
        condition_values={"before": item.get("execution")},
    )
    return True


def _read(original: Original, has_time: Callable[[], bool]) -> str | None:
    """The SHA-256 of all bytes, None if the time is used up."""
    digest = hashlib.sha256()
    for piece in s3.read_all(original.bucket, original.key, original.version, _PIECE):
        digest.update(piece)
        if not has_time():
            return None
    return digest.hexdigest()
