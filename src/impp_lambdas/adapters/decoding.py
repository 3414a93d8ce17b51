"""Decodes files in a child process, so that a hostile one costs a reason and not the function.

The child gets the bytes from its parent, which reads them from S3 within the object's budget. It inherits no
credentials: its environment is empty but for what starts the interpreter. That limits memory, time and reach. It is no
wall against code that takes over the decoder: the kernel still lets a process read others of the same user.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import IO, TYPE_CHECKING, Any

from impp_footage.reader import BudgetExceeded
from impp_lambdas.adapters import aws
from impp_lambdas.core.intake.unreadable import Unreadable
from impp_lambdas.core.media import decoder

if TYPE_CHECKING:
    from pathlib import Path

    from impp_lambdas.adapters.ranged import RangedFile


OWN_MB = 320
"""What the function itself needs of its memory: interpreter and boto3 (about 100 MB), 64 MiB of blocks, the result."""
GRACE_S = 5.0
"""From the end of the child's own time until it is killed."""
MAX_JSON, MAX_BLOBS = 16 << 20, 128 << 20
"""Most bytes of a result that are taken from the child."""
OUT_OF_TIME = "incomplete, because the time ran out"
MALFORMED = "the decoder's result does not have its form"

_INHERITED = ("PATH", "LD_LIBRARY_PATH", "LANG", "LC_ALL", "TZ", "IMPP_WEIGHTS", "HOME", "XDG_CACHE_HOME")
"""Lambda's interpreter finds its own library by `LD_LIBRARY_PATH`, the engines their weights by `IMPP_WEIGHTS`
or in the cache of a developer's home."""
_ONE_THREAD = {"MALLOC_ARENA_MAX": "2", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
"""A function has about one core, and each thread of a library reserves address space, which is limited."""
_START = "import sys,json;sys.path[:]=json.loads(sys.argv[1]);from {} import main;main(*map(int,sys.argv[2:]))"


@dataclass(frozen=True)
class Limits:
    """Memory of the child in MB, its time in seconds, and the bytes of the file that it may write."""

    memory_mb: int
    seconds: float
    file_bytes: int = 0

    @classmethod
    def of(cls, context: aws.Context, reserve_s: float, file_bytes: int = 0) -> Limits:
        """What a function can give its child. (Lambda's context has the memory as text.)"""
        seconds = max(1.0, aws.seconds_left(context, reserve_s) - GRACE_S)
        return cls(int(context.memory_limit_in_mb) - OWN_MB, seconds, file_bytes)


def measure(file: RangedFile, limits: Limits, *, trusts_header: bool = True) -> float | None:
    """The length of a recording in seconds, None if it cannot be measured. Without `trusts_header` it is estimated by
    the data rate, whatever the file states. Raises `Unreadable`."""
    seconds: float | None = run("measure", {"trusts_header": trusts_header}, file, limits)[0]["seconds"]
    return seconds


def describe(file: RangedFile, limits: Limits) -> dict[str, Any]:
    """The tracks of a recording in the form of Probe's result (:mod:`impp_lambdas.core.media.description`). Raises
    `Unreadable`."""
    return run("describe", {}, file, limits)[0]


def rhythm(file: RangedFile, limits: Limits) -> dict[str, Any] | None:
    """How fast the frames of a recording follow each other (:mod:`impp_lambdas.core.media.rhythm`). Raises
    `Unreadable`."""
    measured: dict[str, Any] | None = run("rhythm", {}, file, limits)[0]["rhythm"]
    return measured


def extract(file: RangedFile, path: Path, limits: Limits) -> float:
    """Write the sound of a recording to `path` as FLAC; returns its seconds. Raises `Unreadable`."""
    seconds = float(run("extract", {"path": str(path)}, file, limits)[0]["seconds"])
    if file.stopped:
        raise Unreadable(file.stopped)
    return seconds


@dataclass(frozen=True)
class Encoded:
    """Seconds of a rendition and the size of its pictures, and why it is shorter than planned."""

    seconds: float
    width: int | None
    height: int | None
    incomplete: str | None


def encode(file: RangedFile, path: Path, size: Mapping[str, Any], limits: Limits) -> Encoded:
    """Write a small rendition to `path`; `size` has the fields of :class:`~…core.media.proxy.Size`, `fps` as text.
    Raises `Unreadable`."""
    result = run("encode", {"path": str(path), "wanted": size}, file, limits)[0]
    late = None if result["is_complete"] else OUT_OF_TIME
    incomplete = f"incomplete: {file.stopped}" if file.stopped else late
    return Encoded(float(result["seconds"]), result["width"], result["height"], incomplete)


def rung(file: RangedFile, path: Path, size: Mapping[str, Any], first: int, limits: Limits) -> dict[str, Any]:
    """Write segments of a rung to `path`, from segment `first` on; returns the fields of
    :class:`~impp_lambdas.core.media.rung.Part`. Raises `Unreadable`."""
    return run("rung", {"path": str(path), "wanted": size, "first": first}, file, limits)[0]


def stretches(file: RangedFile, spans: Sequence[tuple[float, float]], limits: Limits) -> list[bytes]:
    """The sound of each stretch of a recording as 16 kHz mono samples, signed 16-bit little-endian; at most an hour
    in all. Raises `Unreadable`."""
    sound = run("stretches", {"spans": spans}, file, limits)[1]
    if file.stopped:
        raise Unreadable(file.stopped)
    return sound


def run(
    task: str, request: Mapping[str, Any], file: RangedFile, limits: Limits, child: ModuleType = decoder
) -> tuple[dict[str, Any], list[bytes]]:
    """Do a task of the module `child` in a process. Raises `Unreadable`, and what reading the file raises."""
    import subprocess  # 10 ms that functions without decoding do not need

    child_in, requests_fd = os.pipe()
    answers_fd, child_out = os.pipe()
    command = [sys.executable, "-I", "-S", "-c", _START.format(child.__name__)]
    with open(requests_fd, "wb", buffering=0) as requests, open(answers_fd, "rb") as answers:  # noqa: PTH123
        try:
            process = subprocess.Popen(  # noqa: S603
                [*command, json.dumps(sys.path), str(child_in), str(child_out)],
                env={name: os.environ[name] for name in _INHERITED if name in os.environ} | _ONE_THREAD,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=(child_in, child_out),
            )
        finally:
            os.close(child_in)
            os.close(child_out)
        timer = threading.Timer(limits.seconds + GRACE_S, process.kill)
        timer.start()
        try:
            task_limits = {"memory_mb": limits.memory_mb, "file_bytes": limits.file_bytes, "seconds": limits.seconds}
            _send(requests, json.dumps({**request, **task_limits, "task": task, "size": file.size}).encode())
            return _serve(requests, answers, file)
        except (EOFError, BrokenPipeError) as error:
            raise Unreadable(_end(process.wait(), limits, timed_out=not timer.is_alive())) from error
        finally:
            timer.cancel()
            process.kill()
            process.wait()


def _serve(requests: IO[bytes], answers: IO[bytes], file: RangedFile) -> tuple[dict[str, Any], list[bytes]]:
    """Answer the child's reads until its result."""
    while (kind := decoder.exactly(answers, 1)) == b"R":
        offset, count = decoder.READ.unpack(decoder.exactly(answers, decoder.READ.size))
        try:
            data = file.read_at(offset, min(count, decoder.MAX_READ))
        except BudgetExceeded:  # the child takes it for the end of the file and ends with what it has
            data = b""
        _send(requests, data)
    length = decoder.LENGTH.unpack(decoder.exactly(answers, decoder.LENGTH.size))[0]
    if length > MAX_JSON:
        raise Unreadable("the decoder's result is too long")
    document = _document(decoder.exactly(answers, length))
    if kind == b"E":
        reason = str(document.get("reason"))[:300]
        aws.logger.warning("the decoder failed", extra={"error": str(document.get("error"))[:500], "reason": reason})
        raise Unreadable(file.stopped or reason)
    result, sizes = document.get("result"), document.get("blobs")
    if not isinstance(result, dict) or not isinstance(sizes, list) or not all(type(s) is int and s >= 0 for s in sizes):
        raise Unreadable(MALFORMED)
    if sum(sizes) > MAX_BLOBS:
        raise Unreadable("the decoder's pictures are too large")
    return result, [decoder.exactly(answers, size) for size in sizes]


def _document(data: bytes) -> dict[str, Any]:
    """An object in JSON, from a process that a file may have taken over."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise Unreadable(MALFORMED) from error
    if not isinstance(document, dict):
        raise Unreadable(MALFORMED)
    return document


def _send(stream: IO[bytes], data: bytes) -> None:
    rest = memoryview(decoder.LENGTH.pack(len(data)) + data)
    while rest:
        rest = rest[stream.write(rest) :]


def _end(code: int, limits: Limits, *, timed_out: bool) -> str:
    """Why a child ended without a result."""
    if timed_out:
        return f"decoding it takes longer than {limits.seconds:.0f} s"
    if code < 0:
        name = signal.Signals(-code).name
        return f"the decoder crashed ({name}), within {limits.memory_mb} MB of memory"
    return f"the decoder ended with code {code}, within {limits.memory_mb} MB of memory"
