"""The state: what it keeps, its error messages, and recovery from damage without loss."""

# ruff: noqa: PTH119, PTH120  # pathlib knows no paths in bytes

from __future__ import annotations

import base64
import errno
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.edge.state_rows import ABOUT, BROUGHT, BUCKET, At
from tests.support.paths import REPOSITORY

from impp_edge.digest import Digest
from impp_edge.memory import database
from impp_edge.memory.state import About, Entry, Locked, Pending, S3Object, State, StateError, lock


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    with lock(tmp_path / "state"):
        memory = State(tmp_path / "state")
        yield memory
        memory.close()


def reopened(state: State, folder: Path) -> State:
    state.close()
    return State(folder)


def known_in(state: State, directory: bytes) -> list[tuple[bytes, int, int, int]]:
    with state.lookup(BUCKET) as rows:
        return list(rows(directory))


# --- what is known ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("raw", [b"/card/a.mp4", b"/card/\xff\xfe/\x01\n.mp4", b"/a.mp4", "/ü/日本.mp4".encode()])
def test_a_file_is_known_by_bucket_path_size_and_mtime(state: State, raw: bytes) -> None:
    file = At(raw)
    assert state.known(BUCKET, file) is None
    state.remember(BUCKET, file, BROUGHT, ABOUT)
    assert state.known(BUCKET, file) == "brought"
    assert state.key(BUCKET, raw) == BROUGHT.key and state.key("other", raw) is None
    for other in (At(raw, size=101), At(raw, mtime_ns=1), At(raw + b"x")):
        assert state.known(BUCKET, other) is None
    assert state.known("another-bucket", file) is None
    assert known_in(state, os.path.dirname(raw)) == [(os.path.basename(raw), 100, 1_000_000_000, 0)]
    [entry] = state.entries()
    assert (entry.raw, entry.size, entry.mtime_ns) == (raw, file.size, file.mtime_ns)
    assert (entry.s3_object, entry.about, entry.gone) == (BROUGHT, ABOUT, None)


def test_skipped_files_are_known_with_their_reason_until_the_rules_change(state: State) -> None:
    state.reconsider(BUCKET, b"/card", "rules 1")
    state.remember(BUCKET, At(b"/card/clip.mp4"), BROUGHT)
    state.skip(BUCKET, [
        (At(b"/card/a.txt"), "no media"), (At(b"/card/deep/b.thm"), "sidecar"), (At(b"/card2/c.txt"), "no media"),
    ])  # fmt: skip
    assert state.known(BUCKET, At(b"/card/a.txt")) == "no media"
    assert state.status().skipped == {"no media": 2, "sidecar": 1}
    assert [(str(path), reason) for path, reason in state.skips(BUCKET)] == [
        ("/card/a.txt", "no media"), ("/card/deep/b.thm", "sidecar"), ("/card2/c.txt", "no media"),
    ]  # fmt: skip
    state.reconsider(BUCKET, b"/card", "rules 1")
    assert state.known(BUCKET, At(b"/card/a.txt")) == "no media"
    state.reconsider(BUCKET, b"/card", "rules 2")
    assert [str(path) for path, _ in state.skips()] == ["/card2/c.txt"]
    assert state.known(BUCKET, At(b"/card/clip.mp4")) == "brought"
    state.remember(BUCKET, At(b"/card2/c.txt"), BROUGHT)  # it turned out to be wanted
    assert state.known(BUCKET, At(b"/card2/c.txt")) == "brought" and not list(state.skips())


def test_a_recorded_upload_is_no_longer_pending(state: State) -> None:
    file = At(b"/card/a.mp4")
    state.failed(Path("/card/a.mp4"), "S3 returned 500")
    state.failed(Path("/card/a.mp4"), "S3 returned 503")
    failure = state.failure(file)
    assert failure is not None and (failure.reason, failure.times) == ("S3 returned 503", 2)
    state.quiet_for(file, "boot", 5.0)
    state.begin(BUCKET, file, Pending("k", "u", Digest(1, "ab" * 32, "AAAAAAAAAAE=", 1, ("AAAAAAAAAAE=",))))
    status = state.status()
    assert (status.restless, status.pending, status.failures, status.files) == (1, 1, 1, 0)
    state.remember(BUCKET, file, BROUGHT, ABOUT)
    status = state.status()
    assert (status.restless, status.pending, status.failures, status.failed) == (0, 0, 0, [])
    assert (status.files, status.bytes, status.totals[0].recording) == (1, 100, "event") and status.last
    assert state.failure(file) is None


