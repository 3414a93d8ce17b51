"""Whole runs of ``impp-edge`` against what goes wrong on a car's network, card, disk and clock.

Every test runs the command as its user does, in a process of its own, against a real S3 server behind a line that fails
as it is told. It ends with the exit code and the words that the user needs; and after the fault everything has arrived
exactly once, bit for bit, nothing that was acknowledged is sent again, and no upload is left open.
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
from tests.support.edge.proxy import Fault, Request, reset_after, unheard
from tests.support.edge.seaweed import Seaweed
from tests.support.edge.whole import Box, Ran, box, clip, ended, environment

from impp_edge.config import Config, Folder
from impp_edge.run import sync

pytestmark = pytest.mark.slow

DONE, SOME_FAILED, WRONG_SETTING, LOCKED = 0, 1, 2, 3
LONG_S = 60
"""Longest that anything here may take; nothing waits for it unless it has failed."""
SMALL = f"from impp_edge.run import upload; upload.PART = {PART}"
QUICK = f"{SMALL}; from impp_edge.bucket import backoff; backoff.BACKOFF_BASE_S = 0.02"
"""Lines that a run begins with: files of several parts stay small, and pauses between tries short."""
RUN = "from impp_edge.cli import main; main()"
ONE = ("--workers", "1")
"""With one worker all is done in one order."""
NAMES = [f"DCIM/Movie/2025_0615_12000{n}_00000{n}F.MP4" for n in range(9)]
LARGE = 2 * PART + 1000
"""Bytes of a file in three parts."""


@pytest.fixture
def edge(weed: Seaweed, tmp_path: Path) -> Iterator[Box]:
    with box(weed, tmp_path) as one:
        yield one


def start(edge: Box, *more: str, inside: str = QUICK, command: str = "sync", **how: Any) -> subprocess.Popen[str]:
    """Run a command on the card after the lines of Python ``inside``."""
    how.setdefault("env", environment())
    return subprocess.Popen(
        [sys.executable, "-c", f"{inside}\n{RUN}", command, *edge.arguments(*more)[1:]],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **how,
    )  # fmt: skip


def run(edge: Box, *more: str, **how: Any) -> Ran:
    """A run to its end."""
    return ended(start(edge, *more, **how))


def all_is_well(edge: Box) -> None:
    """Everything is there as it should be, nothing was sent again that we had heard an acknowledgement of, and the next
    run has nothing to do."""
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


def recovers(edge: Box, *more: str, **how: Any) -> Ran:
    """The fault is over: the next run does the rest."""
    edge.proxy.clear()
    last = run(edge, *more, **how)
    assert (last.code, last.err) == (DONE, ""), last
    all_is_well(edge)
    return last


def does(action: str, part: int | None = None) -> Callable[[Request], bool]:
    """Requests of an action, and for a part."""
    return lambda request: request.action == action and part in (None, request.part)


def parts_sent(edge: Box) -> list[int | None]:
    """Numbers of the parts that the server has, in the order in which it answered."""
    return [request.part for request in edge.proxy.acknowledged("part")]


class Bell:
    """A run rings it where a line of Python put inside says so; the test waits for that."""

    def __init__(self) -> None:
        self._heard, self.number = os.pipe()
        self.ring = f"__import__('os').write({self.number}, b'.')"
        """An expression for the inside."""

    def wait(self) -> None:
        ready, _, _ = select.select([self._heard], [], [], LONG_S)
        assert ready, "it never rang"
        os.read(self._heard, 1)

    def close(self) -> None:
        os.close(self._heard)
        os.close(self.number)


@pytest.fixture
def bell() -> Iterator[Bell]:
    one = Bell()
    yield one
    one.close()


# --- the network ------------------------------------------------------------------------------------------------------


def test_without_a_server_the_run_ends_and_the_next_one_goes_on(edge: Box) -> None:
    for name in NAMES[:3]:
        edge.put(name)
    edge.proxy.go_away()
    ran = run(edge, "--quiet")
    assert (ran.code, ran.out) == (SOME_FAILED, "")
    assert "3 waiting" in ran.err
    assert f"stopped: 127.0.0.1:{edge.proxy.port} cannot be reached: Connection refused" in ran.err
    edge.proxy.come_back()
    recovers(edge)


def test_a_server_that_comes_back_is_waited_for(edge: Box, bell: Bell) -> None:
    """Gone in the middle of the second file, back when we were refused a connection."""
    for name in NAMES[:3]:
        edge.put(name, size=100_000)
    edge.proxy.plan(
        Fault("body", after=50_000, do=edge.proxy.go_away, reset=True), when=lambda r: NAMES[1][-9:] in r.key
    )
    inside = f"from impp_edge.bucket import s3; real = s3.backoff; s3.backoff = lambda n: ({bell.ring}, real(n))[1]"
    process = start(edge, *ONE, inside=inside, pass_fds=[bell.number])
    bell.wait()
    edge.proxy.come_back()
    ran = ended(process)
    assert (ran.code, ran.err) == (DONE, ""), ran
    assert ran.out.startswith("3 uploaded")
    all_is_well(edge)


BUSY = [(500, "InternalError"), (503, "ServiceUnavailable"), (503, "SlowDown")]


@pytest.mark.parametrize(("status", "code"), BUSY)
def test_a_burst_of_errors_is_sat_out(edge: Box, status: int, code: str) -> None:
    edge.put(NAMES[0])
    edge.put(NAMES[1], LARGE)
    for action in ("put", "create", "part", "complete"):
        edge.proxy.plan(Fault(status=status, code=code), times=3, when=does(action))
    ran = run(edge, *ONE)
    assert (ran.code, ran.err) == (DONE, ""), ran
    assert len([e for e in edge.proxy.record if e.status is None]) == 12
    all_is_well(edge)


@pytest.mark.parametrize("action", ["put", "create", "part", "complete"])
def test_errors_without_end_fail_the_file_and_the_next_run_goes_on(edge: Box, action: str) -> None:
    edge.put(NAMES[0], LARGE if action != "put" else 2000)
    edge.proxy.plan(Fault(status=503, code="SlowDown"), times=1000, when=does(action))
    ran = run(edge, *ONE)
    assert ran.code == SOME_FAILED
    assert f"failed: {edge.card / NAMES[0]}: S3 answers SlowDown: as told" in ran.err
    assert ran.out.startswith("0 uploaded") and "1 failed" in ran.out
    recovers(edge)


def test_a_connection_that_breaks_within_a_part_is_retried(edge: Box) -> None:
    edge.put(NAMES[0], LARGE)
    edge.put(NAMES[1], size=200_000)
    edge.proxy.plan(reset_after(PART // 2), times=2, when=does("part", 2))
    edge.proxy.plan(reset_after(100_000), times=2, when=does("put"))
    ran = run(edge)
    assert (ran.code, ran.err) == (DONE, ""), ran
    assert sorted(parts_sent(edge), key=str) == [1, 2, 3]
    all_is_well(edge)


@pytest.mark.parametrize("action", ["put", "create", "part", "complete", "head"])
def test_an_answer_that_is_lost_doubles_nothing(edge: Box, action: str) -> None:
    """The server has done what was asked, and we do not know."""
    edge.put(NAMES[0])
    edge.put(NAMES[1], LARGE)
    lost = edge.proxy.plan(unheard(), when=does(action))
    ran = run(edge, *ONE)
    assert (ran.code, ran.err) == (DONE, ""), ran
    assert lost.met.is_set()
    all_is_well(edge)


@pytest.mark.parametrize("action", ["put", "create", "part", "complete"])
def test_a_line_that_goes_with_the_answer_doubles_nothing(edge: Box, action: str) -> None:
    """The same, and the run ends without ever knowing."""
    edge.put(NAMES[0], LARGE if action != "put" else 2000)
    edge.proxy.plan(Fault("answer", do=edge.proxy.go_away, reset=True), when=does(action))
    ran = run(edge, *ONE)
    assert ran.code == SOME_FAILED and "cannot be reached" in ran.out
    edge.proxy.come_back()
    recovers(edge)
    done = Counter((r.action, r.part) for r in edge.proxy.acknowledged("put", "part", "complete"))
    assert set(done.values()) == {1}, done


def abort(edge: Box) -> None:
    """What a lifecycle rule does to an upload that takes too long."""
    (upload,) = edge.weed.client.list_multipart_uploads(Bucket=edge.bucket)["Uploads"]
    edge.weed.client.abort_multipart_upload(Bucket=edge.bucket, Key=upload["Key"], UploadId=upload["UploadId"])


def test_an_upload_that_vanished_between_two_runs_starts_over(edge: Box) -> None:
    edge.put(NAMES[0], LARGE)
    edge.proxy.plan(Fault("head", do=edge.proxy.go_away, reset=True), when=does("part", 3))
    assert run(edge, *ONE).code == SOME_FAILED
    abort(edge)
    edge.proxy.come_back()
    recovers(edge, *ONE)
    assert parts_sent(edge) == [1, 2, 1, 2, 3]


@pytest.mark.parametrize("before", [does("part", 3), does("complete")])
def test_an_upload_that_vanishes_during_a_run_starts_over(edge: Box, before: Callable[[Request], bool]) -> None:
    edge.put(NAMES[0], LARGE)
    edge.proxy.plan(Fault("head", do=lambda: abort(edge)), when=before)
    ran = run(edge, *ONE)
    assert (ran.code, ran.err) == (DONE, ""), ran
    all_is_well(edge)


# --- settings ---------------------------------------------------------------------------------------------------------


NOT_LET_IN = {
    "the secret key does not fit the access key: check the credentials": {"AWS_SECRET_ACCESS_KEY": "wrong"},
    "the access key is not known: check the credentials": {"AWS_ACCESS_KEY_ID": "nobody"},
    "no AWS credentials: set AWS_ACCESS_KEY_ID and": {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""},
    "there is no such bucket: check bucket and region": {},
}


@pytest.mark.parametrize("words", NOT_LET_IN)
def test_a_denied_client_is_told_what_to_check(edge: Box, words: str) -> None:
    for name in NAMES[:3]:
        edge.put(name)
    if not NOT_LET_IN[words]:  # this server makes a bucket that is missing, so the answer is given for it
        edge.proxy.plan(Fault(status=404, code="NoSuchBucket"), times=1000)
    ran = run(edge, env=environment() | NOT_LET_IN[words])
    assert ran.code == WRONG_SETTING
    assert words in ran.err
    assert ran.err.count("impp-edge: ") == ran.err.count("\n") == 1  # once, not for each file
    recovers(edge)


# --- the disk of the box ----------------------------------------------------------------------------------------------


def test_a_second_run_at_the_same_time_leaves_it_to_the_first(edge: Box) -> None:
    edge.put(NAMES[0])
    second: list[Ran] = []
    edge.proxy.plan(Fault(do=lambda: second.append(run(edge))), when=does("put"))
    process = start(edge)
    first = ended(process)
    assert (first.code, first.err) == (DONE, ""), first
    said = f"impp-edge: another run (process {process.pid}) holds {edge.state / 'lock'}\n"
    assert second == [Ran(LOCKED, "", said)]
    all_is_well(edge)


def limited(kilobytes: int) -> Callable[[], None]:
    """Let no file grow beyond a size, so that writing fails after so much of it."""
    most = kilobytes * 1024
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))


@pytest.mark.parametrize("kilobytes", [0, 30, 80, 120])
def test_a_disk_that_takes_no_more_is_reported_and_nothing_is_lost(edge: Box, kilobytes: int) -> None:
    """For the memory, its journal or the custody log, whichever comes first."""
    for number in range(60):
        edge.put(f"DCIM/Movie/2025_0615_12{number:02}00_000001F.MP4")
    edge.put(NAMES[0], LARGE)
    ran = run(edge, preexec_fn=limited(kilobytes))
    said = ran.out + ran.err
    assert ran.code in (SOME_FAILED, WRONG_SETTING), ran
    what_to_do = ("free some space, then run again", "see that its disk is sound and has room, then run again")
    assert str(edge.state) in said and any(f"{words}; nothing is lost" in said for words in what_to_do), ran
    assert said.count("\n") == 1
    recovers(edge)


def test_a_full_disk_is_reported_and_nothing_is_lost(edge: Box) -> None:
    """SQLite says so itself; the room is used up in the midst of the run."""
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
    ran = run(edge, inside=inside)
    said = ran.out + ran.err
    assert ran.code == SOME_FAILED and " uploaded (" in ran.out, ran
    assert "state.sqlite3: the disk is full: free some space, then run again; nothing is lost" in said
    assert len(edge.proxy.acknowledged("put")) > 0
    recovers(edge)


def garbage(file: Path) -> None:
    """Not even the head is left."""
    file.write_bytes(b"garbage" * 1000)


def cut(file: Path) -> None:
    """The second half is lost."""
    os.truncate(file, file.stat().st_size // 2)


def holed(file: Path) -> None:
    """As a worn SD card does it: pages in the middle are blank."""
    with file.open("r+b") as opened:
        opened.seek(4096)
        opened.write(bytes(file.stat().st_size - 4096))


@pytest.mark.parametrize("damage", [garbage, cut, holed])
def test_a_damaged_memory_is_set_aside_and_recreated(edge: Box, damage: Callable[[Path], None]) -> None:
    for name in NAMES[:3]:
        edge.put(name)
    edge.put(NAMES[3], LARGE)
    assert run(edge).code == DONE
    damage(edge.state / "state.sqlite3")
    edge.put(NAMES[4])
    ran = run(edge)
    if ran.code == WRONG_SETTING:  # it was met in the midst of the run
        assert "is damaged" in ran.err and "run again, and it is made anew from the bucket" in ran.err
        ran = run(edge)
    assert ran.code == DONE, ran
    assert "is made anew from the bucket; kept as state.sqlite3.corrupt-" in ran.err
    assert ran.out.startswith("1 uploaded") and "4 already in the bucket" in ran.out
    assert list(edge.state.glob("state.sqlite3.corrupt-*Z"))
    assert len(edge.proxy.acknowledged("put")) == 4 and len(parts_sent(edge)) == 3
    all_is_well(edge)


def test_what_a_lost_memory_had_sent_of_a_file_is_not_sent_again(edge: Box) -> None:
    edge.put(NAMES[0], LARGE)
    edge.proxy.plan(Fault("head", do=edge.proxy.go_away, reset=True), when=does("part", 3))
    assert run(edge, *ONE).code == SOME_FAILED
    edge.proxy.come_back()
    garbage(edge.state / "state.sqlite3")
    ran = run(edge, *ONE)
    assert ran.code == DONE and "is made anew from the bucket" in ran.err, ran
    assert parts_sent(edge) == [1, 2, 3]
    all_is_well(edge)


# --- the clock --------------------------------------------------------------------------------------------------------

YEAR = 365 * 86_400
CLOCK = "import time; real = time.time; late = [0]; time.time = lambda: real() + late[0]"
"""For the inside: a clock that is set by ``late``, in seconds."""


@pytest.mark.parametrize(
    ("jump", "step"),
    [
        (YEAR, "upload.Transfer.begin"),
        (-30 * YEAR, "upload.Transfer.begin"),
        (3600, "s3.S3.put"),
        (-3600, "s3.S3.part"),
    ],
)
def test_a_clock_that_is_set_in_the_midst_of_a_run(edge: Box, jump: int, step: str) -> None:
    """S3 refuses requests of another time than its own; we take over its clock to sign."""
    for name in NAMES[:3]:
        edge.put(name)
    edge.put(NAMES[3], LARGE)
    inside = f"{CLOCK}\n{QUICK}\nfrom impp_edge.bucket import s3\nreal_step = {step}\n"
    inside += f"{step} = lambda *given: (late.__setitem__(0, {jump}), real_step(*given))[1]"
    ran = run(edge, *ONE, inside=inside)
    assert (ran.code, ran.err) == (DONE, ""), ran
    assert "4 uploaded" in ran.out
    assert [e.status for e in edge.proxy.record].count(403) == 1
    all_is_well(edge)


def test_a_clock_that_was_never_set_delays_and_loses_nothing(edge: Box) -> None:
    """As of a small computer without a battery: to it, all files are of the future. It learns the time a minute later,
    and does not take that for a reason to believe that a file is old; but it has seen it long enough."""
    edge.put(NAMES[0])
    ran = run(edge, inside=f"{CLOCK}; late[0] = -real()\n{QUICK}")
    assert (ran.code, ran.err) == (DONE, ""), ran
    assert "0 uploaded" in ran.out and "1 still being written" in ran.out
    ran = run(edge)
    assert (ran.code, ran.err) == (DONE, ""), ran
    assert "0 uploaded" in ran.out and "1 still being written" in ran.out
    later = "import time; uptime = time.monotonic; time.monotonic = lambda: uptime() + 60"
    recovers(edge, inside=f"{later}\n{QUICK}")


# --- files ------------------------------------------------------------------------------------------------------------


def longer(path: Path, content: bytes) -> bytes:
    """A camera goes on writing."""
    return content + b"more"


def other(path: Path, content: bytes) -> bytes:
    """A camera reuses the name."""
    return clip(len(content) // 2, seed=1000)


@pytest.mark.parametrize("change", [longer, other])
def test_a_file_that_changes_on_the_way_is_uploaded_as_it_is_in_the_end(
    edge: Box, change: Callable[[Path, bytes], bytes]
) -> None:
    path = edge.put(NAMES[0], LARGE)
    edge.put(NAMES[1])
    before = edge.files[os.fsencode(NAMES[0])]

    def written() -> None:
        content = edge.files[os.fsencode(NAMES[0])] = change(path, before)
        path.write_bytes(content)
        os.utime(path, (1, path.stat().st_mtime - 1800))

    edge.proxy.plan(Fault("body", after=PART // 2, do=written), when=does("part", 2))
    ran = run(edge, *ONE)
    assert ran.code == SOME_FAILED
    assert f"failed: {path}: changed" in ran.err
    assert "1 uploaded" in ran.out and "1 failed" in ran.out
    assert not edge.weed.client.list_multipart_uploads(Bucket=edge.bucket).get("Uploads")
    recovers(edge)


def test_bytes_that_change_behind_the_same_size_and_time_are_refused(edge: Box) -> None:
    """As of a card that goes bad: each reading gives something else."""
    path = edge.put(NAMES[0], LARGE)
    was = path.stat()

    def rot() -> None:
        with path.open("r+b") as file:
            file.seek(-500, os.SEEK_END)
            file.write(b"ROTTEN")
        os.utime(path, ns=(was.st_atime_ns, was.st_mtime_ns))
        edge.files[os.fsencode(NAMES[0])] = path.read_bytes()

    edge.proxy.plan(Fault("answer", do=rot), when=does("part", 2))
    ran = run(edge, *ONE)
    assert ran.code == SOME_FAILED
    assert "its bytes are not those that were hashed" in ran.err
    recovers(edge)


@pytest.mark.parametrize("sent", [0, 1, 2])
def test_a_file_that_is_deleted_before_it_is_uploaded(edge: Box, sent: int) -> None:
    """While it waits, or after so many of its parts were sent: those are not left to be paid for."""
    edge.put(NAMES[0], age_s=7200)
    path = edge.put(NAMES[1], LARGE)
    edge.put(NAMES[2], age_s=600)
    del edge.files[os.fsencode(NAMES[1])]
    edge.proxy.plan(Fault("answer", do=path.unlink), when=does("part", sent) if sent else does("put"))
    ran = run(edge, *ONE)
    assert ran.code == SOME_FAILED
    assert f"failed: {path}: changed or disappeared during the upload" in ran.err
    assert "2 uploaded" in ran.out and "1 failed" in ran.out
    recovers(edge)


def powerless() -> None:
    """Take from the superuser the right to read what he may not."""
    for right in (1, 2):  # CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH, by PR_CAPBSET_DROP
        if os.geteuid() == 0 and ctypes.CDLL(None, use_errno=True).prctl(24, right, 0, 0, 0):
            raise OSError(ctypes.get_errno(), "prctl")


@pytest.mark.parametrize("what", ["file", "folder"])
def test_what_may_not_be_read_is_reported_and_the_rest_is_uploaded(edge: Box, what: str) -> None:
    edge.put(NAMES[0])
    path = edge.put("locked/2025_0615_130000_000001F.MP4")
    shut = path if what == "file" else path.parent
    shut.chmod(0)
    ran = run(edge, preexec_fn=powerless)
    assert ran.code == SOME_FAILED
    verb = "read" if what == "file" else "listed"
    assert f"failed: {shut}: cannot be {verb}: Permission denied" in ran.err
    assert "1 uploaded" in ran.out and "1 failed" in ran.out
    shut.chmod(0o700)
    recovers(edge)


def test_a_file_that_the_card_cannot_give_any_more_is_reported_and_the_rest_is_uploaded(edge: Box) -> None:
    edge.put(NAMES[0])
    edge.put(NAMES[1], LARGE)
    inside = f"""{QUICK}
