"""`impp get`: downloads that are checked, and continue where they stopped."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from tests.support.archive_account import DELIVERY, INGEST, ArchiveAccount

from impp_cli.archive import checksums, download, originals
from impp_edge.digest import slow_crc64nvme

CONTENT = bytes(range(256)) * 20_000
SHA256 = hashlib.sha256(CONTENT).hexdigest()
A = SHA256[:20]
KEY = "originals/dashcam/blackvue/2026/10/17/clip.mp4"


def put(archive: ArchiveAccount, asset: str = A, key: str = KEY, content: bytes = CONTENT, **changes: Any) -> None:
    """An original with its item."""
    storage_class = changes.pop("storage_class", "STANDARD")
    stored = archive.s3.put_object(Bucket=INGEST, Key=key, Body=content, StorageClass=storage_class)
    item = {"asset": asset, "bucket": INGEST, "key": key, "version": stored["VersionId"], "state": "published"}
    archive.put_item(f"ASSET#{asset}", {**item, "sha256": hashlib.sha256(content).hexdigest(), **changes})


def get(archive: ArchiveAccount, folder: Path, *arguments: str) -> tuple[int, Any]:
    result = archive.impp("get", *arguments, "-o", str(folder), "--json")
    assert result.output.startswith("{"), result.output
    return result.exit_code, json.loads(result.output)


def test_an_original_arrives_whole_and_is_not_sent_twice(archive: ArchiveAccount, tmp_path: Path) -> None:
    put(archive)
    folder = tmp_path / "new"
    code, printed = get(archive, folder, A)
    assert code == 0
    path = str(folder / "clip.mp4")
    assert printed["files"] == [{"asset": A, "path": path, "bytes": len(CONTENT), "verified": "SHA-256"}]
    assert [file.name for file in folder.iterdir()] == ["clip.mp4"]
    assert (folder / "clip.mp4").read_bytes() == CONTENT
    assert "Already exists" in archive.impp("get", A, "-o", str(folder)).output


def test_a_link_in_the_place_of_a_part_is_not_followed(archive: ArchiveAccount, tmp_path: Path) -> None:
    put(archive)
    etag = archive.s3.head_object(Bucket=INGEST, Key=KEY)["ETag"]
    version = hashlib.sha256(f"{INGEST}/{KEY}#{etag}".encode()).hexdigest()[:12]
    precious = tmp_path / "precious"
    precious.write_bytes(b"mine")
    folder = tmp_path / "shared"
    folder.mkdir()
    (folder / f"clip-{A[:8]}.mp4.{version}.part").symlink_to(precious)
    result = archive.impp("get", A, "-o", str(folder))
    assert result.exit_code == 1 and "symbolic link" in result.output
    assert precious.read_bytes() == b"mine"


def test_an_archived_original_is_refused_with_the_price_of_its_restore(archive: ArchiveAccount, tmp_path: Path) -> None:
    put(archive, storage_class="DEEP_ARCHIVE")
    other = hashlib.sha256(b"other").hexdigest()[:20]
    put(archive, other, "originals/phone/mine/other.mp4", b"other")
    code, printed = get(archive, tmp_path, A, other)
    assert code == 4 and [file["asset"] for file in printed["files"]] == [other], "the others are downloaded"
    (waiting,) = printed["waiting"]
    assert f"impp restore {A}" in waiting["reason"] and "DEEP_ARCHIVE" in waiting["reason"]
    assert "within 48 hours" in waiting["reason"] and "$0.0" in waiting["reason"]


@pytest.mark.parametrize(
    ("restore", "archived", "until"),
    [
        (None, "DEEP_ARCHIVE", None),
        ('ongoing-request="true"', "DEEP_ARCHIVE", None),
        ('ongoing-request="false", expiry-date="Fri, 21 Dec 2026 00:00:00 GMT"', None, "Fri, 21 Dec 2026 00:00:00 GMT"),
    ],
)
def test_a_restored_copy_can_be_read(
    archive: ArchiveAccount, monkeypatch: pytest.MonkeyPatch, restore: str | None, archived: str | None, until: str
) -> None:
    put(archive, storage_class="DEEP_ARCHIVE")
    head = archive.s3.head_object(Bucket=INGEST, Key=KEY) | ({"Restore": restore} if restore else {})
    monkeypatch.setattr("impp_cli.aws.Account.call", lambda *_, **__: head)
    stored = originals.look(archive.account, {"bucket": INGEST, "key": KEY})
    assert stored and (stored.archive, stored.restored_until) == (archived, until)
    assert stored.is_restoring is (restore == 'ongoing-request="true"')


def test_renditions_are_named_after_their_original(archive: ArchiveAccount, tmp_path: Path) -> None:
    files = ("hls-1080.m3u8", "hls-1080.cmfv", "hls.m3u8", "captions.m3u8")
    renditions = [
        {"name": "web", "key": f"assets/{A}/video-web.mp4"},
        {"name": "hls-1080", "key": f"assets/{A}/hls/hls-1080.m3u8"},
    ]
    put(archive, renditions=renditions)
    for key in (renditions[0]["key"], *(f"assets/{A}/hls/{name}" for name in files)):
        archive.s3.put_object(Bucket=DELIVERY, Key=key, Body=b"encoded", ChecksumAlgorithm="CRC32C")
    code, printed = get(archive, tmp_path, A, "--rendition", "web")
    assert code == 0 and printed["files"][0]["path"] == str(tmp_path / "clip-web.mp4")
    code, printed = get(archive, tmp_path, A, "--rendition", "all")
    presentation = tmp_path / f"clip-{A[:8]}-hls"
    assert code == 0 and {Path(one["path"]) for one in printed["files"]} == {
        tmp_path / "clip-web.mp4",
        *(presentation / name for name in files),
    }
    assert {one["verified"] for one in printed["files"]} == {"CRC-32C"}
    code, printed = get(archive, tmp_path, A, "--rendition", "mobile")
    assert code == 1 and "it has no rendition mobile, but web, hls" in printed["failed"][0]["reason"]


def test_files_of_one_name_do_not_replace_each_other(archive: ArchiveAccount, tmp_path: Path) -> None:
    put(archive)
    other = hashlib.sha256(b"other").hexdigest()[:20]
    put(archive, other, "originals/dashcam/second/2026/10/17/clip.mp4", b"other")
    (tmp_path / "clip.mp4").write_text("mine")
    code, printed = get(archive, tmp_path, A)
    assert code == 0 and printed["files"][0]["path"] == str(tmp_path / f"clip-{A[:8]}.mp4")
    assert (tmp_path / "clip.mp4").read_text() == "mine"
    (tmp_path / "clip.mp4").unlink()
    (tmp_path / f"clip-{A[:8]}.mp4").rename(tmp_path / "clip.mp4")
    code, _ = get(archive, tmp_path, A, other)
    assert code == 0
    assert (tmp_path / "clip.mp4").read_bytes() == CONTENT
    assert (tmp_path / f"clip-{other[:8]}.mp4").read_bytes() == b"other"


def test_what_is_gone_or_unknown_says_so(archive: ArchiveAccount, tmp_path: Path) -> None:
    put(archive)
    archive.s3.delete_object(
        Bucket=INGEST, Key=KEY, VersionId=archive.s3.head_object(Bucket=INGEST, Key=KEY)["VersionId"]
    )
    code, printed = get(archive, tmp_path, A)
    assert code == 1 and "no longer exists" in printed["failed"][0]["reason"]
    unknown = archive.impp("get", "0" * 20)
    assert unknown.exit_code == 3 and "There is no asset" in unknown.output


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("clip.mp4", "clip.mp4"),
        ("..", "asset"),
        ("-rf.mp4", "rf.mp4"),
        ("a/b\\c:d?.mp4", "a_b_c_d_.mp4"),
        ("\x1b[2J\u202e.mp4", "_[2J_.mp4"),
        ("é" * 300 + ".mp4", "é" * 100 + ".mp4"),
        (".mp4", "mp4"),
    ],
)
def test_hostile_names_are_safe(name: str, safe: str) -> None:
    assert download.safe_name(name, "asset") == safe


def test_crc64_is_the_one_that_s3_states(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"123456789" * 300_000)
    expected = base64.b64encode(slow_crc64nvme(file.read_bytes()).to_bytes(8, "big")).decode()
    assert checksums.crc64nvme(file) == expected


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("ChecksumCRC64NVME", "rosUhgp5mIg="),
        ("ChecksumSHA256", base64.b64encode(hashlib.sha256(b"123456789").digest()).decode()),
        ("ChecksumSHA1", base64.b64encode(hashlib.sha1(b"123456789").digest()).decode()),
        ("ChecksumCRC32C", "4waSgw=="),
        ("ChecksumCRC32", "y/Q5Jg=="),
    ],
)
def test_checksums_are_those_of_the_algorithms_check_values(field: str, value: str, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"123456789")
    assert checksums.OF_S3[field][1](file) == value
    assert checksums.stated({field: value}) == {field: value}
    assert checksums.stated({field: value, "ChecksumType": "COMPOSITE"}) == {}


def test_an_original_without_a_sha256_is_checked_by_what_s3_states(archive: ArchiveAccount, tmp_path: Path) -> None:
    put(archive, sha256=None)
    archive.s3.put_object(Bucket=INGEST, Key=KEY, Body=CONTENT, ChecksumAlgorithm="CRC32")
    version = archive.s3.head_object(Bucket=INGEST, Key=KEY)["VersionId"]
    archive.put_item(f"ASSET#{A}", {"asset": A, "bucket": INGEST, "key": KEY, "version": version})
    code, printed = get(archive, tmp_path, A)
    assert code == 0 and printed["files"][0]["verified"] == "CRC-32"
