"""Objects in S3: read, write, copy, tag."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import IO, Any, NamedTuple

from botocore.exceptions import ClientError

from impp_lambdas.adapters import aws
from impp_lambdas.core import keys
from impp_lambdas.core.money.usage import COPY_PART

MAX_TAGS = 10
"""S3's limit per object."""
MIN_COPY_PART = 8 << 20
"""Largest part of an object that is copied through memory."""
UPLOADS = 8
"""Concurrent uploads of :func:`put_all`. Each waits for S3; none computes."""

PRESIGNED_S = 12 * 3600
"""Longest life of a presigned URL. It also ends with the credentials of the role that signed it."""


class Upload(NamedTuple):
    """An object to write."""

    key: str
    body: bytes | IO[bytes]
    content_type: str
    cache_control: str | None = None


def put(bucket: str, upload: Upload) -> None:
    """Write one object."""
    cache_control = upload.cache_control or (keys.DOCUMENT_CACHE if upload.content_type == "text/vtt" else None)
    caching = {"CacheControl": cache_control} if cache_control else {}
    aws.client("s3").put_object(
        Bucket=bucket, Key=upload.key, Body=upload.body, ContentType=upload.content_type, **caching
    )


def put_all(bucket: str, uploads: Iterable[Upload]) -> None:
    """Write several objects at a time."""
    with ThreadPoolExecutor(UPLOADS) as pool:
        list(pool.map(lambda upload: put(bucket, upload), uploads))


def put_json(bucket: str, key: str, document: Any) -> None:
    """Write a document as compact UTF-8 JSON."""
    put(bucket, Upload(key, _encoded(document), "application/json", keys.DOCUMENT_CACHE))


def put_json_if(bucket: str, key: str, document: Any, etag: str | None) -> bool:
    """Write a document if the object still has this ETag, or still does not exist (`None`); False if not.

    S3 answers 412 if the condition does not hold, 409 if another write happened at the same time, and 404 for the ETag
    of an object that has been deleted (PutObject, `If-Match` and `If-None-Match`; S3 user guide, "How to prevent object
    overwrites with conditional writes").
    """
    condition = {"IfMatch": etag} if etag else {"IfNoneMatch": "*"}
    kind = {"ContentType": "application/json", "CacheControl": keys.DOCUMENT_CACHE}
    try:
        aws.client("s3").put_object(Bucket=bucket, Key=key, Body=_encoded(document), **kind, **condition)
    except ClientError as error:
        if aws.code(error) in ("PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey"):
            return False
        raise
    return True


def get_json(bucket: str, key: str) -> Any:
    """Read a JSON document. Raises botocore's `ClientError` (`NoSuchKey`) if it does not exist."""
    return json.loads(aws.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read())


def find_json(bucket: str, key: str) -> tuple[Any, str | None]:
    """Read a JSON document and its ETag; `(None, None)` if it does not exist."""
    try:
        response = aws.client("s3").get_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if aws.code(error) != "NoSuchKey":
            raise
        return None, None
    return json.loads(response["Body"].read()), str(response["ETag"])


def head(bucket: str, key: str, version: str | None = None) -> dict[str, Any] | None:
    """HeadObject's response with checksums, or None if the object or version does not exist."""
    try:
        response: dict[str, Any] = aws.client("s3").head_object(
            Bucket=bucket, Key=key, ChecksumMode="ENABLED", **_version(version)
        )
    except ClientError as error:
        if aws.code(error) in ("404", "NoSuchKey", "NoSuchVersion", "405", "MethodNotAllowed"):  # 405: a delete marker
            return None
        raise
    return response


def read_range(bucket: str, key: str, version: str | None, start: int, length: int) -> bytes:
    """Read `length` bytes of an object from `start`: fewer at its end, none beyond it."""
    try:
        response = aws.client("s3").get_object(
            Bucket=bucket, Key=key, Range=f"bytes={start}-{start + length - 1}", **_version(version)
        )
    except ClientError as error:
        if aws.code(error) in ("416", "InvalidRange"):
            return b""
        raise
    return bytes(response["Body"].read())


def read_all(bucket: str, key: str, version: str | None, piece: int) -> Iterator[bytes]:
    """Yield an object's bytes in pieces."""
    response = aws.client("s3").get_object(Bucket=bucket, Key=key, **_version(version))
    with closing(response["Body"]) as body:
        yield from body.iter_chunks(piece)


