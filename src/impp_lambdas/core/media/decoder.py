"""The child process that decodes a file: it has a memory limit, no credentials, and no way to the file but its parent.

Started as `python -I -S -c "…" <requests fd> <answers fd>` by :mod:`impp_lambdas.adapters.decoding`, which also serves
the file's bytes. Only the standard library is loaded before the limits are set.

Parent to child: a length (4 bytes, big-endian) and JSON `{task, memory_mb, file_bytes, size, …}`, then a length and
bytes for each read. Child to parent: `R`, offset (8 bytes) and length (4) for a read; at the end `D`, a length and JSON
`{result, blobs: [lengths]}` and the blobs, or `E`, a length and JSON `{reason, error}`: a reason for people, and the
text of what was raised for the log.
"""

from __future__ import annotations

import io
import json
import re
import resource
import struct
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from impp_lambdas.core.intake.unreadable import Unreadable

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

READ = struct.Struct(">QI")
LENGTH = struct.Struct(">I")
MAX_READ = 1 << 20
"""Most bytes per read."""
COPES = "the decoder cannot cope with its data{}"
VAGUE = ("undefined error", "unknown error", "exception")
"""Names of errors that say nothing."""
NO_MEMORY = "decoding it takes more than {} MB of memory"

Result = tuple[Mapping[str, Any], Sequence[bytes]]
Task = Callable[["Served", Mapping[str, Any]], Result]


class Served(io.RawIOBase):
    """The file of `size` bytes that the parent serves."""

    def __init__(self, requests: IO[bytes], answers: IO[bytes], size: int) -> None:
        super().__init__()
        self._requests, self._answers, self._size, self._position = requests, answers, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        if base + offset < 0:
            raise ValueError(f"seek before the start: {base + offset}")
        self._position = base + offset
        return self._position

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        count = max(0, min(len(view), self._size - self._position, MAX_READ))
        if not count:
            return 0
        self._answers.write(b"R" + READ.pack(self._position, count))
        data = frame(self._requests)
        view[: len(data)] = data
        self._position += len(data)
        return len(data)


def frame(stream: IO[bytes]) -> bytes:
    """A length and as many bytes. Raises `EOFError` if the other side is gone."""
    return exactly(stream, LENGTH.unpack(exactly(stream, LENGTH.size))[0])


def exactly(stream: IO[bytes] | Served, count: int) -> bytes:
    """`count` bytes. Raises `EOFError` if the other side is gone."""
    data = stream.read(count)
    while len(data) < count and (more := stream.read(count - len(data))):
        data += more  # an unbuffered stream returns what is there
    if len(data) < count:
        raise EOFError("the other side is gone")
    return data


def main(requests_fd: int, answers_fd: int, tasks: Mapping[str, Task] | None = None) -> None:
    """Do one task of `tasks`, by default :data:`TASKS`, and end."""
    with open(requests_fd, "rb") as requests, open(answers_fd, "wb", buffering=0) as answers:
        request = json.loads(frame(requests))
        limit(int(request["memory_mb"]), int(request["file_bytes"]))
        try:
            result, blobs = (tasks or TASKS)[request["task"]](Served(requests, answers, int(request["size"])), request)
        except Exception as error:
            is_memory = isinstance(error, MemoryError) or isinstance(error.__cause__, MemoryError)
            reason = NO_MEMORY.format(request["memory_mb"]) if is_memory else _reason(error)
            data = json.dumps({"reason": reason[:300], "error": repr(error.__cause__ or error)[:500]}).encode()
            answers.write(b"E" + LENGTH.pack(len(data)) + data)
            return
        data = json.dumps({"result": result, "blobs": [len(blob) for blob in blobs]}).encode()
        answers.write(b"D" + LENGTH.pack(len(data)) + data)
        for blob in blobs:
            rest = memoryview(blob)
            while rest:
                rest = rest[answers.write(rest) :]


