"""Whole runs of ``impp-edge`` with faults of a car's network, card, disk and clock.

Every test runs the command in a process of its own, against a real S3 server behind a line that fails as it is told.
It ends with the exit code and the words that the user needs; and after the fault everything has arrived exactly once,
bit for bit, nothing that was acknowledged is sent again, and no upload is left open.
"""

from __future__ import annotations

import ctypes
import json
import os
import queue
import resource
import select
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.support.edge.cards import PART, objects, put
from tests.support.edge.end_to_end import SMALL_PARTS, Box, RunResult, Runs, box, clip, environment, wait_for_end
from tests.support.edge.proxy import Fault, Request, lost_response, reset_after
from tests.support.edge.seaweed import Seaweed

from impp_edge.config import Config, Folder
from impp_edge.run import sync

pytestmark = pytest.mark.slow

DONE, SOME_FAILED, WRONG_SETTING, LOCKED = 0, 1, 2, 3
LONG_S = 60
"""Timeout of every wait here; reached only on failure."""
QUICK = f"{SMALL_PARTS}; from impp_edge.bucket import backoff; backoff.BACKOFF_BASE_S = 0.02"
"""Python lines at the start of a run: small parts and short pauses between attempts."""
RUN = "from impp_edge.cli import main; main()"
ONE = ("--workers", "1")
"""One worker makes the order deterministic."""
NAMES = [f"DCIM/Movie/2025_0615_12000{n}_00000{n}F.MP4" for n in range(9)]
LARGE = PART + 1000
"""Size of a file in two parts."""
LARGER = 2 * PART + 1000
"""Size of a file in three parts."""


@pytest.fixture
def edge(weed: Seaweed, runs: Runs, tmp_path: Path) -> Iterator[Box]:
    with box(weed, runs, tmp_path) as one:
        yield one


def run(edge: Box, *more: str, inside: str = QUICK, env: dict[str, str] | None = None) -> RunResult:
    """A run to its end, after the lines of Python ``inside``."""
    return edge.run(*more, inside=inside, env=env)


def start(edge: Box, *more: str, inside: str = QUICK, command: str = "sync", **how: Any) -> subprocess.Popen[str]:
    """Start a command as its user does, but after the lines of Python ``inside``."""
    return subprocess.Popen(
        [sys.executable, "-c", f"{inside}\n{RUN}", command, *edge.arguments(*more)[1:]],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(), **how,
    )  # fmt: skip


def check_everything(edge: Box) -> None:
    """Every file is in the bucket, nothing acknowledged was sent again, and the next run has nothing to do."""
    edge.proxy.clear()
    edge.proxy.drain()
    edge.check()
    heard = Counter(
        (e.request.upload, e.request.key, e.request.part)
        for e in edge.proxy.record
        if e.request.action in ("put", "part") and e.acknowledged and e.heard
    )
    assert set(heard.values()) <= {1}, heard
    before = len(edge.proxy.record)
    folder = Folder(edge.card, device="Blue Car")  # not as a process: that would be a third of all the time
    idle = sync.run(Config(edge.bucket, (folder,), edge.state, endpoint_url=edge.proxy.endpoint))
    done = {kind: count for kind, count in idle.counts.items() if count and kind != "skipped"}
    assert idle.complete and done == {"known": len(edge.files)}
    assert len(edge.proxy.record) == before


def check_recovery(edge: Box, *more: str, **how: Any) -> RunResult:
    """Without the fault, the next run completes the upload."""
    edge.proxy.clear()
    last = run(edge, *more, **how)
    assert (last.code, last.err) == (DONE, ""), last
    check_everything(edge)
    return last


def matches(action: str, part: int | None = None) -> Callable[[Request], bool]:
    """A predicate for requests of an action and, optionally, a part."""
    return lambda request: request.action == action and part in (None, request.part)


def parts_sent(edge: Box) -> list[int | None]:
    """Numbers of the acknowledged parts, in order of the responses."""
    return [request.part for request in edge.proxy.acknowledged("part")]


class PipeSignal:
    """A pipe through which code inside a run notifies the test."""

    def __init__(self) -> None:
        self._reader, self.number = os.pipe()
        self.send_code = f"__import__('os').write({self.number}, b'.')"
        """The expression that notifies, for code inside the run."""

    def wait(self) -> None:
        ready, _, _ = select.select([self._reader], [], [], LONG_S)
        assert ready, "no signal arrived"
        os.read(self._reader, 1)

    def close(self) -> None:
        os.close(self._reader)
        os.close(self.number)