def test_a_reused_name_keeps_the_first_file_in_history(state: State) -> None:
    second = S3Object("k2", None, "cd" * 32, "AAAAAAAAAAI=")
    state.remember(BUCKET, At(b"/card/GRMN0001.MP4"), BROUGHT, ABOUT)
    state.remember(BUCKET, At(b"/card/GRMN0001.MP4", size=7), second)
    assert [(e.s3_object.key, e.gone) for e in state.entries()] == [("k2", None)]
    assert [(e.s3_object.key, e.gone) for e in state.entries(gone=True)] == [
        (BROUGHT.key, "overwritten"), ("k2", None),
    ]  # fmt: skip
    state.remember(BUCKET, At(b"/card/GRMN0001.MP4", size=7, mtime_ns=9), second)  # touched, found there again
    assert len(list(state.entries(gone=True))) == 2
    assert state.known(BUCKET, At(b"/card/GRMN0001.MP4", size=7)) is None


def test_a_removed_file_stays_in_history_and_is_new_when_it_returns(state: State) -> None:
    state.remember(BUCKET, At(b"/card/a.mp4"), BROUGHT, ABOUT)
    [entry] = state.entries(BUCKET)
    state.removed(entry)
    assert state.known(BUCKET, entry) is None and not list(state.entries())
    [kept] = state.entries(gone=True)
    assert kept.gone == "removed" and kept.gone_at and kept.s3_object == BROUGHT
    assert state.status().files == 1
    state.remember(BUCKET, At(b"/card/a.mp4"), BROUGHT, ABOUT)
    assert [e.gone for e in state.entries(gone=True)] == ["removed", None]


def test_entries_are_oldest_first_and_filtered_by_folder_time_and_bucket(state: State) -> None:
    for n, raw in enumerate([b"/card/b.mp4", b"/card/a/z.mp4", b"/card/a0.mp4", b"/card/a.mp4"]):
        state.remember(BUCKET, At(raw, mtime_ns=(9 - n) * 10**9), BROUGHT)
    state.remember("other", At(b"/card/b.mp4"), BROUGHT)

    def names(entries: Iterator[Entry]) -> list[str]:
        return [entry.path.name for entry in entries]

    assert names(state.entries(BUCKET)) == ["a.mp4", "a0.mp4", "z.mp4", "b.mp4"]
    assert names(state.entries(BUCKET, Path("/card/a"))) == ["z.mp4"]
    assert names(state.entries(BUCKET, Path("/card/b.mp4"))) == ["b.mp4"]
    assert names(state.entries(BUCKET, Path("/"))) == ["a.mp4", "a0.mp4", "z.mp4", "b.mp4"]
    assert names(state.entries(BUCKET, since=8)) == ["z.mp4", "b.mp4"]
    assert len(list(state.entries())) == 5


def test_forget_takes_a_file_or_folder_in_one_or_all_buckets(state: State) -> None:
    for raw in (b"/card/a/1.mp4", b"/card/a/b/2.mp4", b"/card/ab.mp4"):
        state.remember(BUCKET, At(raw), BROUGHT)
        state.remember("other", At(raw), BROUGHT)
    state.skip(BUCKET, [(At(b"/card/a/3.txt"), "no media")])
    state.failed(Path("/card/a/4.mp4"), "unreadable")
    assert state.forget(Path("/card/a"), BUCKET) == 3
    assert [e.raw for e in state.entries(BUCKET)] == [b"/card/ab.mp4"]
    assert not list(state.skips()) and not state.status().failures
    assert len(list(state.entries("other"))) == 3
    assert state.forget(Path("/card/ab.mp4")) == 2
    assert state.forget(Path("/card/ab.mp4")) == 0
    assert len(list(state.entries())) == 2


