"""Bring one file to S3 and see it there: with key, tags, metadata and a checksum of the whole that S3 verifies.

``If-None-Match: *`` lets S3 itself refuse to replace an object. Where one is there already its checksum decides: equal
means that the file was brought before (by a run that died before it could remember); different content gets a key of
its own. Nothing is ever overwritten.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import boto3
from botocore.config import Config as BotoConfig
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    HTTPClientError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
)
from botocore.exceptions import (
    ConnectionError as BotoConnectionError,
)

from impp_edge.config import Config
from impp_edge.digest import Digest
from impp_edge.find import Found, unchanged
from impp_edge.state import Brought

PART = 16 * 1024 * 1024
"""Bytes of a part, and the size from which on a file goes in parts. Four in flight are 64 MiB of memory."""
MAX_PARTS = 10_000
ATTEMPTS = 5
PARTS_AT_ONCE = 4
ALGORITHM = "CRC64NVME"
_WRONG_SETTING = frozenset(
    {"NoSuchBucket", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "PermanentRedirect",
     "AuthorizationHeaderMalformed", "InvalidToken"}
)  # fmt: skip


class UploadError(Exception):
    """This file could not be brought; the next run tries again."""


class Changed(UploadError):
    """The file changed or went away while it was being brought."""


class Offline(UploadError):
    """S3 cannot be reached: there is no sense in trying the next file."""


class Refused(Exception):
    """S3 refuses us for a reason that is the same for every file: a wrong setting."""


@dataclass(frozen=True)
class Labels:
    """What an object bears besides its bytes."""

    tags: Mapping[str, str]
    metadata: Mapping[str, str]
    content_type: str


def part_size(size: int) -> int:
    """Bytes of a part for a file of ``size``: more than :data:`PART` only where 10,000 parts would not do."""
    return PART * max(1, -(-size // (PART * MAX_PARTS)))


class Uploader:
    """Uploads with one client and one pool of part senders. Safe to use from several threads. Close when done."""

    def __init__(self, config: Config) -> None:
        self._bucket = config.bucket
        try:
            session = boto3.Session(profile_name=config.profile, region_name=config.region)
            self._s3: Any = session.client("s3", endpoint_url=config.endpoint_url, config=_client_config(config))
        except (BotoCoreError, ValueError) as error:
            raise Refused(str(error)) from error
        self._senders = ThreadPoolExecutor(PARTS_AT_ONCE, "part")

    def close(self) -> None:
        """Wait for the part senders to end."""
        self._senders.shutdown()

    def bring(self, found: Found, digest: Digest, keys: tuple[str, str], labels: Labels) -> tuple[Brought, bool]:
        """Upload, verify, and return where the file is; True if it was there already.

        ``keys`` are the key and the other one to take where a different file has the first. Raises
        :class:`UploadError`, :class:`Offline`, :class:`Changed` or :class:`Refused`.
        """
        for key in keys:
            try:
                version = self._send(found, digest, key, labels)
                there = self._look(key)
                if not there or not _equal(there, digest):
                    raise UploadError(f"S3 has another checksum for {key} than the file")
                return Brought(key, version or there.get("VersionId"), digest.sha256, digest.crc64nvme), False
            except ClientError as error:
                if _code(error) != "PreconditionFailed":
                    raise _translated(error) from error
            except BotoCoreError as error:
                raise _translated(error) from error
            there = self._look(key)
            if there and _equal(there, digest):
                return Brought(key, there.get("VersionId"), digest.sha256, digest.crc64nvme), True
        raise UploadError(f"other files are already at {keys[0]} and {keys[1]}")

    def _send(self, found: Found, digest: Digest, key: str, labels: Labels) -> str | None:
        """Send by one request or in parts; the version that was made."""
        for attempt in range(ATTEMPTS):
            try:
                send = self._put if len(digest.parts) == 1 else self._put_parts
                return send(found, digest, key, labels)
            except ClientError as error:  # another write to this key was under way: S3 asks to begin anew
                if _code(error) != "ConditionalRequestConflict" or attempt == ATTEMPTS - 1:
                    raise
        raise AssertionError("unreachable")

    def _put(self, found: Found, digest: Digest, key: str, labels: Labels) -> str | None:
        body = _read(found, 0, digest.size)
        answer = self._s3.put_object(
            Bucket=self._bucket,
            Key=key,
            Body=body,
            ChecksumCRC64NVME=digest.crc64nvme,
            IfNoneMatch="*",
            **_labels(labels),
        )
        return _version(answer)

    def _put_parts(self, found: Found, digest: Digest, key: str, labels: Labels) -> str | None:
        if self._look(key, ("404", "NoSuchKey", "403")):  # do not send gigabytes only to be refused at the end
            raise ClientError({"Error": {"Code": "PreconditionFailed"}}, "HeadObject")
        where = {"Bucket": self._bucket, "Key": key}
        upload = self._s3.create_multipart_upload(
            **where, ChecksumAlgorithm=ALGORITHM, ChecksumType="FULL_OBJECT", **_labels(labels)
        )["UploadId"]
        where["UploadId"] = upload
        sending: list[Future[dict[str, Any]]] = []
        try:
            for number in range(1, len(digest.parts) + 1):
                sending.append(self._senders.submit(self._part, found, digest, where, number))
            parts = [part.result() for part in sending]
            if not unchanged(found):
                raise Changed("changed while it was being brought")
            answer = self._s3.complete_multipart_upload(
                **where,
                MultipartUpload={"Parts": parts},
                ChecksumCRC64NVME=digest.crc64nvme,
                ChecksumType="FULL_OBJECT",
                MpuObjectSize=digest.size,
                IfNoneMatch="*",
            )
        except BaseException:
            self._abort(where, sending)
            raise
        return _version(answer)

    def _part(self, found: Found, digest: Digest, where: dict[str, str], number: int) -> dict[str, Any]:
        start = (number - 1) * digest.part_size
        count = min(digest.part_size, digest.size - start)
        body = _read(found, start, count)
        checksum = digest.parts[number - 1]
        answer = self._s3.upload_part(
            **where, PartNumber=number, Body=body, ChecksumAlgorithm=ALGORITHM, ChecksumCRC64NVME=checksum
        )
        return {"PartNumber": number, "ETag": answer["ETag"], "ChecksumCRC64NVME": checksum}

    def _abort(self, where: dict[str, str], sending: list[Future[dict[str, Any]]]) -> None:
        """Leave no parts behind that would be paid for; the bucket's lifecycle removes what this cannot."""
        for part in sending:
            part.cancel()
        for part in sending:
            if not part.cancelled():
                part.exception()
        try:
            self._s3.abort_multipart_upload(**where)
        except (ClientError, BotoCoreError):
            return

    def _look(self, key: str, missing: tuple[str, ...] = ("404", "NoSuchKey")) -> dict[str, Any] | None:
        """The object's head, or None. Without the right to list, S3 says 403 of an object that is missing."""
        try:
            found: dict[str, Any] = self._s3.head_object(Bucket=self._bucket, Key=key, ChecksumMode="ENABLED")
        except ClientError as error:
            if _code(error) in missing:
                return None
            raise _translated(error) from error
        except BotoCoreError as error:
            raise _translated(error) from error
        return found