@pytest.fixture
def pipe_signal() -> Iterator[PipeSignal]:
    one = PipeSignal()
    yield one
    one.close()


# --- the network ------------------------------------------------------------------------------------------------------


def test_a_run_ends_without_a_server_and_the_next_one_continues(edge: Box) -> None:
    for name in NAMES[:3]:
        edge.put(name)
    edge.proxy.go_away()
    result = run(edge, "--quiet")
    assert (result.code, result.out) == (SOME_FAILED, "")
    assert "3 waiting" in result.err
    assert f"stopped: 127.0.0.1:{edge.proxy.port} cannot be reached: Connection refused" in result.err
    edge.proxy.come_back()
    check_recovery(edge)


def test_a_run_waits_for_a_server_that_returns(edge: Box, pipe_signal: PipeSignal) -> None:
    """It disappears during the second file and returns after one refused connection."""
    for name in NAMES[:3]:
        edge.put(name, size=100_000)
    edge.proxy.plan(
        Fault("body", after=50_000, do=edge.proxy.go_away, reset=True), when=lambda r: NAMES[1][-9:] in r.key
    )
    inside = "from impp_edge.bucket import s3; real = s3.backoff; "
    inside += f"s3.backoff = lambda n: ({pipe_signal.send_code}, real(n))[1]"
    process = start(edge, *ONE, inside=inside, pass_fds=[pipe_signal.number])
    pipe_signal.wait()
    edge.proxy.come_back()
    result = wait_for_end(process)
    assert (result.code, result.err) == (DONE, ""), result
    assert result.out.startswith("3 uploaded")
    check_everything(edge)


BUSY = [(500, "InternalError"), (503, "ServiceUnavailable"), (503, "SlowDown")]


@pytest.mark.parametrize(("status", "code"), BUSY)
def test_a_burst_of_errors_is_retried(edge: Box, status: int, code: str) -> None:
    edge.put(NAMES[0])
    edge.put(NAMES[1], LARGE)
    for action in ("put", "create", "part", "complete"):
        edge.proxy.plan(Fault(status=status, code=code), times=3, when=matches(action))
    result = run(edge, *ONE)
    assert (result.code, result.err) == (DONE, ""), result
    assert len([e for e in edge.proxy.record if e.status is None]) == 12
    check_everything(edge)


@pytest.mark.parametrize("action", ["put", "create", "part", "complete"])
def test_persistent_errors_fail_the_file_and_the_next_run_continues(edge: Box, action: str) -> None:
    edge.put(NAMES[0], LARGE if action != "put" else 2000)
    edge.proxy.plan(Fault(status=503, code="SlowDown"), times=1000, when=matches(action))
    result = run(edge, *ONE)
    assert result.code == SOME_FAILED
    assert f"failed: {edge.card / NAMES[0]}: S3 returned SlowDown: as planned" in result.err
    assert result.out.startswith("0 uploaded") and "1 failed" in result.out
    check_recovery(edge)


