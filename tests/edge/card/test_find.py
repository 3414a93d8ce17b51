"""Finding files: all possible footage, each file once, whatever the folder holds and however it changes meanwhile."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from tests.support.paths import REPOSITORY

from impp_edge.card import find
from impp_edge.config import Folder
from impp_edge.memory.state import S3Object, State

SCANDIR, STAT = os.scandir, os.stat
BUCKET = "a-bucket"
BROUGHT = S3Object("k", None, "ab" * 32, "AAAAAAAAAAE=")


@pytest.fixture
def card(tmp_path: Path) -> Path:
    folder = tmp_path / "card"
    folder.mkdir()
    return folder


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    memory = State(tmp_path / "state")
    yield memory
    memory.close()


class Look:
    """One scan: its files and the problems it reported."""

    def __init__(self, folder: Folder, state: State, bucket: str = BUCKET) -> None:
        self.problems: list[tuple[str, str]] = []
        self.scan = find.scan(folder, state, bucket, lambda path, reason: self.problems.append((path, reason)))
        self.files = list(self.scan)

    @property
    def names(self) -> list[str]:
        return [os.fsdecode(file.name) for file in self.files]


def remember(state: State, look: Look) -> None:
    with state.batch():
        for file in look.files:
            state.remember(BUCKET, file, BROUGHT)


def put(folder: Path, *names: str | bytes) -> None:
    for name in names:
        path = folder / os.fsdecode(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"film")


def test_a_found_file_has_its_path_size_and_mtime(card: Path, state: State) -> None:
    put(card, "DCIM/ü\udcff\n.mp4")
    os.utime(card / "DCIM/ü\udcff\n.mp4", ns=(1, 1_500_000_001))
    [file] = Look(Folder(card), state).files
    assert file.raw == os.fsencode(card) + "/DCIM/ü".encode() + b"\xff\n.mp4"
    assert file.path.read_bytes() == b"film" and file.relative == PurePosixPath("DCIM/ü\udcff\n.mp4")
    assert (file.size, file.mtime_ns, file.mtime) == (4, 1_500_000_001, 1.500000001)
    assert find.look(Folder(card), file.path) == file


def test_only_new_and_changed_files_are_found_again(card: Path, state: State) -> None:
    put(card, "a.mp4", "b/a.mp4", "b/c.mp4", "z.txt")
    first = Look(Folder(card), state)
    assert first.names == ["a.mp4", "z.txt", "b/a.mp4", "b/c.mp4"] and not first.scan.known
    state.remember(BUCKET, first.files[0], BROUGHT)
    state.skip(BUCKET, [(first.files[1], "no media")])
    state.remember(BUCKET, first.files[2], BROUGHT)
    put(card, "b/0.mp4")
    os.utime(card / "b/a.mp4", (1, 1))
    again = Look(Folder(card), state)
    assert again.names == ["b/0.mp4", "b/a.mp4", "b/c.mp4"]
    assert again.scan.known == {"brought": 1, "no media": 1}
    assert len(Look(Folder(card), state, "another-bucket").files) == 5
    assert not again.problems


def test_files_may_be_remembered_during_the_scan(card: Path, state: State) -> None:
    put(card, *(f"{n % 3}/{n:03}.mp4" for n in range(300)))
    seen = 0
    for file in find.scan(Folder(card), state, BUCKET, lambda *_: None):
        state.remember(BUCKET, file, BROUGHT)
        seen += 1
    assert seen == 300 and not Look(Folder(card), state).files


def test_junk_files_are_ignored(card: Path, state: State) -> None:
    put(card, "._a.mp4", ".hidden/a.mp4", "FSCK0001.REC", "Thumbs.db", "a.tmp", "a.PART", "fw.bin", "a.mp4~",
        "System Volume Information/a.mp4", "$RECYCLE.BIN/a.mp4", "FOUND.000/a.mp4", ".Trashes/a.mp4", "DESKTOP.INI",
        b"._\xff\n.mp4", b".\n\xff/a.mp4", "kept.mp4")  # fmt: skip
    assert Look(Folder(card), state).names == ["kept.mp4"]


def test_exclude_patterns_apply_to_new_files_only(card: Path, state: State) -> None:
    put(card, "a.mp4", "b.mov", "Parking/c.mp4", "DCIM/d.mp4", "DCIM/Parking/e.mp4", b"\xff.mov")
    folder = Folder(card, exclude=("*.mov", "Parking", "DCIM/d*", "[", "ü*"))
    assert Look(folder, state).names == ["a.mp4"]
    remember(state, Look(Folder(card), state))
    look = Look(replace(folder, exclude=("*.mov",)), state)
    assert not look.files and look.scan.known == {"brought": 6}
    put(card, "new.mov", "new.mp4")
    assert Look(replace(folder, exclude=("*.mov",)), state).names == ["new.mp4"]
    assert Look(Folder(card), state).names == ["new.mov", "new.mp4"]  # no longer left out


def test_skipped_files_are_found_again_after_a_rule_change(card: Path, state: State) -> None:
    put(card, "a.txt", "b.mp4")
    folder = Folder(card, unknown="skip")
    state.skip(BUCKET, [(file, "no known camera") for file in Look(folder, state).files])
    assert Look(folder, state).scan.known == {"no known camera": 2}
    assert Look(Folder(card, unknown="media"), state).names == ["a.txt", "b.mp4"]


def test_links_are_followed_only_for_the_folder_itself(card: Path, state: State, tmp_path: Path) -> None:
    put(card, "DCIM/a.mp4")
    put(tmp_path / "elsewhere", "b.mp4")
    (card / "loop").symlink_to(card)
    (card / "DCIM/up").symlink_to("..")
    (card / "out").symlink_to(tmp_path / "elsewhere")
    (card / "c.mp4").symlink_to(tmp_path / "elsewhere/b.mp4")
    (card / "self.mp4").symlink_to("self.mp4")
    os.mkfifo(card / "pipe.mp4")
    (tmp_path / "link").symlink_to(card)
    for path in (card, tmp_path / "link"):
        look = Look(Folder(path), state)
        assert look.names == ["DCIM/a.mp4"] and not look.problems
        assert look.files[0].path == path / "DCIM/a.mp4"


def test_a_folder_replaced_by_a_link_is_not_followed(card: Path, state: State, tmp_path: Path) -> None:
    put(card, "a.mp4", "deep/b.mp4")
    put(tmp_path / "elsewhere", "c.mp4")
    problems: list[str] = []
    names = []
    for file in find.scan(Folder(card), state, BUCKET, lambda path, _: problems.append(path)):
        names.append(file.name)
        (card / "deep").rename(tmp_path / "moved")
        (card / "deep").symlink_to(tmp_path / "elsewhere")
    assert names == [b"a.mp4"] and problems == [str(card / "deep")]


def test_only_a_regular_file_below_its_folder_is_opened(card: Path, state: State, tmp_path: Path) -> None:
    put(card, "a.mp4", "deep/b.mp4")
    put(tmp_path / "elsewhere", "a.mp4", "b.mp4")
    first, second = Look(Folder(card), state).files
    for file in (first, second):
        with find.open_file(file) as content:
            assert content.read() == file.path.read_bytes()
    (card / "deep").rename(tmp_path / "moved")
    (card / "deep").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError), find.open_file(second):
        pass
    for put_there in (lambda path: path.symlink_to(tmp_path / "elsewhere/a.mp4"), os.mkfifo):
        first.path.unlink()
        put_there(first.path)
        with pytest.raises(OSError), find.open_file(first):  # and nobody waits for a pipe
            pass


def test_names_of_any_bytes_are_found_in_order_and_remembered(card: Path, state: State) -> None:
    names = [b"x" + bytes([byte]) + b".mp4" for byte in range(1, 256) if byte != ord("/")]
    put(card, *names)
    look = Look(Folder(card), state)
    assert [file.name for file in look.files] == sorted(names)
    remember(state, look)
    again = Look(Folder(card), state)
    assert not again.files and again.scan.known == {"brought": len(names)}


def test_names_are_the_same_bytes_in_another_locale(card: Path, state: State, tmp_path: Path) -> None:
    put(card, "ü.mp4", b"\xff/\xfe.mp4")
    remember(state, Look(Folder(card), state))
    state.close()
    code = (
        "import sys; from pathlib import Path; from impp_edge.card import find\n"
        "from impp_edge.memory.state import State\n"
        "from impp_edge.config import Folder\n"
        "assert sys.getfilesystemencoding() != 'utf-8'\n"
        "scan = find.scan(Folder(Path(sys.argv[1])), State(Path(sys.argv[2])), 'a-bucket', print)\n"
        "print(list(scan), dict(scan.known))"
    )
    env = {
        **os.environ,
        "PYTHONPATH": str(REPOSITORY / "edge"),
        "LC_ALL": "C",
        "PYTHONCOERCECLOCALE": "0",
        "PYTHONUTF8": "0",
    }
    run = subprocess.run([sys.executable, "-c", code, str(card), str(tmp_path / "state")], env=env,
                         capture_output=True, text=True, timeout=60)  # fmt: skip
    assert (run.stdout, run.stderr) == ("[] {'brought': 2}\n", "")


# --- failures --------------------------------------------------------------------------------------------------------


def test_a_missing_folder_is_reported(card: Path, state: State) -> None:
    look = Look(Folder(card / "none"), state)
    assert look.problems == [(str(card / "none"), "cannot be listed: No such file or directory")] and not look.files
    put(card, "file")
    assert "Not a directory" in Look(Folder(card / "file"), state).problems[0][1]


def test_an_exception_of_the_caller_is_not_a_state_error(card: Path, state: State) -> None:
    def full_pipe(path: str, reason: str) -> None:
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        list(find.scan(Folder(card / "none"), state, BUCKET, full_pipe))


def test_an_empty_mount_point_means_the_card_is_absent_and_keeps_its_state(card: Path, state: State) -> None:
    assert not Look(Folder(card), state).scan.absent  # a new folder
    put(card, "DCIM/a.mp4")
    remember(state, Look(Folder(card), state))
    aside = card.rename(card.with_name("aside"))
    card.mkdir()
    look = Look(Folder(card), state)
    assert look.scan.absent and not look.files and not look.problems and not look.scan.known
    card.rmdir()
    aside.rename(card)
    look = Look(Folder(card), state)
    assert not look.scan.absent and look.scan.known == {"brought": 1}


def test_a_card_removed_during_the_scan_is_reported_once(card: Path, state: State, tmp_path: Path) -> None:
    put(card, "0.mp4", *(f"{n}/a.mp4" for n in range(10)))
    problems: list[tuple[str, str]] = []
    scan = find.scan(Folder(card), state, BUCKET, lambda *problem: problems.append(problem))
    names = []
    for one in scan:
        names.append(one.name)
        if one.name == b"1/a.mp4":
            card.rename(tmp_path / "gone")
    assert names == [b"0.mp4", b"0/a.mp4", b"1/a.mp4"]
    assert problems == [(str(card / "2"), "cannot be listed: No such file or directory")]


def test_a_folder_deleted_during_the_scan_is_ignored(card: Path, state: State) -> None:
    put(card, "0.mp4", "1/a.mp4", "2/a.mp4")
    problems: list[Any] = []
    names = []
    for one in find.scan(Folder(card), state, BUCKET, lambda *problem: problems.append(problem)):
        names.append(one.name)
        if one.name == b"0.mp4":
            (card / "1/a.mp4").unlink()
            (card / "1").rmdir()
    assert names == [b"0.mp4", b"2/a.mp4"] and not problems


def fail_to_stat(monkeypatch: pytest.MonkeyPatch, fails: Callable[[str], int | None]) -> None:
    """A failing card: ``fails`` maps a name to the errno of its stat."""

    def stat(name: Any, **how: Any) -> os.stat_result:
        if error := fails(os.fsdecode(name)):
            raise OSError(error, os.strerror(error))
        return STAT(name, **how)

    monkeypatch.setattr(find.os, "stat", stat)


class BrokenListing:
    """A scandir that fails after 30 entries, in the order of their names."""

    def __init__(self, at: Any) -> None:
        self._entries = SCANDIR(at)

    def __enter__(self) -> Iterator[Any]:
        return self._each()

    def __exit__(self, *_: object) -> None:
        self._entries.close()

    def _each(self) -> Iterator[Any]:
        yield from sorted(self._entries, key=lambda entry: entry.name)[:30]
        raise OSError(errno.EIO, os.strerror(errno.EIO))


def test_files_that_cannot_be_statted_are_reported_and_the_others_found(
    card: Path, state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(card, *(f"{n:03}.mp4" for n in range(100)))
    fail_to_stat(monkeypatch, lambda name: {"007.mp4": errno.EIO, "008.mp4": errno.ENOENT}.get(name))
    look = Look(Folder(card), state)
    assert len(look.files) == 98
    assert look.problems == [(str(card / "007.mp4"), "cannot be looked at: Input/output error")]
    fail_to_stat(monkeypatch, lambda name: errno.EIO if name > "049.mp4" else None)
    look = Look(Folder(card), state)
    assert len(look.files) == 50 and len(look.problems) == find.PROBLEMS + 1
    assert look.problems[-1] == (str(card), "30 more files in it cannot be looked at: Input/output error")


def test_a_partial_listing_keeps_its_entries(card: Path, state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    put(card, *(f"{n:03}.mp4" for n in range(100)))
    remember(state, Look(Folder(card), state))
    put(card, "0.mp4")
    monkeypatch.setattr(find.os, "scandir", BrokenListing)
    look = Look(Folder(card), state)
    assert look.names == ["0.mp4"] and look.scan.known == {"brought": 29}
    [(path, reason)] = look.problems
    assert path == str(card) and reason == "cannot be listed to its end: Input/output error"


def test_look_accepts_only_regular_files_of_the_folder(card: Path, tmp_path: Path) -> None:
    put(card, "a.mp4")
    put(tmp_path, "b.mp4")
    (card / "link.mp4").symlink_to("a.mp4")
    for path in (card, card / "link.mp4", tmp_path / "b.mp4"):
        with pytest.raises(ValueError, match=r"regular file|is not in the subpath"):
            find.look(Folder(card), path)
    with pytest.raises(FileNotFoundError):
        find.look(Folder(card), card / "none")


def test_unchanged_compares_size_mtime_and_type(card: Path) -> None:
    put(card, "a.mp4")
    path = card / "a.mp4"
    file = find.look(Folder(card), path)
    assert find.is_unchanged(file)
    os.utime(path, ns=(0, file.mtime_ns + 1))
    assert not find.is_unchanged(file)
    path.write_bytes(b"longer film")
    os.utime(path, ns=(0, file.mtime_ns))
    assert not find.is_unchanged(file)
    path.unlink()
    assert not find.is_unchanged(file)
    path.mkdir()
    assert not find.is_unchanged(file)


@pytest.mark.slow
def test_20_000_files_in_one_folder_are_found_and_remembered(card: Path, state: State) -> None:
    handle = os.open(card, os.O_RDONLY)
    for n in range(20_000):
        os.close(os.open(f"20260115_{n:06}_NF.mp4", os.O_CREAT | os.O_WRONLY, dir_fd=handle))
    os.close(handle)
    look = Look(Folder(card), state)
    assert look.names == [f"20260115_{n:06}_NF.mp4" for n in range(20_000)]
    remember(state, look)
    again = Look(Folder(card), state)
    assert not again.files and again.scan.known == {"brought": 20_000}


@pytest.mark.parametrize(
    "name",
    ["._20260115_081502_NF.mp4", "FSCK0001.REC", ".diskdb", "firmware.bin", "x.mp4.part", ".trashed-1768-IMG.jpg",
     "Thumbs.db", ".DS_Store"],
)  # fmt: skip
def test_skips_files_and_folders_that_are_not_footage(name: str, card: Path, state: State) -> None:
    for folder in (".", ".Trashes", "System Volume Information", "FOUND.000"):
        (card / folder).mkdir(parents=True, exist_ok=True)
        (card / folder / ("a.mp4" if folder != "." else name)).write_bytes(b"\x00\x00\x00\x18ftypmp42")
    assert list(find.scan(Folder(card), state, "bucket", lambda *_: None)) == []
    (card / "a.mp4").write_bytes(b"\x00\x00\x00\x18ftypmp42")
    assert [file.name for file in find.scan(Folder(card), state, "bucket", lambda *_: None)] == [b"a.mp4"]


def test_what_is_overlooked_has_a_reason_and_all_else_is_found(card: Path, state: State) -> None:
    kept = ["DCIM/a.mp4", "notes.txt", os.fsdecode(b"caf\xe9.mp4"), "b/empty.mp4"]
    put(card, *kept, "x.tmp", ".hidden/c.mp4", "FOUND.000/d.mp4", "proxies/e.mp4")
    (card / "link.mp4").symlink_to(card / "DCIM" / "a.mp4")
    (card / "folder").symlink_to(card / "DCIM")
    os.mkfifo(card / "pipe.mp4")
    folder = Folder(card, exclude=("proxies",))
    names = ("x.tmp", ".hidden/c.mp4", "FOUND.000/d.mp4", "proxies/e.mp4", "link.mp4", "pipe.mp4")
    assert [find.ignore_reason(folder, card / name) for name in (*names, "folder/a.mp4")] == [
        find.JUNK, find.JUNK, find.JUNK, find.EXCLUDED, find.LINK, find.NO_FILE, find.LINK,
    ]  # fmt: skip
    assert sorted(Look(folder, state).names) == sorted(kept)
    assert [find.ignore_reason(folder, card / name) for name in kept] == [None] * len(kept)