def limit(memory_mb: int, file_bytes: int) -> None:
    """Limit the process: its address space, the size of a file that it may write, no core dump (setrlimit(2)).

    macOS has no limit of the address space; setrlimit fails there.
    """
    for kind, most in (
        (resource.RLIMIT_AS, memory_mb << 20),
        (resource.RLIMIT_FSIZE, file_bytes),
        (resource.RLIMIT_CORE, 0),
    ):
        with suppress(ValueError, OSError):
            resource.setrlimit(kind, (most, most))


def _reason(error: Exception) -> str:
    """What an error means for the file. What is not :class:`Unreadable` is FFmpeg's, Pillow's or ours."""
    if isinstance(error, Unreadable):
        return str(error)
    name = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(error).__name__).lower()
    return COPES.format("" if name in VAGUE else f" ({name})")


def _measure(file: Served, request: Mapping[str, Any]) -> Result:
    from impp_lambdas.core.media.duration import measure

    return {"seconds": measure(file, bool(request["trusts_header"]))}, []


def _describe(file: Served, _: Mapping[str, Any]) -> Result:
    from impp_lambdas.core.media.description import describe

    return describe(file), []


def _rhythm(file: Served, _: Mapping[str, Any]) -> Result:
    from impp_lambdas.core.media.rhythm import rhythm

    return {"rhythm": rhythm(file)}, []


def _extract(file: Served, request: Mapping[str, Any]) -> Result:
    from impp_lambdas.core.media.soundtrack import extract

    return {"seconds": extract(file, Path(request["path"]))}, []


def _encode(file: Served, request: Mapping[str, Any]) -> Result:
    from dataclasses import asdict
    from fractions import Fraction

    from impp_lambdas.core.media.proxy import Size, encode

    deadline = time.monotonic() + float(request["seconds"])
    wanted = request["wanted"]
    size = Size(**{**wanted, "fps": Fraction(wanted["fps"])})
    proxy = encode(file, Path(request["path"]), size, lambda: time.monotonic() > deadline)
    return asdict(proxy), []


def _rung(file: Served, request: Mapping[str, Any]) -> Result:
    from dataclasses import asdict
    from fractions import Fraction

    from impp_lambdas.core.media.proxy import Size
    from impp_lambdas.core.media.rung import encode

    deadline = time.monotonic() + float(request["seconds"])
    wanted = request["wanted"]
    size = Size(**{**wanted, "fps": Fraction(wanted["fps"])})
    part = encode(file, Path(request["path"]), size, int(request["first"]), lambda: time.monotonic() > deadline)
    return asdict(part), []


def _stretches(file: Served, request: Mapping[str, Any]) -> Result:
    from impp_lambdas.core.media.soundtrack import stretches

    return {}, stretches(file, [(float(start), float(end)) for start, end in request["spans"]])


def _join_storyboards(file: Served, request: Mapping[str, Any]) -> Result:
    """One storyboard from those of a recording's parts: `sprites` are `{offset, length, times, width, height}`."""
    from dataclasses import asdict

    from impp_lambdas.core.media.selection import evenly
    from impp_lambdas.core.media.storyboard import TILES, cut, storyboard

    share = max(2, -(-TILES // max(1, len(request["sprites"]))))
    tiles = []
    for board in request["sprites"]:
        file.seek(board["offset"])
        sprite = exactly(file, board["length"])
        tiles += evenly(cut(sprite, board["times"], (board["width"], board["height"])), share)
    joint = storyboard(evenly(tiles, TILES), float(request["duration_s"]))
    return (
        {"storyboard": {**asdict(joint), "sprite": None} if joint else None},
        [joint.sprite] if joint else [],
    )


TASKS: Mapping[str, Task] = {
    "measure": _measure,
    "describe": _describe,
    "rhythm": _rhythm,
    "extract": _extract,
    "encode": _encode,
    "rung": _rung,
    "stretches": _stretches,
    "join_storyboards": _join_storyboards,
}