def test_a_part_with_a_broken_connection_is_retried(edge: Box) -> None:
    edge.put(NAMES[0], LARGER)
    edge.put(NAMES[1], size=200_000)
    edge.proxy.plan(reset_after(PART // 2), times=2, when=matches("part", 2))
    edge.proxy.plan(reset_after(100_000), times=2, when=matches("put"))
    result = run(edge)
    assert (result.code, result.err) == (DONE, ""), result
    assert sorted(parts_sent(edge), key=str) == [1, 2, 3]
    check_everything(edge)


@pytest.mark.parametrize("action", ["put", "create", "part", "complete", "head"])
def test_a_lost_response_duplicates_nothing(edge: Box, action: str) -> None:
    """The server has processed the request, but its response is lost."""
    edge.put(NAMES[0])
    edge.put(NAMES[1], LARGE)
    lost = edge.proxy.plan(lost_response(), when=matches(action))
    result = run(edge, *ONE)
    assert (result.code, result.err) == (DONE, ""), result
    assert lost.met.is_set()
    check_everything(edge)


@pytest.mark.parametrize("action", ["put", "create", "part", "complete"])
def test_a_lost_response_and_network_duplicate_nothing(edge: Box, action: str) -> None:
    """The same, and the network stays away until the end of the run."""
    edge.put(NAMES[0], LARGE if action != "put" else 2000)
    edge.proxy.plan(Fault("answer", do=edge.proxy.go_away, reset=True), when=matches(action))
    result = run(edge, *ONE)
    assert result.code == SOME_FAILED and "cannot be reached" in result.out
    edge.proxy.come_back()
    check_recovery(edge)
    done = Counter((r.action, r.part) for r in edge.proxy.acknowledged("put", "part", "complete"))
    assert set(done.values()) == {1}, done


def abort(edge: Box) -> None:
    """Abort the upload, as a lifecycle rule does after some days."""
    (upload,) = edge.weed.client.list_multipart_uploads(Bucket=edge.bucket)["Uploads"]
    edge.weed.client.abort_multipart_upload(Bucket=edge.bucket, Key=upload["Key"], UploadId=upload["UploadId"])


def test_an_upload_aborted_between_runs_restarts(edge: Box) -> None:
    edge.put(NAMES[0], LARGER)
    edge.proxy.plan(Fault("head", do=edge.proxy.go_away, reset=True), when=matches("part", 3))
    assert run(edge, *ONE).code == SOME_FAILED
    abort(edge)
    edge.proxy.come_back()
    check_recovery(edge, *ONE)
    assert parts_sent(edge) == [1, 2, 1, 2, 3]


@pytest.mark.parametrize("before", [matches("part", 2), matches("complete")])
def test_an_upload_aborted_during_a_run_restarts(edge: Box, before: Callable[[Request], bool]) -> None:
    edge.put(NAMES[0], LARGE)
    edge.proxy.plan(Fault("head", do=lambda: abort(edge)), when=before)
    result = run(edge, *ONE)
    assert (result.code, result.err) == (DONE, ""), result
    check_everything(edge)


# --- settings ---------------------------------------------------------------------------------------------------------


DENIED = {
    "the secret key does not fit the access key: check the credentials": {"AWS_SECRET_ACCESS_KEY": "wrong"},
    "the access key does not exist: check the credentials": {"AWS_ACCESS_KEY_ID": "nobody"},
    "no AWS credentials: set AWS_ACCESS_KEY_ID and": {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""},
    "there is no such bucket: check bucket and region": {},
}


@pytest.mark.parametrize("words", DENIED)
def test_access_denied_is_reported_with_advice(edge: Box, words: str) -> None:
    for name in NAMES[:3]:
        edge.put(name)
    if not DENIED[words]:  # this server makes a bucket that is missing, so the answer is given for it
        edge.proxy.plan(Fault(status=404, code="NoSuchBucket"), times=1000)
    result = run(edge, env=DENIED[words])
    assert result.code == WRONG_SETTING
    assert words in result.err
    assert result.err.count("impp-edge: ") == result.err.count("\n") == 1  # once, not for each file
    check_recovery(edge)


# --- the disk of the box ----------------------------------------------------------------------------------------------


def test_a_concurrent_run_exits_with_locked(edge: Box) -> None:
    edge.put(NAMES[0])
    second: list[RunResult] = []
    edge.proxy.plan(Fault(do=lambda: second.append(run(edge))), when=matches("put"))
    process = start(edge)
    first = wait_for_end(process)
    assert (first.code, first.err) == (DONE, ""), first
    message = f"impp-edge: another run (process {process.pid}) holds {edge.state / 'lock'}\n"
    assert second == [RunResult(LOCKED, "", message)]
    check_everything(edge)


def limited(kilobytes: int) -> Callable[[], None]:
    """Limit the size of files, so that writing fails beyond it."""
    most = kilobytes * 1024
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))


@pytest.mark.parametrize("kilobytes", [0, 30, 80, 120])
def test_a_file_size_limit_is_reported_and_nothing_is_lost(edge: Box, kilobytes: int) -> None:
    """Applies to the state, its journal and the custody log."""
    for number in range(60):
        edge.put(f"DCIM/Movie/2025_0615_12{number:02}00_000001F.MP4")
    edge.put(NAMES[0], LARGE)
    result = wait_for_end(start(edge, preexec_fn=limited(kilobytes)))
    output = result.out + result.err
    assert result.code in (SOME_FAILED, WRONG_SETTING), result
    what_to_do = ("free some space, then run again", "see that its disk is sound and has room, then run again")
    assert str(edge.state) in output and any(f"{words}; nothing is lost" in output for words in what_to_do), result
    assert output.count("\n") == 1
    check_recovery(edge)


