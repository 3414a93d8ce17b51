"""What exists below a key or prefix, and its removal for good."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError

from impp_lambdas.adapters import aws, s3
from impp_lambdas.core.actions.erase import Version
from impp_lambdas.core.intake.originals import Original

BATCH = 1000
"""Keys of one DeleteObjects request (S3's API reference)."""


class NotRemoved(Exception):
    """S3 refused to delete an object."""


def versions(bucket: str, key: str) -> Iterator[Version]:
    """All versions and delete markers of one key, with checksums."""
    pages = aws.client("s3").get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=key)
    for page in pages:
        for entry in page.get("Versions") or ():
            if entry["Key"] == key:
                original = Original(bucket, key, str(entry["VersionId"]))
                head = s3.head(bucket, key, original.version) or {}
                yield Version(original, int(entry["Size"]), _checksums(head))
        for entry in page.get("DeleteMarkers") or ():
            if entry["Key"] == key:
                yield Version(Original(bucket, key, str(entry["VersionId"])), is_marker=True)


def _checksums(head: Mapping[str, Any]) -> dict[str, str]:
    """Checksums of the whole object in HeadObject's response. Composites depend on the parts of an upload."""
    if head.get("ChecksumType", "FULL_OBJECT") != "FULL_OBJECT":
        return {}
    names = [name for name in head if name.startswith("Checksum") and name != "ChecksumType"]
    return {name.removeprefix("Checksum"): str(head[name]) for name in names if "-" not in str(head[name])}


def remove_version(version: Original) -> bool:
    """Delete a version for good. False if S3 refuses because it is locked (a legal hold or a retention period)."""
    try:
        aws.client("s3").delete_object(Bucket=version.bucket, Key=version.key, VersionId=version.version or "null")
    except ClientError as error:
        if aws.code(error) in ("AccessDenied", "403"):
            return False
        raise
    return True


def names(bucket: str, prefix: str) -> list[str]:
    """Keys of all objects below a prefix."""
    pages = aws.client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return [str(entry["Key"]) for page in pages for entry in page.get("Contents") or ()]


def remove(bucket: str, keys: Sequence[str]) -> None:
    """Delete objects of a bucket without versioning. Raises :class:`NotRemoved`."""
    for start in range(0, len(keys), BATCH):
        batch = keys[start : start + BATCH]
        request: dict[str, Any] = {"Objects": [{"Key": key} for key in batch], "Quiet": True}
        answer = aws.client("s3").delete_objects(Bucket=bucket, Delete=request)
        if errors := answer.get("Errors"):
            raise NotRemoved(f"{len(errors)} objects of {bucket}, the first with {errors[0].get('Code')}")