import errno, io, os
real = io.open
class Broken(io.FileIO):
    def readinto(self, buffer):
        raise OSError(errno.EIO, os.strerror(errno.EIO))
def open_card(file, *more, **options):
    return io.BufferedReader(Broken(file)) if os.fsencode(file).endswith(b"1F.MP4") else real(file, *more, **options)
io.open = open_card
"""
    ran = run(edge, inside=inside)
    assert ran.code == SOME_FAILED
    assert f"failed: {edge.card / NAMES[1]}: cannot be read: Input/output error" in ran.err
    assert "1 uploaded" in ran.out and "1 failed" in ran.out
    recovers(edge)


def test_what_is_no_file_is_passed_by(edge: Box) -> None:
    """Links that lead nowhere or in circles, pipes that nobody writes to, sockets."""
    edge.put(NAMES[0])
    movies = (edge.card / NAMES[0]).parent
    os.mkfifo(movies / "2025_0615_130000_000001F.MP4")
    (movies / "2025_0615_140000_000001F.MP4").symlink_to(edge.card / "nowhere.MP4")
    (movies / "itself").symlink_to(movies / "itself")
    (movies / "up").symlink_to(edge.card)
    (movies / "there").symlink_to(movies / "back")
    (movies / "back").symlink_to(movies / "there")
    (movies / "2025_0615_150000_000001F.MP4").symlink_to(movies / Path(NAMES[0]).name)
    recovers(edge)


def test_a_folder_that_is_a_link_is_uploaded(edge: Box) -> None:
    edge.put(NAMES[0])
    inside = edge.card.with_name("real")
    edge.card.rename(inside)
    edge.card.symlink_to(inside)
    recovers(edge)


def test_names_of_any_bytes_arrive(edge: Box) -> None:
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
    ran = run(edge)
    assert ran.code == DONE, ran
    assert ran.out.startswith(f"{len(names)} uploaded")
    assert all(c.isprintable() or c == "\n" for c in ran.out + ran.err)
    all_is_well(edge)


def test_the_longest_names_arrive(config: Config, card: Path, s3: Any) -> None:
    """At another server, for their keys are longer than this one takes."""
    names: list[str | bytes] = ["é" * 125 + "a.mp4", "日" * 83 + "ab.mp4", b"\xff" * 251 + b".mp4"]
    assert [len(os.fsencode(name)) for name in names] == [255] * 3
    contents = [put(card, name).read_bytes() for name in names]
    where = ["--bucket", config.bucket, "--state", str(config.state), "--endpoint-url", str(config.endpoint_url)]
    command = [sys.executable, "-m", "impp_edge", "sync", str(card), *where]
    ran = subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=LONG_S)
    assert (ran.returncode, ran.stderr) == (DONE, ""), ran
    assert sorted(objects(s3).values()) == sorted(contents)


def test_names_of_any_bytes_are_reported_without_moving_the_cursor(edge: Box) -> None:
    edge.put("\x1b[2Jtwo\nlines\u202e.mp4")
    edge.put(b"\xff\xfe.mp4")
    edge.proxy.plan(Fault(status=403, code="AccessDenied"), times=1000)
    ran = run(edge)
    assert ran.code == SOME_FAILED
    assert ran.err.count("\n") == 2 and all(c.isprintable() or c == "\n" for c in ran.err)
    assert "\\x1b[2Jtwo\\nlines\\u202e.mp4" in ran.err and "\\xff\\xfe.mp4" in ran.err
    recovers(edge)


MEMORY = "import atexit; atexit.register(lambda: print(open('/proc/self/status').read(), file=open({!r}, 'w')))"
"""For the inside: what the system says of the process at its end."""


def test_a_folder_of_100_000_files(edge: Box, tmp_path: Path) -> None:
    """Most of them no footage, so that the first run takes seconds too; between them some clips, one of them new in the
    last run."""
    movies = edge.card / "DCIM/Movie"
    movies.mkdir(parents=True)
    directory = os.open(movies, os.O_RDONLY)
    for number in range(100_000):
        os.close(os.open(f"{number:06}", os.O_CREAT | os.O_WRONLY, dir_fd=directory))
    os.close(directory)
    for name in NAMES[:3]:
        edge.put(name)
    for brought, most_mb in ((3, 200), (0, 100), (1, 100)):
        if brought == 1:
            edge.put(NAMES[3])
        status = tmp_path / "status"
        ran = run(edge, "--unknown", "skip", inside=f"{MEMORY.format(str(status))}\n{QUICK}")
        assert (ran.code, ran.err) == (DONE, ""), ran
        assert ran.out.startswith(f"{brought} uploaded") and "100000 skipped (100000 no known camera)" in ran.out
        peak_kb = int(status.read_text().split("VmHWM:")[1].split()[0])
        assert peak_kb < most_mb * 1000
    edge.check()


# --- the card ---------------------------------------------------------------------------------------------------------


def test_a_card_that_is_pulled_out_in_the_midst_of_a_part(edge: Box) -> None:
    edge.put(NAMES[0], LARGE, age_s=7200)
    for name in NAMES[1:6]:
        edge.put(name)
    away = edge.card.with_name("away")
    edge.proxy.plan(Fault("body", after=PART // 2, do=lambda: edge.card.rename(away)), when=does("part", 2))
    ran = run(edge, *ONE)
    assert ran.code == SOME_FAILED
    assert ran.err == f"failed: {edge.card}: the card was removed: its files wait for the next run\n"
    away.rename(edge.card)
    recovers(edge, *ONE)
    assert parts_sent(edge) == [1, 2, 3]


def test_a_card_that_is_away_is_not_a_card_whose_files_were_deleted(edge: Box) -> None:
    """Only the empty folder is there that it is mounted on; the upload of its file waits for it."""
    edge.put(NAMES[0], age_s=7200)
    edge.put(NAMES[1], LARGE)
    edge.proxy.plan(Fault("head", do=edge.proxy.go_away, reset=True), when=does("part", 3))
    assert run(edge, *ONE).code == SOME_FAILED
    edge.proxy.come_back()
    away = edge.card.with_name("away")
    edge.card.rename(away)
    edge.card.mkdir()
    ran = run(edge)
    assert (ran.code, ran.err) == (DONE, f"no card in {edge.card}: waiting for one\n")
    edge.card.rmdir()
    away.rename(edge.card)
    recovers(edge, *ONE)
    assert parts_sent(edge) == [1, 2, 3]


# --- being asked to stop ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_asked_to_stop_it_ends_with_the_part_and_goes_on_there(edge: Box, number: int) -> None:
    edge.put(NAMES[0], LARGE)
    edge.put(NAMES[1], age_s=600)
    process: queue.Queue[subprocess.Popen[str]] = queue.Queue()
    fault = Fault("body", after=PART // 2, do=lambda: process.get().send_signal(number))
    edge.proxy.plan(fault, when=does("part", 2))
    process.put(running := start(edge, *ONE))
    ran = ended(running)
    assert ran.code == SOME_FAILED
    assert "0 uploaded" in ran.out and "2 waiting" in ran.out and "stopped: asked to stop" in ran.out
    edge.proxy.drain()
    assert parts_sent(edge) == [1, 2]
    recovers(edge, *ONE)
    assert parts_sent(edge) == [1, 2, 3]


# --- the daemon -------------------------------------------------------------------------------------------------------


class Daemon:
    """``impp-edge watch``, with its events one by one."""

    def __init__(self, edge: Box, *more: str, **how: Any) -> None:
        self.process = start(edge, "--json", *more, command="watch", **how)
        self._timer = threading.Timer(LONG_S, self.process.kill)
        self._timer.start()

    def wait_for(self, kind: str, **fields: str) -> dict[str, Any]:
        """The next event of a kind whose fields contain these texts."""
        assert self.process.stdout
        said = []
        for line in self.process.stdout:
            event = json.loads(line)
            if event["event"] == kind and all(text in str(event[name]) for name, text in fields.items()):
                return event
            said.append(line)
        raise AssertionError(f"it ended before: {said} {self.process.stderr and self.process.stderr.read()}")

    def end(self) -> Ran:
        """Ask it to stop."""
        self.process.send_signal(signal.SIGTERM)
        return ended(self.process)

    def close(self) -> None:
        self._timer.cancel()
        self.process.kill()
        self.process.wait()


@contextmanager
def watching(edge: Box, *more: str, **how: Any) -> Iterator[Daemon]:
    """A daemon that is ended at the end, whatever happens."""
    daemon = Daemon(edge, *more, **how)
    try:
        yield daemon
    finally:
        daemon.close()


def test_the_daemon_ends_in_order_and_the_next_one_goes_on(edge: Box) -> None:
    edge.put(NAMES[0], LARGE)
    daemons: queue.Queue[Daemon] = queue.Queue()
    fault = Fault("body", after=PART // 2, do=lambda: daemons.get().process.send_signal(signal.SIGTERM))
    edge.proxy.plan(fault, when=does("part", 2))
    with watching(edge, *ONE) as daemon:
        daemons.put(daemon)
        ran = ended(daemon.process)
    assert (ran.code, ran.err) == (DONE, ""), ran
    edge.proxy.drain()
    assert parts_sent(edge) == [1, 2]
    with watching(edge, *ONE) as daemon:
        daemon.wait_for("brought", path=NAMES[0])
        ran = daemon.end()
    assert (ran.code, ran.err) == (DONE, ""), ran
    assert parts_sent(edge) == [1, 2, 3]
    all_is_well(edge)


def test_the_daemon_waits_for_a_server_that_is_gone(edge: Box) -> None:
    edge.put(NAMES[0], LARGE)
    edge.put(NAMES[1], age_s=600)
    edge.proxy.plan(Fault("body", after=PART // 2, do=edge.proxy.go_away, reset=True), when=does("part", 2))
    with watching(edge, *ONE, inside=f"{QUICK}; from impp_edge.run import watch; watch.OFFLINE_S = 0.1") as daemon:
        said = daemon.wait_for("note", reason="cannot be reached")
        assert said["reason"].endswith("Connection refused; trying again")
        edge.proxy.come_back()
        daemon.wait_for("brought", path=NAMES[0])
        daemon.wait_for("brought", path=NAMES[1])
        ran = daemon.end()
    assert (ran.code, ran.err) == (DONE, ""), ran
    assert parts_sent(edge) == [1, 2, 3]
    all_is_well(edge)


def test_in_the_daemon_an_event_comes_before_the_rest_of_a_routine_clip(edge: Box, bell: Bell) -> None:
    edge.put(NAMES[0], LARGE)
    event = "BlackVue/Record/20250615_130000_EF.mp4"
    inside = f"""{QUICK}