def test_a_full_disk_is_reported_and_nothing_is_lost(edge: Box) -> None:
    """SQLite reports it; the space is used up during the run."""
    for number in range(60):
        edge.put(f"DCIM/Movie/2025_0615_12{number:02}00_000001F.MP4")
    inside = f"""{QUICK}
from impp_edge.memory import database
real = database._open
def full(file):
    db, new = real(file)
    db.execute("PRAGMA max_page_count = %d" % (db.execute("PRAGMA page_count").fetchone()[0] + 1))
    return db, new
database._open = full
"""
    result = run(edge, inside=inside)
    output = result.out + result.err
    assert result.code == SOME_FAILED and " uploaded (" in result.out, result
    assert "state.sqlite3: the disk is full: free some space, then run again; nothing is lost" in output
    assert len(edge.proxy.acknowledged("put")) > 0
    check_recovery(edge)


def garbage(file: Path) -> None:
    """The header is lost, too."""
    file.write_bytes(b"garbage" * 1000)


def cut(file: Path) -> None:
    """The second half is lost."""
    os.truncate(file, file.stat().st_size // 2)


def blank_pages(file: Path) -> None:
    """Pages in the middle are blank, as on a failing SD card."""
    with file.open("r+b") as opened:
        opened.seek(4096)
        opened.write(bytes(file.stat().st_size - 4096))


@pytest.mark.parametrize("damage", [garbage, cut, blank_pages])
def test_damaged_state_is_set_aside_and_recreated(edge: Box, damage: Callable[[Path], None]) -> None:
    for name in NAMES[:3]:
        edge.put(name)
    edge.put(NAMES[3], LARGE)
    assert run(edge).code == DONE
    damage(edge.state / "state.sqlite3")
    edge.put(NAMES[4])
    result = run(edge)
    if result.code == WRONG_SETTING:  # it was met in the midst of the run
        assert "is damaged" in result.err and "run again, and it is rebuilt from the bucket" in result.err
        result = run(edge)
    assert result.code == DONE, result
    assert "is rebuilt from the bucket; kept as state.sqlite3.corrupt-" in result.err
    assert result.out.startswith("1 uploaded") and "4 already in the bucket" in result.out
    assert list(edge.state.glob("state.sqlite3.corrupt-*Z"))
    assert len(edge.proxy.acknowledged("put")) == 4 and len(parts_sent(edge)) == 2
    check_everything(edge)


def test_parts_sent_before_the_state_was_lost_are_not_sent_again(edge: Box) -> None:
    edge.put(NAMES[0], LARGER)
    edge.proxy.plan(Fault("head", do=edge.proxy.go_away, reset=True), when=matches("part", 3))
    assert run(edge, *ONE).code == SOME_FAILED
    edge.proxy.come_back()
    garbage(edge.state / "state.sqlite3")
    result = run(edge, *ONE)
    assert result.code == DONE and "is rebuilt from the bucket" in result.err, result
    assert parts_sent(edge) == [1, 2, 3]
    check_everything(edge)


# --- the clock --------------------------------------------------------------------------------------------------------

YEAR = 365 * 86_400
CLOCK = "import time; real = time.time; late = [0]; time.time = lambda: real() + late[0]"
"""Code inside the run: a clock that is ``late`` seconds off."""


@pytest.mark.parametrize(
    ("jump", "step"),
    [
        (YEAR, "upload.Transfer.begin"),
        (-30 * YEAR, "upload.Transfer.begin"),
        (3600, "s3.S3.put"),
        (-3600, "s3.S3.part"),
    ],
)
def test_a_clock_change_during_a_run(edge: Box, jump: int, step: str) -> None:
    """S3 rejects requests with clock skew; the client signs with the server's time."""
    for name in NAMES[:3]:
        edge.put(name)
    edge.put(NAMES[3], LARGE)
    inside = f"{CLOCK}\n{QUICK}\nfrom impp_edge.bucket import s3\nreal_step = {step}\n"
    inside += f"{step} = lambda *given: (late.__setitem__(0, {jump}), real_step(*given))[1]"
    result = run(edge, *ONE, inside=inside)
    assert (result.code, result.err) == (DONE, ""), result
    assert "4 uploaded" in result.out
    assert [e.status for e in edge.proxy.record].count(403) == 1
    check_everything(edge)


def test_an_unset_clock_delays_and_loses_nothing(edge: Box) -> None:
    """As on a small computer without a clock battery: all files seem to be from the future. When it learns the time a
    minute later, that makes no file old; but the file has been watched long enough."""
    edge.put(NAMES[0])
    result = run(edge, inside=f"{CLOCK}; late[0] = -real()\n{QUICK}")
    assert (result.code, result.err) == (DONE, ""), result
    assert "0 uploaded" in result.out and "1 still being written" in result.out
    result = run(edge)
    assert (result.code, result.err) == (DONE, ""), result
    assert "0 uploaded" in result.out and "1 still being written" in result.out
    later = "import time; uptime = time.monotonic; time.monotonic = lambda: uptime() + 60"
    check_recovery(edge, inside=f"{later}\n{QUICK}")


# --- files ------------------------------------------------------------------------------------------------------------


def append_to(path: Path, content: bytes) -> bytes:
    """The camera continues to write."""
    return content + b"more"


def replace_with_other(path: Path, content: bytes) -> bytes:
    """The camera reuses the name."""
    return clip(len(content) // 2, seed=1000)


@pytest.mark.parametrize("change", [append_to, replace_with_other])
def test_a_file_that_changes_during_the_upload_is_uploaded_in_its_final_version(
    edge: Box, change: Callable[[Path, bytes], bytes]
) -> None:
    path = edge.put(NAMES[0], LARGER)
    edge.put(NAMES[1])
    before = edge.files[os.fsencode(NAMES[0])]

    def rewrite_file() -> None:
        content = edge.files[os.fsencode(NAMES[0])] = change(path, before)
        path.write_bytes(content)
        os.utime(path, (1, path.stat().st_mtime - 1800))

    edge.proxy.plan(Fault("body", after=PART // 2, do=rewrite_file), when=matches("part", 2))
    result = run(edge, *ONE)
    assert result.code == SOME_FAILED
    assert f"failed: {path}: changed" in result.err
    assert "1 uploaded" in result.out and "1 failed" in result.out
    assert not edge.weed.client.list_multipart_uploads(Bucket=edge.bucket).get("Uploads")
    check_recovery(edge)


def test_content_that_changes_with_the_same_size_and_time_is_rejected(edge: Box) -> None:
    """As with a failing card: each read returns different bytes."""
    path = edge.put(NAMES[0], LARGER)
    was = path.stat()

    def corrupt() -> None:
        with path.open("r+b") as file:
            file.seek(-500, os.SEEK_END)
            file.write(b"ROTTEN")
        os.utime(path, ns=(was.st_atime_ns, was.st_mtime_ns))
        edge.files[os.fsencode(NAMES[0])] = path.read_bytes()

    edge.proxy.plan(Fault("answer", do=corrupt), when=matches("part", 2))
    result = run(edge, *ONE)
    assert result.code == SOME_FAILED
    assert "its bytes are not those that were hashed" in result.err
    check_recovery(edge)


@pytest.mark.parametrize("sent", [0, 1, 2])
def test_a_file_deleted_before_its_upload_ends(edge: Box, sent: int) -> None:
    """While it waits or after ``sent`` parts; those are aborted so that they cost nothing."""
    edge.put(NAMES[0], age_s=7200)
    path = edge.put(NAMES[1], LARGER)
    edge.put(NAMES[2], age_s=600)
    del edge.files[os.fsencode(NAMES[1])]
    edge.proxy.plan(Fault("answer", do=path.unlink), when=matches("part", sent) if sent else matches("put"))
    result = run(edge, *ONE)
    assert result.code == SOME_FAILED
    assert f"failed: {path}: changed or disappeared during the upload" in result.err
    assert "2 uploaded" in result.out and "1 failed" in result.out
    check_recovery(edge)


def drop_read_privileges() -> None:
    """Drop root's right to read every file."""
    for right in (1, 2):  # CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH, by PR_CAPBSET_DROP
        if os.geteuid() == 0 and ctypes.CDLL(None, use_errno=True).prctl(24, right, 0, 0, 0):
            raise OSError(ctypes.get_errno(), "prctl")


@pytest.mark.parametrize("what", ["file", "folder"])
def test_unreadable_files_are_reported_and_the_rest_is_uploaded(edge: Box, what: str) -> None:
    edge.put(NAMES[0])
    path = edge.put("locked/2025_0615_130000_000001F.MP4")
    shut = path if what == "file" else path.parent
    shut.chmod(0)
    result = wait_for_end(start(edge, preexec_fn=drop_read_privileges))
    assert result.code == SOME_FAILED
    verb = "read" if what == "file" else "listed"
    assert f"failed: {shut}: cannot be {verb}: Permission denied" in result.err
    assert "1 uploaded" in result.out and "1 failed" in result.out
    shut.chmod(0o700)
    check_recovery(edge)


def test_a_file_with_read_errors_is_reported_and_the_rest_is_uploaded(edge: Box) -> None:
    edge.put(NAMES[0])
    broken = edge.put(NAMES[1], LARGE)
    inside = f"""{QUICK}
import errno, io, os
real, broken = io.open, os.stat({str(broken)!r})
class Broken(io.FileIO):
    def readinto(self, buffer):
        raise OSError(errno.EIO, os.strerror(errno.EIO))
def open_card(file, *more, **options):
    is_broken = isinstance(file, int) and os.path.samestat(os.fstat(file), broken)
    return io.BufferedReader(Broken(file)) if is_broken else real(file, *more, **options)
io.open = open_card
"""
    result = run(edge, inside=inside)
    assert result.code == SOME_FAILED
    assert f"failed: {edge.card / NAMES[1]}: cannot be read: Input/output error" in result.err
    assert "1 uploaded" in result.out and "1 failed" in result.out
    check_recovery(edge)


def test_links_pipes_and_sockets_are_ignored(edge: Box) -> None:
    """Dangling and circular links, pipes without a writer, sockets."""
    edge.put(NAMES[0])
    movies = (edge.card / NAMES[0]).parent
    os.mkfifo(movies / "2025_0615_130000_000001F.MP4")
    (movies / "2025_0615_140000_000001F.MP4").symlink_to(edge.card / "nowhere.MP4")
    (movies / "itself").symlink_to(movies / "itself")
    (movies / "up").symlink_to(edge.card)
    (movies / "there").symlink_to(movies / "back")
    (movies / "back").symlink_to(movies / "there")
    (movies / "2025_0615_150000_000001F.MP4").symlink_to(movies / Path(NAMES[0]).name)
    check_recovery(edge)


def test_a_linked_folder_is_uploaded(edge: Box) -> None:
    edge.put(NAMES[0])
    inside = edge.card.with_name("real")
    edge.card.rename(inside)
    edge.card.symlink_to(inside)
    check_recovery(edge)


def test_names_of_any_bytes_are_uploaded(edge: Box) -> None:
    names: list[str | bytes] = [
        "Grüße.mp4".encode("latin-1"),
        "録画.mp4".encode("shift_jis"),
        "видео.mp4".encode("koi8-r"),
        "🚗💨.mp4",
        "two\nlines.mp4",
        "\x1b[2Jcleared\r.mp4",
        "é" * 121 + ".mp4",  # the longest name that this server can keep versions of
        b"folder \xfc\xf6/\xe4\xdf.mp4",
        "%2e%2e%2f.mp4",
        "a..mp4 .mp4",
        "-n.mp4",
        "\u202e4pm.gnp.mp4",
    ]
    for name in names:
        edge.put(name)
    result = run(edge)
    assert result.code == DONE, result
    assert result.out.startswith(f"{len(names)} uploaded")
    assert all(c.isprintable() or c == "\n" for c in result.out + result.err)
    check_everything(edge)


def test_the_longest_names_are_uploaded(config: Config, card: Path, s3: Any) -> None:
    """Against the local cloud, because SeaweedFS does not accept keys of this length."""
    names: list[str | bytes] = ["é" * 125 + "a.mp4", "日" * 83 + "ab.mp4", b"\xff" * 251 + b".mp4"]
    assert [len(os.fsencode(name)) for name in names] == [255] * 3
    contents = [put(card, name).read_bytes() for name in names]
    where = ["--bucket", config.bucket, "--state", str(config.state), "--endpoint-url", str(config.endpoint_url)]
    command = [sys.executable, "-m", "impp_edge", "sync", str(card), *where]
    result = subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=LONG_S)
    assert (result.returncode, result.stderr) == (DONE, ""), result
    assert sorted(objects(s3).values()) == sorted(contents)


def test_names_of_any_bytes_are_reported_without_control_characters(edge: Box) -> None:
    edge.put("\x1b[2Jtwo\nlines\u202e.mp4")
    edge.put(b"\xff\xfe.mp4")
    edge.proxy.plan(Fault(status=403, code="AccessDenied"), times=1000)
    result = run(edge)
    assert result.code == SOME_FAILED
    assert result.err.count("\n") == 2 and all(c.isprintable() or c == "\n" for c in result.err)
    assert "\\x1b[2Jtwo\\nlines\\u202e.mp4" in result.err and "\\xff\\xfe.mp4" in result.err
    check_recovery(edge)


MEMORY = "import atexit; atexit.register(lambda: print(open('/proc/self/status').read(), file=open({!r}, 'w')))"
"""Code inside the run: write the process status at its end."""


def test_a_folder_of_100_000_files(edge: Box, tmp_path: Path) -> None:
    """Most of them are not footage, so the first run takes seconds, too. Among them are some clips; one is new in the
    last run."""
    movies = edge.card / "DCIM/Movie"
    movies.mkdir(parents=True)
    directory = os.open(movies, os.O_RDONLY)
    for number in range(100_000):
        first = f"{number - number % 10_000:06}"  # the others are links to it, which are quicker to create
        if number % 10_000:
            os.link(first, f"{number:06}", src_dir_fd=directory, dst_dir_fd=directory)
        else:
            os.close(os.open(first, os.O_CREAT | os.O_WRONLY, dir_fd=directory))
    os.close(directory)
    for name in NAMES[:3]:
        edge.put(name)
    for new_clips, most_mb in ((3, 200), (0, 100), (1, 100)):
        if new_clips == 1:
            edge.put(NAMES[3])
        status = tmp_path / "status"
        result = wait_for_end(start(edge, "--unknown", "skip", inside=f"{MEMORY.format(str(status))}\n{QUICK}"))
        assert (result.code, result.err) == (DONE, ""), result
        assert (
            result.out.startswith(f"{new_clips} uploaded") and "100000 skipped (100000 no known camera)" in result.out
        )
        peak_kb = int(status.read_text().split("VmHWM:")[1].split()[0])
        assert peak_kb < most_mb * 1000
    edge.check()


# --- the card ---------------------------------------------------------------------------------------------------------


def test_a_card_removed_during_a_part(edge: Box) -> None:
    edge.put(NAMES[0], LARGER, age_s=7200)
    for name in NAMES[1:6]:
        edge.put(name)
    away = edge.card.with_name("away")
    edge.proxy.plan(Fault("body", after=PART // 2, do=lambda: edge.card.rename(away)), when=matches("part", 2))
    result = run(edge, *ONE)
    assert result.code == SOME_FAILED
    assert result.err == f"failed: {edge.card}: the card was removed: its files wait for the next run\n"
    away.rename(edge.card)
    check_recovery(edge, *ONE)
    assert parts_sent(edge) == [1, 2, 3]


def test_an_absent_card_is_not_a_card_with_deleted_files(edge: Box) -> None:
    """Only its empty mount point is there; the upload of its file waits for the card."""
    edge.put(NAMES[0], age_s=7200)
    edge.put(NAMES[1], LARGER)
    edge.proxy.plan(Fault("head", do=edge.proxy.go_away, reset=True), when=matches("part", 3))
    assert run(edge, *ONE).code == SOME_FAILED
    edge.proxy.come_back()
    away = edge.card.with_name("away")
    edge.card.rename(away)
    edge.card.mkdir()
    result = run(edge)
    assert (result.code, result.err) == (DONE, f"no card in {edge.card}: waiting\n")
    edge.card.rmdir()
    away.rename(edge.card)
    check_recovery(edge, *ONE)
    assert parts_sent(edge) == [1, 2, 3]


# --- requests to stop -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stopped_run_ends_after_the_part_and_the_next_one_resumes_there(edge: Box, number: int) -> None:
    edge.put(NAMES[0], LARGER)
    edge.put(NAMES[1], age_s=600)
    process: queue.Queue[subprocess.Popen[str]] = queue.Queue()
    fault = Fault("body", after=PART // 2, do=lambda: process.get().send_signal(number))
    edge.proxy.plan(fault, when=matches("part", 2))
    process.put(running := start(edge, *ONE))
    result = wait_for_end(running)
    assert result.code == SOME_FAILED
    assert "0 uploaded" in result.out and "2 waiting" in result.out and "stopped: asked to stop" in result.out
    edge.proxy.drain()
    assert parts_sent(edge) == [1, 2]
    check_recovery(edge, *ONE)
    assert parts_sent(edge) == [1, 2, 3]


# --- the daemon -------------------------------------------------------------------------------------------------------


class Daemon:
    """A process of ``impp-edge watch`` and its events."""

    def __init__(self, edge: Box, *more: str, **how: Any) -> None:
        self.process = start(edge, "--json", *more, command="watch", **how)
        self._timer = threading.Timer(LONG_S, self.process.kill)
        self._timer.start()

    def wait_for(self, kind: str, **fields: str) -> dict[str, Any]:
        """Wait for the next event of a kind whose fields contain these texts."""
        assert self.process.stdout
        lines = []
        for line in self.process.stdout:
            event = json.loads(line)
            if event["event"] == kind and all(text in str(event[name]) for name, text in fields.items()):
                return event
            lines.append(line)
        raise AssertionError(f"it ended before: {lines} {self.process.stderr and self.process.stderr.read()}")

    def end(self) -> RunResult:
        """Stop it by SIGTERM."""
        self.process.send_signal(signal.SIGTERM)
        return wait_for_end(self.process)

    def close(self) -> None:
        self._timer.cancel()
        self.process.kill()
        self.process.wait()


@contextmanager
def watching(edge: Box, *more: str, **how: Any) -> Iterator[Daemon]:
    """A daemon that is killed at the end if it still runs."""
    daemon = Daemon(edge, *more, **how)
    try:
        yield daemon
    finally:
        daemon.close()


def test_the_daemon_ends_cleanly_and_the_next_one_continues(edge: Box) -> None:
    edge.put(NAMES[0], LARGER)
    daemons: queue.Queue[Daemon] = queue.Queue()
    fault = Fault("body", after=PART // 2, do=lambda: daemons.get().process.send_signal(signal.SIGTERM))
    edge.proxy.plan(fault, when=matches("part", 2))
    with watching(edge, *ONE) as daemon:
        daemons.put(daemon)
        result = wait_for_end(daemon.process)
    assert (result.code, result.err) == (DONE, ""), result
    edge.proxy.drain()
    assert parts_sent(edge) == [1, 2]
    with watching(edge, *ONE) as daemon:
        daemon.wait_for("brought", path=NAMES[0])
        result = daemon.end()
    assert (result.code, result.err) == (DONE, ""), result
    assert parts_sent(edge) == [1, 2, 3]
    check_everything(edge)


def test_the_daemon_waits_for_an_unreachable_server(edge: Box) -> None:
    edge.put(NAMES[0], LARGER)
    edge.put(NAMES[1], age_s=600)
    edge.proxy.plan(Fault("body", after=PART // 2, do=edge.proxy.go_away, reset=True), when=matches("part", 2))
    with watching(edge, *ONE, inside=f"{QUICK}; from impp_edge.run import watch; watch.OFFLINE_S = 0.1") as daemon:
        note = daemon.wait_for("note", reason="cannot be reached")
        assert note["reason"].endswith("Connection refused; trying again")
        edge.proxy.come_back()
        daemon.wait_for("brought", path=NAMES[0])
        daemon.wait_for("brought", path=NAMES[1])
        result = daemon.end()
    assert (result.code, result.err) == (DONE, ""), result
    assert parts_sent(edge) == [1, 2, 3]
    check_everything(edge)


def test_the_daemon_uploads_an_event_before_the_rest_of_a_routine_clip(edge: Box, pipe_signal: PipeSignal) -> None:
    edge.put(NAMES[0], LARGER)
    event = "BlackVue/Record/20250615_130000_EF.mp4"
    inside = f"""{QUICK}
from impp_edge.card.work_queue import WorkQueue
real = WorkQueue.add
def add(self, found, *more):
    added = real(self, found, *more)
    if added and b"_EF" in found.name:
        {pipe_signal.send_code}
    return added
WorkQueue.add = add
"""

    def add_event() -> None:
        for number in range(30):  # more folders at once than it can watch in time, which is harmless
            (edge.card / f"new {number}/and/deeper").mkdir(parents=True)
        edge.put(event)
        pipe_signal.wait()

    edge.proxy.plan(Fault("body", after=PART // 2, do=add_event), when=matches("part", 2))
    with watching(edge, *ONE, "--settle-s", "0", inside=inside, pass_fds=[pipe_signal.number]) as daemon:
        daemon.wait_for("brought", path=event)
        daemon.wait_for("brought", path=NAMES[0])
        result = daemon.end()
    assert (result.code, result.err) == (DONE, ""), result
    order = [(r.action, r.part) for r in edge.proxy.acknowledged("part", "put", "complete")]
    assert order == [("part", 1), ("part", 2), ("put", None), ("part", 3), ("complete", None)]
    check_everything(edge)


def test_the_daemon_uploads_files_with_implausible_times_once_they_settle(edge: Box) -> None:
    """As written by a camera with a wrong clock."""
    edge.put(NAMES[0], age_s=-10 * YEAR)
    os.utime(edge.put(NAMES[1]), (0, 0))
    with watching(edge, "--settle-s", "0.3") as daemon:
        daemon.wait_for("restless", path=NAMES[0])
        daemon.wait_for("brought", path=NAMES[0])
        result = daemon.end()
    assert (result.code, result.err) == (DONE, ""), result
    check_everything(edge)