def test_a_batch_is_atomic(state: State, tmp_path: Path) -> None:
    with state.batch(), state.batch():
        state.remember(BUCKET, At(b"/card/1.mp4"), BROUGHT)
        state.set("custody", "head 1")
    with pytest.raises(RuntimeError), state.batch():
        state.remember(BUCKET, At(b"/card/2.mp4"), BROUGHT)
        state.set("custody", "head 2")
        raise RuntimeError
    again = reopened(state, tmp_path / "state")
    assert [e.raw for e in again.entries()] == [b"/card/1.mp4"] and again.get("custody") == "head 1"
    again.set("custody", None)
    assert again.get("custody") is None
    again.close()


def test_an_os_error_inside_a_batch_is_not_a_state_error(state: State) -> None:
    with pytest.raises(FileNotFoundError), state.batch():
        state.remember(BUCKET, At(b"/card/1.mp4"), BROUGHT)
        Path("/none/such").stat()
    assert not list(state.entries())


def test_readers_see_a_snapshot_during_writes(state: State) -> None:
    for n in range(50):
        state.remember(BUCKET, At(b"/card/%d.mp4" % n), BROUGHT)
    seen = 0
    for entry in state.entries():
        state.removed(entry)
        state.remember(BUCKET, At(b"/card/new-%d.mp4" % seen), BROUGHT)
        seen += 1
    assert seen == 50


def test_many_threads_share_the_state(state: State) -> None:
    def work(thread: int) -> None:
        for n in range(50):
            file = At(b"/card/%d/%d.mp4" % (thread, n))
            state.begin(BUCKET, file, Pending("k", None, Digest(1, "ab" * 32, "AAAAAAAAAAE=", 1, ("AAAAAAAAAAE=",))))
            with state.batch():
                assert state.pending(BUCKET, file)
                state.remember(BUCKET, file, BROUGHT)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(list(state.entries())) == 300 and state.status().pending == 0


# --- what waits -------------------------------------------------------------------------------------------------------


def test_settle_time_counts_from_the_last_change_in_this_boot(state: State, tmp_path: Path) -> None:
    file, grown = At(b"/card/a.mp4"), At(b"/card/a.mp4", size=101)
    assert [state.quiet_for(file, "b", t) for t in (100.0, 105.0)] == [0.0, 5.0]
    state = reopened(state, tmp_path / "state")
    assert state.quiet_for(file, "b", 111.0) == 11.0
    assert [state.quiet_for(grown, "b", t) for t in (112.0, 113.0)] == [0.0, 1.0]
    assert [state.quiet_for(grown, "next boot", t) for t in (500.0, 501.0)] == [0.0, 1.0]
    assert state.quiet_for(grown, "next boot", 20.0) == 0.0
    state.close()


def test_failures_of_removed_files_are_forgotten_except_on_an_absent_card(state: State, tmp_path: Path) -> None:
    for name in ("here/gone.mp4", "here/there.mp4", "out/gone.mp4", "empty/gone.mp4"):
        state.failed(tmp_path / name, "unreadable")
        state.quiet_for(At(os.fsencode(tmp_path / name)), "b", 1.0)
    (tmp_path / "here").mkdir()
    (tmp_path / "here/there.mp4").touch()
    (tmp_path / "empty").mkdir()
    state.tidy()
    assert {Path(f.path).relative_to(tmp_path).as_posix() for f in state.status().failed} == {
        "here/there.mp4", "out/gone.mp4", "empty/gone.mp4",
    }  # fmt: skip
    assert state.status().restless == 3


# --- uploads in progress ----------------------------------------------------------------------------------------------


def test_a_pending_upload_is_restored_with_its_checksums_and_is_small(state: State, tmp_path: Path) -> None:
    crcs = tuple(base64.b64encode(n.to_bytes(8, "big")).decode() for n in range(10_000))  # of 5 TB
    digest = Digest(5 * 2**40, "0f" * 32, crcs[7], 2**29, crcs)
    state.begin(BUCKET, At(b"/card/a.mp4"), Pending("key", None, digest))
    state.begin(BUCKET, At(b"/card/a.mp4"), Pending("key", "upload", digest))
    state = reopened(state, tmp_path / "state")
    assert state.pending(BUCKET, At(b"/card/a.mp4")) == Pending("key", "upload", digest)
    assert state.pending("other", At(b"/card/a.mp4")) is None
    assert state.pending(BUCKET, At(b"/card/a.mp4", size=1)) is None
    state.end(BUCKET, At(b"/card/a.mp4"))
    assert state.pending(BUCKET, At(b"/card/a.mp4")) is None
    state.close()
    assert (tmp_path / "state/state.sqlite3").stat().st_size < 200_000


