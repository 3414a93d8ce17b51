"""Originals as S3 has them now: where they are stored, and whether they can be read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from impp_cli.archive import checksums
from impp_cli.aws import Account, AwsError, Kind
from impp_cli.console import usd
from impp_lambdas.core.actions import availability
from impp_lambdas.core.money import retrieval
from impp_lambdas.core.money.pricing import total


@dataclass(frozen=True)
class Stored:
    """An original. `archive` is the class or tier that it must be restored from, None if it can be read;
    `restore_until` is when a restored copy ends, `is_restoring` whether one is under way."""

    bucket: str
    key: str
    version: str | None
    size: int
    storage_class: str
    etag: str
    uploaded_at: str
    checksums: dict[str, str]
    archive: str | None
    is_restoring: bool
    restored_until: str | None

    @property
    def uri(self) -> str:
        """`s3://bucket/key`."""
        return f"s3://{self.bucket}/{self.key}"


def look(account: Account, item: Mapping[str, Any]) -> Stored | None:
    """The original of a catalog item as it is now; None if it no longer exists. Raises AwsError."""
    request = {"Bucket": item["bucket"], "Key": item["key"], "ChecksumMode": "ENABLED"}
    if item.get("version"):
        request["VersionId"] = item["version"]
    try:
        head = account.call("s3", "head_object", **request)
    except AwsError as error:
        if error.kind is Kind.MISSING or error.code in ("405", "MethodNotAllowed", "NoSuchVersion"):
            return None
        raise
    where = availability.of(head)
    return Stored(
        bucket=item["bucket"],
        key=item["key"],
        version=item.get("version"),
        size=int(head["ContentLength"]),
        storage_class=str(head.get("StorageClass") or "STANDARD"),
        etag=str(head["ETag"]),
        uploaded_at=f"{head['LastModified']:%Y-%m-%dT%H:%M:%SZ}",
        checksums=checksums.stated(head),
        archive=None if where.is_readable else where.archive,
        is_restoring=where.state == availability.RESTORING,
        restored_until=where.until or None,
    )


def waiting(stored: Stored, asset: str) -> str:
    """What to do about an original that cannot be read yet, with the price of the cheapest way."""
    if stored.is_restoring:
        return f"it is being restored from {stored.archive}; an alert follows"
    archive = str(stored.archive)
    price = usd(total(retrieval.lines(archive, stored.size, "bulk", 7)))
    hours = retrieval.RETRIEVALS[archive, "bulk"].ready_s // 3600
    return (
        f"it is in {archive}: `impp restore {asset}` makes it readable for a week,"
        f" for {price} within {hours} hours (--tier bulk)"
    )
