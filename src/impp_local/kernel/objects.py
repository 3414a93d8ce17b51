"""Objects of the local cloud for its own services: read them as files, write them as any client would.

Reading goes straight to what moto holds. Writing goes through the endpoint, so that an object written by MediaConvert
has its checksum, its event and its line in the bill like any other.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from impp_local.kernel import moto
from impp_local.kernel.contract import AwsError, Cloud
from impp_local.kernel.defaults import ACCOUNT

BLOCK = 1 << 20


@dataclass(frozen=True)
class StoredObject:
    """An object's facts, with lower-case header names; `etag` without quotes, `size` in bytes."""

    bucket: str
    name: str
    version: str
    etag: str
    size: int
    last_modified: datetime
    headers: dict[str, str]
    key: Any

    def read(self, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """The bytes from `start`, in blocks of at most 1 MiB; `length` None reads to the end.

        The object is opened at once, so that its bytes stay readable when it is deleted. Raises AwsError NoSuchKey when
        it has been deleted before.
        """
        try:
            file = self.key._value_buffer.open()
        except FileNotFoundError:
            raise AwsError("NoSuchKey", "The specified key does not exist.", 404) from None
        return _blocks(file, start, self.size - start if length is None else length)


def _blocks(file: BinaryIO, start: int, left: int) -> Iterator[bytes]:
    with file:
        file.seek(start)
        while left > 0:
            block = file.read(min(BLOCK, left))
            if not block:
                return
            left -= len(block)
            yield block


def backend() -> Any:
    """moto's S3 of the account."""
    from moto.s3.models import s3_backends

    return s3_backends[ACCOUNT]["aws"]


def find(bucket: str, name: str, version: str | None = None) -> StoredObject:
    """Look an object up. Raises AwsError NoSuchBucket, NoSuchKey or NoSuchVersion."""
    buckets = backend()
    with moto.lock_of("s3"):
        if bucket not in buckets.buckets:
            raise AwsError("NoSuchBucket", "The specified bucket does not exist", 404)
        key = buckets.get_object(bucket, name, version_id=version)
        if key is None:
            code = "NoSuchVersion" if version else "NoSuchKey"
            raise AwsError(code, f"The specified {'version' if version else 'key'} does not exist.", 404)
        return stored(bucket, name, key)


def stored(bucket: str, name: str, key: Any) -> StoredObject:
    """moto's object with its facts."""
    return StoredObject(
        bucket,
        name,
        key.version_id,
        key.etag.strip('"'),
        key.size,
        key.last_modified.replace(tzinfo=UTC),
        {header.lower(): value for header, value in key.metadata.items()},
        key,
    )


@contextmanager
def open_object(bucket: str, name: str, version: str | None = None) -> Iterator[Path]:
    """The object as a temporary file with its name's suffix, for programs that want a path; gone afterwards.

    Raises AwsError as `find` does.
    """
    source = find(bucket, name, version)
    folder = Path(tempfile.mkdtemp(prefix="impp-object-"))
    try:
        path = folder / f"object{Path(name).suffix}"
        with path.open("wb") as file:
            for block in source.read():
                file.write(block)
        yield path
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def read_object(bucket: str, name: str, version: str | None = None) -> bytes:
    """All bytes of an object. Raises AwsError as `find` does."""
    return b"".join(find(bucket, name, version).read())


def put_object(
    cloud: Cloud, bucket: str, name: str, content: Path | bytes, content_type: str = "application/octet-stream"
) -> None:
    """Write an object as a client would: checksummed, with its event; large files in parts.

    Raises botocore's ClientError.
    """
    client = cloud.client("s3")
    if isinstance(content, bytes):
        client.put_object(Bucket=bucket, Key=name, Body=content, ContentType=content_type)
    else:
        client.upload_file(str(content), bucket, name, ExtraArgs={"ContentType": content_type})