def test_changed_and_removed_uploads_are_stale_except_on_an_absent_card(state: State, tmp_path: Path) -> None:
    digest = Digest(1, "ab" * 32, "AAAAAAAAAAE=", 1, ("AAAAAAAAAAE=",))
    for folder in ("here", "pulled"):
        (tmp_path / folder).mkdir()
    files = {}
    for name in ("here/same", "here/changed", "here/removed", "pulled/away", "unmounted/away"):
        path = tmp_path / name
        if name in ("here/same", "here/changed"):
            path.write_bytes(b"1")
            status = path.stat()
            files[name] = At(os.fsencode(path), status.st_size, status.st_mtime_ns)
        else:
            files[name] = At(os.fsencode(path))
        state.begin(BUCKET, files[name], Pending(name, f"upload of {name}", digest))
    (tmp_path / "here/changed").write_bytes(b"22")
    changed = (tmp_path / "here/changed").stat()
    state.begin(BUCKET, At(files["here/changed"].raw, 2, changed.st_mtime_ns), Pending("anew", "its upload", digest))
    stale = list(state.stale(BUCKET))
    assert {(s.key, s.upload) for s in stale} == {(n, f"upload of {n}") for n in ("here/changed", "here/removed")}
    for one in stale:
        state.end(BUCKET, one)
    assert not list(state.stale(BUCKET)) and state.status().pending == 4


def test_throughput_of_the_last_runs_is_kept(state: State) -> None:
    for n in range(250):
        state.sample(n, n * 1000, 2.0)
    samples = state.samples()
    assert [s.files for s in samples] == list(range(249, 49, -1))
    assert (samples[0].bytes, samples[0].seconds) == (249_000, 2.0) and samples[0].at > 0


# --- one run at a time ------------------------------------------------------------------------------------------------


def test_the_lock_names_its_holder_and_ends_with_its_process(tmp_path: Path) -> None:
    code = "import sys; from pathlib import Path; from impp_edge.memory.state import lock\n" \
           "with lock(Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"  # fmt: skip
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "s")], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY / "edge")},
    )  # fmt: skip
    assert holder.stdout and holder.stdout.readline() == b"held\n"
    with pytest.raises(Locked, match=rf"process {holder.pid}\b"), lock(tmp_path / "s"):
        pass
    holder.kill()
    holder.wait()
    with lock(tmp_path / "s"):
        assert (tmp_path / "s/lock").read_text() == f"{os.getpid()}\n"


def test_a_lock_file_with_any_content_can_be_locked(tmp_path: Path) -> None:
    (tmp_path / "lock").write_bytes(b"\x1b[31m\xff" * 1000)
    with lock(tmp_path):
        (tmp_path / "lock").write_bytes(b"\x1b[31m\xff")
        with pytest.raises(Locked, match=r"^another run holds "), lock(tmp_path):
            pass