def _client_config(config: Config) -> BotoConfig:
    return BotoConfig(
        retries={"mode": "standard", "max_attempts": ATTEMPTS},
        connect_timeout=10,
        read_timeout=60,
        max_pool_connections=config.workers + PARTS_AT_ONCE,
        # The CRC-64/NVME proves the bytes: no second SHA-256 of them for the signature (over TLS; else it is made).
        s3={"payload_signing_enabled": False, "addressing_style": "path" if config.endpoint_url else "auto"},
        request_checksum_calculation="when_required",
        user_agent_extra="impp-edge",
    )


def _read(found: Found, start: int, count: int) -> bytes:
    """Bytes that are sent in one request: in memory, so that a retry sends the very same."""
    try:
        with found.path.open("rb") as file:
            file.seek(start)
            body = file.read(count)
    except OSError as error:
        raise Changed(f"cannot be read: {error.strerror}") from error
    if len(body) != count:
        raise Changed("became shorter while it was being brought")
    return body


def _labels(labels: Labels) -> dict[str, Any]:
    return {
        "Tagging": urlencode(labels.tags),
        "Metadata": dict(labels.metadata),
        "ContentType": labels.content_type,
    }


def _equal(there: Mapping[str, Any], digest: Digest) -> bool:
    """Whether an object is the file: by S3's full-object checksum, else by the SHA-256 in our metadata."""
    if there.get("ContentLength") != digest.size:
        return False
    if there.get("ChecksumCRC64NVME") and there.get("ChecksumType", "FULL_OBJECT") == "FULL_OBJECT":
        return bool(there["ChecksumCRC64NVME"] == digest.crc64nvme)
    return bool(there.get("Metadata", {}).get("impp-sha256") == digest.sha256)


def _version(answer: Mapping[str, Any]) -> str | None:
    version = answer.get("VersionId")
    return str(version) if version and version != "null" else None


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _translated(error: Exception) -> Exception:
    """An SDK's error in our own terms."""
    if isinstance(error, NoCredentialsError | PartialCredentialsError | ProfileNotFound):
        return Refused(f"no AWS credentials: {error}")
    if isinstance(error, ClientError):
        code = _code(error)
        if code in _WRONG_SETTING:
            return Refused(f"S3 refuses: {code}: {error.response['Error'].get('Message', '')}".strip(": "))
        return UploadError(f"S3 answers {code}: {error.response['Error'].get('Message', '')}".strip(": "))
    if isinstance(error, BotoConnectionError | HTTPClientError):
        return Offline(f"S3 cannot be reached: {error}")
    return UploadError(str(error))