def tags(bucket: str, key: str, version: str | None = None) -> dict[str, str]:
    """Tags of an object."""
    response = aws.client("s3").get_object_tagging(Bucket=bucket, Key=key, **_version(version))
    return {t["Key"]: t["Value"] for t in response["TagSet"]}


def add_tags(bucket: str, key: str, version: str | None, new: Mapping[str, str]) -> list[str]:
    """Set tags and preserve all others (S3 replaces the whole set). Returns the names for which there was no room.

    An object holds at most ten tags. Existing tags are always updated; new ones are added in the given order while
    there is room.
    """
    current = tags(bucket, key, version)
    merged = dict(current)
    left_out: list[str] = []
    for name, value in new.items():
        if name in merged or len(merged) < MAX_TAGS:
            merged[name] = value
        else:
            left_out.append(name)
    if merged != current:
        tag_set = [{"Key": k, "Value": v} for k, v in merged.items()]
        aws.client("s3").put_object_tagging(Bucket=bucket, Key=key, Tagging={"TagSet": tag_set}, **_version(version))
    return left_out


def copy_object(source: tuple[str, str], target: tuple[str, str], content_type: str) -> None:
    """Copy an object of at most 5 GB between (bucket, key) pairs and set its content type."""
    aws.client("s3").copy_object(
        Bucket=target[0],
        Key=target[1],
        CopySource={"Bucket": source[0], "Key": source[1]},
        ContentType=content_type,
        MetadataDirective="REPLACE",
    )


def presigned_url(bucket: str, key: str, version: str | None = None) -> str:
    """A URL with which anybody can read one object until the function's credentials expire, at most twelve hours.

    By Signature Version 4, which objects encrypted with a KMS key require (S3 user guide, "Using server-side encryption
    with AWS KMS keys"); botocore presigns with version 2 in old regions unless told otherwise.
    """
    client = aws.client("s3", signature_version="s3v4")
    request = {"Bucket": bucket, "Key": key, **_version(version)}
    return str(client.generate_presigned_url("get_object", request, ExpiresIn=PRESIGNED_S))


def copy_version(source: tuple[str, str, str], target: tuple[str, str], size: int | None = None) -> None:
    """Copy a version of an object, or its first `size` bytes, of any size within S3, without its metadata and tags.
    `source` is (bucket, key, version)."""
    from boto3.s3.transfer import TransferConfig

    bucket, key, version = source
    if size is not None:
        _copy_start(source, target, size)
        return
    aws.client("s3").copy(
        {"Bucket": bucket, "Key": key, **_version(version)},
        *target,
        ExtraArgs={"MetadataDirective": "REPLACE", "TaggingDirective": "REPLACE"},
        Config=TransferConfig(multipart_threshold=COPY_PART, multipart_chunksize=COPY_PART),
    )


def _copy_start(source: tuple[str, str, str], target: tuple[str, str], size: int) -> None:
    """Copy the first `size` bytes of an object: in parts, or through memory where S3 copies no part of an object as
    small (UploadPartCopy: "You can copy a range only if the source object is greater than 5 MB")."""
    client, (bucket, key, version) = aws.client("s3"), source
    if size <= MIN_COPY_PART:
        put(target[0], Upload(target[1], read_range(bucket, key, version, 0, size), "application/octet-stream"))
        return
    where = {"Bucket": target[0], "Key": target[1]}
    upload = where | {"UploadId": client.create_multipart_upload(**where)["UploadId"]}
    parts = []
    try:
        for number, start in enumerate(range(0, size, COPY_PART), start=1):
            copied = client.upload_part_copy(
                **upload,
                PartNumber=number,
                CopySource={"Bucket": bucket, "Key": key, **_version(version)},
                CopySourceRange=f"bytes={start}-{min(start + COPY_PART, size) - 1}",
            )
            parts.append({"PartNumber": number, "ETag": copied["CopyPartResult"]["ETag"]})
        client.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    except ClientError:
        client.abort_multipart_upload(**upload)
        raise


def _encoded(document: Any) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def _version(version: str | None) -> dict[str, str]:
    """Request parameters for a version. Without versioning S3 calls the only version `null` or sends none."""
    return {"VersionId": version} if version and version != "null" else {}
