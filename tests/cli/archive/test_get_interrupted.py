"""`impp get` that is interrupted: killed, disconnected, out of space, refused, or of a file that changes meanwhile."""

from __future__ import annotations

import fcntl
import hashlib
import os
import resource
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, IncompleteReadError, ReadTimeoutError
from tests.cli.archive.test_get import CONTENT, KEY, A, get, put
from tests.support.archive_account import DELIVERY, INGEST, ArchiveAccount

from impp_cli.archive import download

PIECE = 1 << 20
NAME = "clip.mp4"


class Connection:
    """S3's client as the command uses it: its requests, and what happens after so many pieces of a body."""

    def __init__(self, archive: ArchiveAccount) -> None:
        self.client = archive.account.client("s3")
        self.requests: list[dict[str, Any]] = []
        self.breaks: list[tuple[int, Callable[[], object]]] = []
        """For each request: after how many pieces of its body what happens."""
        self._get = self.client.get_object

    def get_object(self, **request: Any) -> Any:
        if "IfMatch" not in request:  # the index
            return self._get(**request)
        self.requests.append(request)
        pieces, act = self.breaks.pop(0) if self.breaks else (1 << 30, lambda: None)
        if pieces == 0:
            act()
        body = self._get(**request)["Body"]

        class Body:
            def iter_chunks(self, size: int) -> Iterator[bytes]:
                for count, piece in enumerate(body.iter_chunks(size), 1):
                    yield piece
                    if count == pieces:
                        act()

        return {"Body": Body()}

    @property
    def ranges(self) -> list[str | None]:
        return [request.get("Range") for request in self.requests]


def throws(error: Exception) -> Callable[[], object]:
    def act() -> None:
        raise error

    return act


RESET = OSError(104, "Connection reset by peer")
REFUSED = ReadTimeoutError(endpoint_url="https://s3", error="timed out")
EXPIRED = ClientError({"Error": {"Code": "ExpiredToken", "Message": "The provided token has expired."}}, "GetObject")


@pytest.fixture
def connection(archive: ArchiveAccount, monkeypatch: pytest.MonkeyPatch) -> Connection:
    put(archive)
    known = Connection(archive)
    monkeypatch.setattr("impp_cli.aws.Account.client", lambda _self, _service: known.client)
    monkeypatch.setattr(known.client, "get_object", known.get_object)
    monkeypatch.setattr(download, "PAUSES_S", (0.0, 0.0, 0.0))
    return known


def part_of(folder: Path) -> Path:
    (part,) = folder.glob(f"clip-{A[:8]}.mp4.*.part")
    return part


def assert_whole(archive: ArchiveAccount, folder: Path) -> None:
    code, printed = get(archive, folder, A)
    assert code == 0, printed
    assert printed["files"] == [{"asset": A, "path": str(folder / NAME), "bytes": len(CONTENT), "verified": "SHA-256"}]
    assert (folder / NAME).read_bytes() == CONTENT
    assert [path.name for path in folder.iterdir() if path.is_file()] == [NAME]


def leave_a_part(archive: ArchiveAccount, connection: Connection, folder: Path) -> Path:
    """What a download of two pieces leaves."""
    connection.breaks = [(2, throws(EXPIRED))]
    assert get(archive, folder, A)[0] == 4
    connection.requests.clear()
    part = part_of(folder)
    assert part.read_bytes() == CONTENT[: 2 * PIECE]
    return part


def test_a_killed_command_continues(archive: ArchiveAccount, connection: Connection, tmp_path: Path) -> None:
    connection.breaks = [(2, lambda: os.kill(os.getpid(), signal.SIGKILL))]
    child = os.fork()
    if child == 0:
        archive.impp("get", A, "-o", str(tmp_path))
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    connection.breaks = []
    have = part_of(tmp_path).stat().st_size
    assert PIECE <= have <= 2 * PIECE and not (tmp_path / NAME).exists()
    assert_whole(archive, tmp_path)
    assert connection.ranges == [f"bytes={have}-"]


@pytest.mark.parametrize(
    "error", [RESET, REFUSED, IncompleteReadError(actual_bytes=2, expected_bytes=5)], ids=["reset", "timeout", "short"]
)
def test_a_connection_that_breaks_is_made_again(
    archive: ArchiveAccount, connection: Connection, tmp_path: Path, error: Exception
) -> None:
    connection.breaks = [(2, throws(error)), (0, throws(REFUSED)), (1, throws(error))]
    assert_whole(archive, tmp_path)
    assert connection.ranges == [None, f"bytes={2 * PIECE}-", f"bytes={2 * PIECE}-", f"bytes={3 * PIECE}-"]
    assert len({request["IfMatch"] for request in connection.requests}) == 1


def test_a_network_that_stays_away_ends_with_what_to_do(
    archive: ArchiveAccount, connection: Connection, tmp_path: Path
) -> None:
    connection.breaks = [(2, throws(RESET)), *[(0, throws(REFUSED))] * 4]
    code, printed = get(archive, tmp_path, A)
    assert code == 1 and len(connection.requests) == 4
    (failed,) = printed["failed"]
    assert "cannot be reached" in failed["reason"] and "run the command again to resume" in failed["reason"]
    connection.breaks = [(0, throws(REFUSED))]
    assert get(archive, tmp_path, A)[0] == 1 and len(connection.requests) == 5, "without a byte it ends at once"
    assert_whole(archive, tmp_path)