def test_a_file_system_without_locks_is_reported_as_such(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(database.fcntl, "flock", refuse)
    with pytest.raises(StateError, match="lock: No locks available"), lock(tmp_path):
        pass


def test_status_can_be_read_during_a_run(state: State, tmp_path: Path) -> None:
    state.remember(BUCKET, At(b"/card/1.mp4"), BROUGHT)
    reader = State(tmp_path / "state", write=False)
    with state.batch():
        state.remember(BUCKET, At(b"/card/2.mp4"), BROUGHT)
        assert reader.status().files == 1
    assert reader.status().files == 2
    with pytest.raises(StateError, match="cannot be written"):
        reader.set("a", "b")
    reader.close()


def test_reading_creates_no_state(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="nothing was uploaded"):
        State(tmp_path / "none", write=False)
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("name", ["plain", "a?b#c%20d", "\udcff\n"])
def test_the_state_folder_may_have_any_name(tmp_path: Path, name: str) -> None:
    state = State(tmp_path / name)
    state.remember(BUCKET, At(b"/card/1.mp4"), BROUGHT)
    assert len(list(state.entries())) == 1
    state.close()
    assert [path.name for path in tmp_path.iterdir()] == [name]


# --- fresh, damaged, full ---------------------------------------------------------------------------------------------


def test_new_state_is_fresh_until_every_file_was_handled(tmp_path: Path) -> None:
    state = State(tmp_path)
    assert state.fresh and state.repaired is None
    state = reopened(state, tmp_path)
    assert state.fresh  # the first run may have died half-way
    state.caught_up()
    assert not state.fresh
    state = reopened(state, tmp_path)
    assert not state.fresh
    state.close()


def filled(folder: Path, files: int = 2000) -> Path:
    state = State(folder)
    state.caught_up()
    with state.batch():
        for n in range(files):
            state.remember(BUCKET, At(b"/card/%d/%06d.mp4" % (n % 7, n)), BROUGHT, ABOUT)
    state.close()
    return folder / database.FILE


@pytest.mark.parametrize(
    "content", [b"this is no database" * 1000, b"\x00" * 8192, b"SQLite format 3\x00" + b"\xff" * 9000]
)
def test_an_invalid_database_is_set_aside_and_recreated(tmp_path: Path, content: bytes) -> None:
    (tmp_path / database.FILE).write_bytes(content)
    state = State(tmp_path)
    assert state.fresh and state.repaired and "rebuilt from the bucket" in state.repaired
    [aside] = tmp_path.glob("state.sqlite3.corrupt-*Z")
    assert aside.read_bytes() == content and aside.name in state.repaired
    state.remember(BUCKET, At(b"/card/1.mp4"), BROUGHT)
    state = reopened(state, tmp_path)
    assert state.repaired is None and state.known(BUCKET, At(b"/card/1.mp4"))
    state.close()


def test_an_empty_database_file_is_new_state(tmp_path: Path) -> None:
    (tmp_path / database.FILE).touch()
    state = State(tmp_path)
    assert state.fresh and state.repaired is None
    state.close()


def test_damage_found_during_a_run_is_reported_and_the_next_run_recreates_the_state(tmp_path: Path) -> None:
    file = filled(tmp_path)
    content = bytearray(file.read_bytes())
    content[4096:] = os.urandom(len(content) - 4096)
    file.write_bytes(content)
    with pytest.raises(StateError, match=r"is damaged .* run again, and it is rebuilt from the bucket"):
        state = State(tmp_path)
        list(state.entries())
    with pytest.raises(StateError, match="damaged"):
        list(State(tmp_path, write=False).entries())
    assert not list(tmp_path.glob("*.corrupt-*"))  # who only reads repairs nothing
    state = State(tmp_path)
    assert state.fresh and state.repaired and not list(state.entries())
    state.close()
    assert len(list(tmp_path.glob("state.sqlite3.corrupt-*Z"))) == 1


@pytest.mark.slow
def test_any_damage_is_reported_and_the_next_run_works(tmp_path: Path) -> None:
    good = filled(tmp_path / "good").read_bytes()
    chance = random.Random(20260115)
    repaired = 0
    for n in range(40):
        folder = tmp_path / str(n)
        folder.mkdir()
        broken = bytearray(good)
        for _ in range(chance.choice([1, 10, 100])):
            at = chance.randrange(len(broken))
            broken[at : at + 64] = chance.randbytes(len(broken[at : at + 64]))
        if chance.random() < 0.2:
            del broken[chance.randrange(len(broken)) :]
        (folder / database.FILE).write_bytes(broken)
        for _ in range(3):
            try:
                state = State(folder)
            except StateError:
                continue
            try:
                list(state.entries())
                state.status()
                state.remember(BUCKET, At(b"/card/3/%06d.mp4" % n), BROUGHT)
            except StateError:
                continue
            finally:
                state.close()
                repaired += state.repaired is not None
    assert repaired > 10


@pytest.mark.slow
def test_state_of_a_killed_run_is_checked_and_kept(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys; from pathlib import Path; sys.path.insert(0, sys.argv[2])\n"
        "from tests.support.edge.state_rows import *\n"
        "s = State(Path(sys.argv[1])); s.caught_up()\n"
        "for n in range(100): s.remember(BUCKET, At(b'/card/%d.mp4' % n), BROUGHT)\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    env = {**os.environ, "PYTHONPATH": f"{REPOSITORY / 'edge'}:{REPOSITORY / 'src'}:{REPOSITORY}"}
    for folder in ("kept", "broken"):
        killed = subprocess.run(
            [sys.executable, "-c", code, str(tmp_path / folder), str(REPOSITORY)], env=env, timeout=60
        )
        assert killed.returncode == -signal.SIGKILL
    state = State(tmp_path / "kept")
    assert len(list(state.entries())) == 100 and not state.fresh and state.repaired is None
    state.close()
    wal = tmp_path / "broken/state.sqlite3-wal"
    assert wal.stat().st_size > 0
    database_file = tmp_path / "broken/state.sqlite3"
    database_file.write_bytes(filled(tmp_path / "other").read_bytes()[:20_000])  # a card that lost what it had written
    wal.write_bytes(b"")
    state = State(tmp_path / "broken")
    assert state.fresh and state.repaired
    state.close()


def test_only_the_last_damaged_databases_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for year in range(2001, 2006):
        (tmp_path / f"state.sqlite3.corrupt-{year}0101T000000Z").touch()
    (tmp_path / database.FILE).write_bytes(b"no database" * 1000)
    State(tmp_path).close()
    kept = sorted(path.name for path in tmp_path.glob("*corrupt*"))
    assert len(kept) == database.KEPT and "2005" in kept[1] and "2004" in kept[0]


def test_a_full_disk_is_reported_and_writes_continue_with_free_space(state: State) -> None:
    state.remember(BUCKET, At(b"/card/0.mp4"), BROUGHT)
    [pages] = state._db.execute("PRAGMA page_count").fetchone()
    state._db.execute(f"PRAGMA max_page_count={pages}")
    with pytest.raises(StateError, match="the disk is full: free some space"):
        for n in range(1, 1000):
            with state.batch():
                state.remember(BUCKET, At(b"/card/%d.mp4" % n), BROUGHT)
    kept = len(list(state.entries()))
    assert kept == n  # all but the last, and that one wholly not
    assert state.known(BUCKET, At(b"/card/%d.mp4" % n)) is None
    state._db.execute("PRAGMA max_page_count=100000")
    state.remember(BUCKET, At(b"/card/%d.mp4" % n), BROUGHT)
    assert len(list(state.entries())) == kept + 1 and not state.repaired


FULL = """
import os, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from tests.support.edge.state_rows import *
folder = Path(sys.argv[2])
state = State(folder)
n = 0
try:
    while True:
        state.remember(BUCKET, At(b"/card/%d.mp4" % n), BROUGHT)
        n += 1
except StateError as error:
    print(error)
try:
    state.close()
except StateError:
    pass
try:
    state = State(folder)
    assert state.repaired is None
    state.close()
except StateError as error:
    print(error)
(folder / "ballast").unlink()
state = State(folder)
assert len(list(state.entries())) == n and n > 50, n
state.remember(BUCKET, At(b"/card/more.mp4"), BROUGHT)
state.close()
(folder / "state.sqlite3").unlink()
try:
    while True:
        with (folder / "more").open("ab") as file:
            file.write(b"1" * 4096)
except OSError:
    pass
try:
    with lock(folder):
        State(folder)
except StateError as error:
    print(error)
"""


def test_a_real_full_disk_is_reported(tmp_path: Path) -> None:
    script = (
        'mount -t tmpfs -o size=1500k tmpfs "$1" && head -c 300000 /dev/zero > "$1/ballast" && '
        'exec "$2" -c "$3" "$4" "$1"'
    )
    run = subprocess.run(
        ["unshare", "-rm", "sh", "-c", script, "sh", str(tmp_path), sys.executable, FULL, str(REPOSITORY)],
        env={**os.environ, "PYTHONPATH": f"{REPOSITORY / 'edge'}:{REPOSITORY / 'src'}:{REPOSITORY}"},
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    if "unshare" in run.stderr or "mount" in run.stderr:
        pytest.skip(f"no file system of its own to fill: {run.stderr.strip()}")
    assert run.returncode == 0, run.stderr
    assert run.stdout.splitlines() and all("disk is full: free some space" in line for line in run.stdout.splitlines())


def test_an_unwritable_folder_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for make in (State, lambda folder: lock(folder).__enter__()):
        with pytest.raises(StateError, match="file"):
            make(tmp_path / "file" / "state")  # type: ignore[operator]


# --- versions ---------------------------------------------------------------------------------------------------------

SCHEMA_1 = """
CREATE TABLE brought (bucket TEXT NOT NULL, path BLOB NOT NULL, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL,
    key TEXT NOT NULL, version TEXT, sha256 TEXT NOT NULL, crc64nvme TEXT NOT NULL, brought_at REAL NOT NULL,
    PRIMARY KEY (bucket, path)) WITHOUT ROWID;
CREATE TABLE restless (path BLOB PRIMARY KEY, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, since REAL NOT NULL)
    WITHOUT ROWID;
CREATE TABLE failed (path BLOB PRIMARY KEY, reason TEXT NOT NULL, times INTEGER NOT NULL, at REAL NOT NULL)
    WITHOUT ROWID;
PRAGMA user_version=1;
"""


def test_state_of_the_first_version_is_migrated(tmp_path: Path) -> None:
    db = sqlite3.connect(tmp_path / database.FILE)
    db.executescript(SCHEMA_1)
    for bucket, raw in ((BUCKET, b"/card/\xff/a.mp4"), (BUCKET, b"/card/b.mp4"), ("other", b"/card/b.mp4")):
        db.execute("INSERT INTO brought VALUES (?, ?, 100, 1000000000, ?, ?, ?, ?, 5.5)",
                   (bucket, raw, BROUGHT.key, BROUGHT.version, BROUGHT.sha256, BROUGHT.crc64nvme))  # fmt: skip
    db.execute("INSERT INTO failed VALUES (?, 'unreadable', 3, 7.5)", (b"/card/c.mp4",))
    db.commit()
    db.close()
    with pytest.raises(StateError, match="migrates it"):
        State(tmp_path, write=False)
    state = State(tmp_path)
    assert not state.fresh and state.repaired is None
    assert state.known(BUCKET, At(b"/card/\xff/a.mp4")) == state.known("other", At(b"/card/b.mp4")) == "brought"
    assert state.known("other", At(b"/card/\xff/a.mp4")) is None
    first = next(state.entries(BUCKET, Path("/card/\udcff")))
    assert (first.raw, first.at, first.about) == (b"/card/\xff/a.mp4", 5.5, About())
    assert (first.s3_object.key, first.s3_object.version, first.s3_object.etag) == (BROUGHT.key, "v1", None)
    assert [(f.path, f.times) for f in state.status().failed] == [("/card/c.mp4", 3)]
    state = reopened(state, tmp_path)
    assert len(list(state.entries())) == 3
    state.close()


def test_state_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    filled(tmp_path, 1)
    db = sqlite3.connect(tmp_path / database.FILE)
    db.execute("PRAGMA user_version=99")
    db.close()
    for write in (True, False):
        with pytest.raises(StateError, match="written by a newer impp-edge"):
            State(tmp_path, write=write)
    assert not list(tmp_path.glob("*corrupt*"))


def test_a_pending_upload_survives_a_failed_commit(state: State) -> None:
    file = At(b"/card/a.mp4")
    begun = Pending("key", "upload", Digest(1, "ab" * 32, "AAAAAAAAAAE=", 1, ("AAAAAAAAAAE=",)))
    state.begin(BUCKET, file, begun)
    with pytest.raises(RuntimeError), state.batch():
        state.end(BUCKET, file)
        assert state.pending(BUCKET, file) is None
        raise RuntimeError
    assert state.pending(BUCKET, file) == begun
