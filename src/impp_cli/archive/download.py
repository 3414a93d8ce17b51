"""Downloads that continue where they stopped, and are checked before they get their name.

A part is named after the asset and the version that it is of, so that a file that has changed meanwhile starts over. A
whole file is checked against the SHA-256 of the catalog where there is one, else against S3's checksum.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

from botocore.exceptions import FlexibleChecksumError

from impp_cli.archive import checksums
from impp_cli.aws import Account, AwsError, Kind
from impp_cli.console import size

MAX_NAME: Final = 200
"""Bytes of a file's name; file systems allow 255, a part's name is longer."""

PAUSES_S: Final = (1, 2, 4, 8, 16)
"""Before a connection that broke is made again; more than so many in a row without a byte end the download."""

Progress = Callable[[int], None]


class Corrupt(Exception):
    """A file that was downloaded is not the one that was uploaded; the message names both checksums."""


class Changed(Exception):
    """An object was replaced by another while it was downloaded."""


@dataclass(frozen=True)
class Wanted:
    """An object to download. `sha256` is hex, `checksums` are those of `checksums.stated`; `folder` is a folder of its
    own that the file belongs to."""

    bucket: str
    key: str
    version: str | None
    size: int
    etag: str
    name: str
    sha256: str | None
    checksums: Mapping[str, str]
    folder: str | None = None


@dataclass(frozen=True)
class Downloaded:
    """A file that is complete. `verified` is how it was checked; `was_there` says that nothing had to be sent."""

    path: Path
    size: int
    verified: str
    was_there: bool = False


def safe_name(name: str, asset: str) -> str:
    """A file name for any file system, of a name that an uploader chose."""
    clean = re.sub(r'[\x00-\x1f\x7f<>:"/\\|?*]', "_", name).strip(" .")
    clean = "".join(character if character.isprintable() else "_" for character in clean)
    stem, dot, extension = clean.rpartition(".")
    if not dot or len(extension) > 10:
        stem, extension = clean, ""
    stem = stem.encode()[:MAX_NAME].decode(errors="ignore").lstrip("-")
    return f"{stem or asset}{dot if extension else ''}{extension}"


def download(account: Account, wanted: Wanted, path: Path, spare: Path, on_progress: Progress) -> Downloaded:
    """Download an object to a path, or to `spare`, which no other asset has, where another file has that name.
    `on_progress` gets bytes as they come, negative ones if they were worth nothing. Raises Corrupt, Changed, AwsError,
    OSError."""
    for known in (path, spare):
        if known.exists():
            try:
                verified = _verify(known, wanted)
            except Corrupt:
                path = spare
            else:
                on_progress(wanted.size)
                return Downloaded(known, wanted.size, verified, was_there=True)
    part = _part(spare, wanted)
    with open(part, "ab", opener=_without_links) as file:
        _lock(file)
        try:
            verified = _complete(account, wanted, part, file, on_progress)
            part.replace(path)
        finally:
            if part.exists() and not part.stat().st_size:
                part.unlink()
    _remove_other_parts(spare)
    return Downloaded(path, wanted.size, verified)


def _part(spare: Path, wanted: Wanted) -> Path:
    version = hashlib.sha256(f"{wanted.bucket}/{wanted.key}#{wanted.etag}".encode()).hexdigest()[:12]
    return spare.with_name(f"{spare.name}.{version}.part")


def _lock(file: BinaryIO) -> None:
    """Have a part for this process alone, as long as it is open. Raises OSError."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise OSError(error.errno, "another command is downloading it") from error


def _remove_other_parts(spare: Path) -> None:
    """Remove what was downloaded of versions that nobody asks for any more."""
    of_versions = re.compile(re.escape(spare.name) + r"\.[0-9a-f]{12}\.part")
    for path in spare.parent.iterdir():
        if of_versions.fullmatch(path.name):
            path.unlink(missing_ok=True)


def _complete(account: Account, wanted: Wanted, part: Path, file: BinaryIO, on_progress: Progress) -> str:
    """Download what a part lacks; returns how it was verified. One whose beginning was wrong, as after a power cut or
    on a damaged disk, starts over once."""
    start = file.tell()
    if start > wanted.size:
        file.truncate(0)
        start = 0
    on_progress(start)
    for is_new in (start == 0, True):
        _fetch(account, wanted, file, on_progress)
        try:
            return _verify(part, wanted)
        except Corrupt:
            file.truncate(0)
            if is_new:
                part.unlink()
                raise
            on_progress(-wanted.size)
    raise AssertionError


def _fetch(account: Account, wanted: Wanted, file: BinaryIO, on_progress: Progress) -> None:
    """Append what a part lacks. A connection that breaks after some bytes is made again; one that cannot be made is an
    error at once."""
    failures, first = 0, file.seek(0, os.SEEK_END)
    while (start := file.seek(0, os.SEEK_END)) < wanted.size:
        free = shutil.disk_usage(Path(file.name).parent).free
        if free < wanted.size - start:
            raise OSError(errno.ENOSPC, f"{size(wanted.size - start)} needed, {size(free)} free")
        try:
            _append(account, wanted, start, file, on_progress)
        except AwsError as error:
            end = file.seek(0, os.SEEK_END)
            failures = 1 if end > start else failures + 1
            if error.kind is not Kind.UNREACHABLE or end == first or failures > len(PAUSES_S):
                raise
            time.sleep(PAUSES_S[failures - 1])
    file.flush()
    os.fsync(file.fileno())


def _append(account: Account, wanted: Wanted, start: int, file: BinaryIO, on_progress: Progress) -> None:
    request: dict[str, Any] = {"Bucket": wanted.bucket, "Key": wanted.key, "IfMatch": wanted.etag}
    if wanted.version:
        request["VersionId"] = wanted.version
    if start:
        request["Range"] = f"bytes={start}-"
    client = account.client("s3")
    try:
        with account.explained("s3"):
            body = client.get_object(**request)["Body"]
    except AwsError as error:
        if error.code == "PreconditionFailed":  # S3's answer where the ETag is another (GetObject, If-Match)
            raise Changed(f"{wanted.key} was replaced while it was downloaded") from error
        raise
    for piece in _pieces(account, body):
        file.write(piece)
        on_progress(len(piece))


def _pieces(account: Account, body: Any) -> Iterator[bytes]:
    """The pieces of a body. Where the SDK finds its checksum wrong, it ends: `_verify` says so. Raises AwsError."""
    with account.explained("s3"):
        try:
            yield from body.iter_chunks(checksums.PIECE)
        except FlexibleChecksumError:
            return
        except OSError as error:
            raise AwsError(Kind.UNREACHABLE, str(error)) from error


def _without_links(path: str, flags: int) -> int:
    """Opens no symbolic link: in a folder that others may write to, one of a part's name leads to another file."""
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0), 0o666)


def _verify(path: Path, wanted: Wanted) -> str:
    """How a file was found to be right. Raises Corrupt."""
    length = path.stat().st_size
    if length != wanted.size:
        raise Corrupt(f"{path.name} has {length} bytes, {wanted.key} has {wanted.size}")
    if wanted.sha256:
        _compare(path, "SHA-256", checksums.sha256(path), wanted.sha256)
        return "SHA-256"
    for field, expected in wanted.checksums.items():
        name, calculate = checksums.OF_S3[field]
        _compare(path, name, calculate(path), expected)
        return name
    return "size only"


def _compare(path: Path, algorithm: str, actual: str, expected: str) -> None:
    if actual != expected:
        raise Corrupt(f"{path.name}: its {algorithm} is {actual}, the uploaded file's is {expected}")