from impp_edge.card.board import Board
real = Board.add
def add(self, found, *more):
    added = real(self, found, *more)
    if added and b"_EF" in found.name:
        {bell.ring}
    return added
Board.add = add
"""

    def happens() -> None:
        for number in range(30):  # more folders at once than it can come to listen to, which is no trouble
            (edge.card / f"new {number}/and/deeper").mkdir(parents=True)
        edge.put(event)
        bell.wait()

    edge.proxy.plan(Fault("body", after=PART // 2, do=happens), when=does("part", 2))
    with watching(edge, *ONE, "--settle-s", "0", inside=inside, pass_fds=[bell.number]) as daemon:
        daemon.wait_for("brought", path=event)
        daemon.wait_for("brought", path=NAMES[0])
        ran = daemon.end()
    assert (ran.code, ran.err) == (DONE, ""), ran
    order = [(r.action, r.part) for r in edge.proxy.acknowledged("part", "put", "complete")]
    assert order == [("part", 1), ("part", 2), ("put", None), ("part", 3), ("complete", None)]
    all_is_well(edge)


def test_in_the_daemon_files_of_the_future_and_of_1970_are_uploaded_when_they_were_quiet(edge: Box) -> None:
    """As a camera writes them whose clock is wrong."""
    edge.put(NAMES[0], age_s=-10 * YEAR)
    os.utime(edge.put(NAMES[1]), (0, 0))
    with watching(edge, "--settle-s", "0.3") as daemon:
        daemon.wait_for("restless", path=NAMES[0])
        daemon.wait_for("brought", path=NAMES[0])
        ran = daemon.end()
    assert (ran.code, ran.err) == (DONE, ""), ran
    all_is_well(edge)
