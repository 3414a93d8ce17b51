"""What S3 may answer in the middle of an upload, and what comes of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.edge.conftest import BUCKET, MP4, PART, objects, put

from impp_edge.config import Config
from impp_edge.digest import Digest, digest
from impp_edge.find import Found
from impp_edge.upload import ATTEMPTS, Labels, Uploader, UploadError, part_size

KEYS = ("originals/phone/x/2026/01/01/a.mp4", "originals/phone/x/2026/01/01/a~1.mp4")
LABELS = Labels({"impp:source": "phone", "trip": "a + b = c@d"}, {"impp-source": "phone"}, "video/mp4")
SMALL, LARGE = 100, PART + 100


@pytest.fixture
def uploader(config: Config) -> Iterator[Uploader]:
    made = Uploader(config)
    yield made
    made.close()


def file(card: Path, size: int) -> tuple[Found, Digest]:
    path = put(card, "a.mp4", MP4 + bytes(size))
    status = path.stat()
    from impp_edge.config import Folder

    found = Found(Folder(card), path, PurePosixPath("a.mp4"), status.st_size, status.st_mtime_ns)
    with path.open("rb") as opened:
        return found, digest(opened, part_size(status.st_size))


def failing(uploader: Uploader, operation: str, code: str, times: int) -> list[str]:
    """Have a client's operation fail some times before it is really made; returns the list of calls."""
    real, calls = getattr(uploader._s3, operation), []

    def called(**request: Any) -> Any:
        calls.append(operation)
        if len(calls) <= times:
            raise ClientError({"Error": {"Code": code, "Message": "as asked"}}, operation)
        return real(**request)

    setattr(uploader._s3, operation, called)
    return calls


@pytest.mark.parametrize(("size", "operation"), [(SMALL, "put_object"), (LARGE, "complete_multipart_upload")])
def test_a_conflict_begins_the_upload_anew(uploader: Uploader, card: Path, s3: Any, size: int, operation: str) -> None:
    calls = failing(uploader, operation, "ConditionalRequestConflict", 2)
    brought, there = uploader.bring(*file(card, size), KEYS, LABELS)
    assert (brought.key, there, len(calls)) == (KEYS[0], False, 3)
    assert list(objects(s3)) == [KEYS[0]]
    assert not s3.list_multipart_uploads(Bucket=BUCKET).get("Uploads")
    tags = {t["Key"]: t["Value"] for t in s3.get_object_tagging(Bucket=BUCKET, Key=KEYS[0])["TagSet"]}
    assert tags == LABELS.tags


def test_an_endless_conflict_is_a_failure_and_leaves_no_parts(uploader: Uploader, card: Path, s3: Any) -> None:
    calls = failing(uploader, "complete_multipart_upload", "ConditionalRequestConflict", 99)
    with pytest.raises(UploadError, match="ConditionalRequestConflict: as asked"):
        uploader.bring(*file(card, LARGE), KEYS, LABELS)
    assert len(calls) == ATTEMPTS
    assert objects(s3) == {} and not s3.list_multipart_uploads(Bucket=BUCKET).get("Uploads")


def test_a_part_that_cannot_be_sent_leaves_no_parts(uploader: Uploader, card: Path, s3: Any) -> None:
    failing(uploader, "upload_part", "InternalError", 1)
    with pytest.raises(UploadError, match="InternalError"):
        uploader.bring(*file(card, LARGE), KEYS, LABELS)
    assert not s3.list_multipart_uploads(Bucket=BUCKET).get("Uploads")


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_an_object_whose_checksum_differs_is_no_success(uploader: Uploader, card: Path, s3: Any, size: int) -> None:
    real = uploader._s3.head_object
    uploader._s3.head_object = lambda **request: {**real(**request), "ChecksumCRC64NVME": "AAAAAAAAAAA="}
    with pytest.raises(UploadError, match="S3 has another checksum for"):
        uploader.bring(*file(card, size), KEYS, LABELS)


def test_both_keys_taken_by_others_is_a_failure_and_replaces_nothing(uploader: Uploader, card: Path, s3: Any) -> None:
    for key in KEYS:
        s3.put_object(Bucket=BUCKET, Key=key, Body=key.encode())
    with pytest.raises(UploadError, match="other files are already at"):
        uploader.bring(*file(card, SMALL), KEYS, LABELS)
    assert objects(s3) == {key: key.encode() for key in KEYS}


def test_an_object_without_a_checksum_is_compared_by_our_metadata(uploader: Uploader, card: Path, s3: Any) -> None:
    found, content = file(card, SMALL)
    body = found.path.read_bytes()
    s3.put_object(Bucket=BUCKET, Key=KEYS[0], Body=body, Metadata={"impp-sha256": content.sha256})
    real = uploader._s3.head_object

    def old(**request: Any) -> dict[str, Any]:
        return {k: v for k, v in real(**request).items() if not k.startswith("Checksum")}

    uploader._s3.head_object = old
    brought, there = uploader.bring(found, content, KEYS, LABELS)
    assert (brought.key, there) == (KEYS[0], True)


def test_without_the_right_to_list_a_missing_object_is_403_and_no_hindrance(
    uploader: Uploader, card: Path, s3: Any
) -> None:
    failing(uploader, "head_object", "403", 1)
    brought, _ = uploader.bring(*file(card, LARGE), KEYS, LABELS)
    assert brought.key == KEYS[0]


def test_the_largest_object_fits_into_ten_thousand_parts() -> None:
    terabytes = 50 * 10**12
    assert -(-terabytes // part_size(terabytes)) <= 10_000
    assert part_size(1) == PART and part_size(terabytes) % (1 << 20) == 0