@pytest.mark.parametrize(
    ("content", "ranges"),
    [
        (b"", [None]),
        (CONTENT[:100], ["bytes=100-"]),
        (bytes(PIECE), [f"bytes={PIECE}-", None]),
        (bytes(len(CONTENT)), [None]),
        (bytes(len(CONTENT) + 1), [None]),
        (CONTENT, []),
    ],
    ids=["empty", "truncated", "garbage", "garbage of its size", "longer", "whole"],
)
def test_whatever_is_in_a_part_the_file_is_right(
    archive: ArchiveAccount, connection: Connection, tmp_path: Path, content: bytes, ranges: list[str | None]
) -> None:
    leave_a_part(archive, connection, tmp_path).write_bytes(content)
    assert_whole(archive, tmp_path)
    assert connection.ranges == ranges


def test_a_damaged_original_is_not_kept(archive: ArchiveAccount, connection: Connection, tmp_path: Path) -> None:
    archive.put_item(f"ASSET#{A}", {"asset": A, "bucket": INGEST, "key": KEY, "sha256": "0" * 64})
    code, printed = get(archive, tmp_path, A)
    assert code == 1 and "its SHA-256 is" in printed["failed"][0]["reason"]
    assert len(connection.requests) == 1, "what was downloaded as a whole is not downloaded again"
    assert not [path for path in tmp_path.iterdir() if path.is_file()]


def test_what_does_not_fit_is_not_begun(
    archive: ArchiveAccount, connection: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=len(CONTENT) - 1)
    with monkeypatch.context() as full:
        full.setattr(shutil, "disk_usage", lambda _path: usage)
        code, printed = get(archive, tmp_path, A)
    assert code == 1 and connection.requests == []
    assert "5.1 MB needed, 5.1 MB free" in printed["failed"][0]["reason"]
    assert_whole(archive, tmp_path)


def test_a_disk_that_becomes_full_keeps_what_there_is(
    archive: ArchiveAccount, connection: Connection, tmp_path: Path
) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (PIECE + 1000, hard))  # a write behind it fails, as on a full disk
    try:
        result = archive.impp("get", A, "-o", str(tmp_path))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert result.exit_code == 1 and "File too large. The downloaded part is kept" in result.output
    have = part_of(tmp_path).stat().st_size
    assert 0 < have <= PIECE + 1000
    connection.requests.clear()
    assert_whole(archive, tmp_path)
    assert connection.ranges == [f"bytes={have}-"]


def test_another_version_at_the_same_key_is_another_file(
    archive: ArchiveAccount, connection: Connection, tmp_path: Path
) -> None:
    part = leave_a_part(archive, connection, tmp_path)
    archive.put_original(KEY, b"another recording")
    assert_whole(archive, tmp_path)
    assert not part.exists() and connection.ranges == [f"bytes={2 * PIECE}-"]


def test_a_rendition_that_is_replaced_meanwhile_starts_over(
    archive: ArchiveAccount, connection: Connection, tmp_path: Path
) -> None:
    key = f"assets/{A}/video-web.mp4"
    put(archive, renditions=[{"name": "web", "key": key}])
    archive.s3.put_object(Bucket=DELIVERY, Key=key, Body=CONTENT, ChecksumAlgorithm="CRC32C")

    def replace() -> None:
        archive.s3.put_object(Bucket=DELIVERY, Key=key, Body=CONTENT[::-1], ChecksumAlgorithm="CRC32C")
        raise RESET

    connection.breaks = [(2, replace)]
    code, printed = get(archive, tmp_path, A, "--rendition", "web")
    assert code == 1 and "was replaced while it was downloaded; run the command again" in printed["failed"][0]["reason"]
    code, printed = get(archive, tmp_path, A, "--rendition", "web")
    assert code == 0 and connection.ranges[-1] is None
    assert (tmp_path / "clip-web.mp4").read_bytes() == CONTENT[::-1]
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["clip-web.mp4"], "nothing of the old one"


def test_credentials_that_expire_keep_what_came_before(
    archive: ArchiveAccount, connection: Connection, tmp_path: Path
) -> None:
    others = [hashlib.sha256(name).hexdigest()[:20] for name in (b"second", b"third")]
    for asset, name in zip(others, (b"second", b"third"), strict=True):
        put(archive, asset, f"originals/phone/mine/{name.decode()}.mp4", name)
    connection.breaks = [(1, throws(RESET)), (5, lambda: None), (0, throws(EXPIRED))]
    code, printed = get(archive, tmp_path, A, *others)
    assert code == 4 and [one["asset"] for one in printed["files"]] == [A]
    (failed,) = printed["failed"]
    assert failed["asset"] == others[0] and "No valid AWS credentials for dev" in failed["reason"]
    assert "run the command again to resume" in failed["reason"] and len(connection.requests) == 3
    code, printed = get(archive, tmp_path, A, *others)
    assert code == 0 and len(printed["files"]) == 3


def test_two_commands_do_not_mix_their_bytes(archive: ArchiveAccount, connection: Connection, tmp_path: Path) -> None:
    part = leave_a_part(archive, connection, tmp_path)
    with part.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        code, printed = get(archive, tmp_path, A)
        assert code == 1 and "another command is downloading it" in printed["failed"][0]["reason"]
    assert_whole(archive, tmp_path)
