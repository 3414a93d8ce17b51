"""The custody log: every change is detected, and power cuts and full disks do not corrupt it."""

from __future__ import annotations

import errno
import hashlib
import itertools
import json
import os
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.examples import examples

from impp_edge.memory import custody
from impp_edge.memory.custody import GENESIS, NAME, Check, Entry, Log
from impp_edge.memory.database import StateError

LINES = 8


def path_from(text: str) -> Path:
    """The path that :func:`custody.path_text` wrote."""
    return Path(os.fsdecode(unquote_to_bytes(text)))


def entry(number: int, **over: Any) -> Entry:
    fields: dict[str, Any] = {
        "event": custody.UPLOADED, "path": Path(f"/media/card/clip {number}.mp4"), "size": number,
        "mtime_ns": 1_768_464_902_123_456_789, "sha256": hashlib.sha256(bytes([number])).hexdigest(),
        "crc64nvme": "AAAAAAAAAAA=", "bucket": "impp-test", "key": f"originals/dashcam/x/2026/01/15/{number}.mp4",
        "version": f"v{number}", "etag": '"e"', "device": "x", "captured": "2026-01-15T08:15:02+01:00",
    }  # fmt: skip
    return Entry(**fields | over)


def write_log(folder: Path, count: int = LINES) -> str:
    log = Log(folder)
    log.append(entry(n) for n in range(1, count + 1))
    log.close()
    return log.head


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[bytes], str]:
    """A folder with a log, the lines of the log, and its head."""
    folder = tmp_path_factory.mktemp("custody")
    head = write_log(folder)
    return folder, (folder / NAME).read_bytes().splitlines(keepends=True), head


def check_lines(original: tuple[Path, list[bytes], str], lines: list[bytes], kept: str | None = None) -> Check:
    path = original[0] / NAME
    path.write_bytes(b"".join(lines))
    return custody.check(original[0], kept)


def with_valid_hash(line: bytes) -> bytes:
    """The line with its hash recomputed."""
    body = line[: -len(b',"hash":""}\n') - 64] + b"}"
    return body[:-1] + b',"hash":"' + hashlib.sha256(body).hexdigest().encode() + b'"}\n'


# --- format -----------------------------------------------------------------------------------------------------------


def test_the_chain_continues_across_runs_and_batches(tmp_path: Path) -> None:
    assert custody.check(tmp_path) == Check(0, GENESIS, (), 0, 0)
    log = Log(tmp_path)
    assert log.head == GENESIS
    first = log.append([entry(1)])
    assert log.append([]) == first == log.head
    second = Log(tmp_path, first).append([entry(2), entry(3)])
    assert Log(tmp_path, second).head == second
    lines = [json.loads(line) for line in (tmp_path / NAME).read_text().splitlines()]
    assert [line["n"] for line in lines] == [1, 2, 3]
    assert [line["prev"] for line in lines] == [GENESIS, first, lines[1]["hash"]]
    assert lines[0] | {"at": "", "hash": ""} == {
        "n": 1, "prev": GENESIS, "at": "", "event": "uploaded", "path": "/media/card/clip 1.mp4", "size": 1,
        "mtime": "1768464902.123456789", "sha256": hashlib.sha256(b"\1").hexdigest(), "crc64nvme": "AAAAAAAAAAA=",
        "bucket": "impp-test", "key": "originals/dashcam/x/2026/01/15/1.mp4", "version": "v1", "etag": '"e"',
        "device": "x", "captured": "2026-01-15T08:15:02+01:00", "hash": "",
    }  # fmt: skip
    assert custody.check(tmp_path, second) == Check(3, second, (), 0, 0)


def test_only_the_owner_may_read_the_log(tmp_path: Path) -> None:
    write_log(tmp_path / "state", 1)
    assert stat.S_IMODE((tmp_path / "state" / NAME).stat().st_mode) == 0o600


def test_a_line_can_be_checked_with_standard_tools(original: Any) -> None:
    folder, lines, _ = original
    (folder / NAME).write_bytes(b"".join(lines))
    command = next(line.strip() for line in str(custody.__doc__).splitlines() if "sha256sum" in line)
    shown = subprocess.run(["/bin/sh", "-c", command], cwd=folder, capture_output=True, text=True, check=True).stdout
    assert shown.split()[0] == json.loads(lines[6])["hash"]


@settings(max_examples=examples(200), derandomize=True, deadline=None)
@given(st.binary(min_size=1, max_size=200).filter(lambda raw: b"\0" not in raw))
def test_any_path_is_encoded_reversibly(raw: bytes) -> None:
    path = Path(os.fsdecode(b"/" + raw))
    text = custody.path_text(path)
    assert os.fsencode(path_from(text)) == os.fsencode(path)
    text.encode("utf-8")


def test_names_cannot_inject_lines_or_fields(tmp_path: Path) -> None:
    evil = '\n{"n":1}\u2028","event":"cut","key":"x\x1b[2J\udcff%41'
    log = Log(tmp_path)
    log.append([entry(1, path=Path(evil)), entry(2)])
    raw = (tmp_path / NAME).read_bytes()
    assert raw.count(b"\n") == 2 and raw.isascii() and b"\x1b" not in raw
    assert log.check().ok
    assert path_from(next(custody.entries(tmp_path, {"n": 1}))["path"]) == Path(evil)
    assert [e["n"] for e in custody.entries(tmp_path, {"key": "x"}, {"size": 2})] == [2]


@pytest.mark.parametrize(
    ("mtime_ns", "text"), [(-1, "-0.000000001"), (0, "0.000000000"), (10**28, f"{10**19}.000000000")]
)
def test_any_mtime_is_written(mtime_ns: int, text: str) -> None:
    assert custody.seconds(mtime_ns) == text


# --- tampering --------------------------------------------------------------------------------------------------------


@settings(max_examples=examples(300), derandomize=True, deadline=None)
@given(st.data())
def test_any_changed_byte_is_found_at_its_line(original: Any, data: st.DataObject) -> None:
    _, lines, head = original
    index = data.draw(st.integers(0, LINES - 1))
    line = lines[index]
    at = data.draw(st.integers(0, len(line) - 2))  # not the line's end, which has its own test
    byte = data.draw(st.integers(0, 255).filter(lambda b: b != line[at] and b != 10))
    result = check_lines(
        original, [*lines[:index], line[:at] + bytes([byte]) + line[at + 1 :], *lines[index + 1 :]], head
    )
    assert not result.ok and result.findings[0].line == index + 1


@settings(max_examples=examples(200), derandomize=True, deadline=None)
@given(st.data())
def test_any_change_within_a_line_is_found(original: Any, data: st.DataObject) -> None:
    _, lines, head = original
    index = data.draw(st.integers(0, LINES - 1))
    start = data.draw(st.integers(0, len(lines[index]) - 1))
    end = data.draw(st.integers(start, len(lines[index])))
    new = lines[index][:start] + data.draw(st.binary(max_size=40)) + lines[index][end:]
    if new != lines[index]:
        assert not check_lines(original, [*lines[:index], new, *lines[index + 1 :]], head).ok


@pytest.mark.parametrize("index", range(LINES - 1))
def test_a_removed_line_is_found(original: Any, index: int) -> None:
    _, lines, head = original
    result = check_lines(original, lines[:index] + lines[index + 1 :], head)
    assert [(f.line, f.kind, f.why) for f in result.findings] == [
        (index + 1, "removed", f"entry {index + 1} is missing here")
    ]


def test_removed_lines_are_named(original: Any) -> None:
    _, lines, head = original
    assert check_lines(original, lines[:2] + lines[5:], head).findings[0].why == "entries 3 to 5 are missing here"


def test_any_two_swapped_lines_are_found(original: Any) -> None:
    _, lines, head = original
    for one, other in itertools.combinations(range(LINES), 2):
        order = list(lines)
        order[one], order[other] = order[other], order[one]
        result = check_lines(original, order, head).findings
        assert (result[0].line, result[0].kind) == (one + 1, "removed")
        assert {f.kind for f in result[1:]} == {"moved"}


@settings(max_examples=examples(200), derandomize=True, deadline=None)
@given(st.permutations(range(LINES)), st.integers(0, LINES))
def test_only_the_original_order_of_all_lines_is_valid(original: Any, order: list[int], count: int) -> None:
    _, lines, head = original
    chosen = [lines[n] for n in order[:count]]
    assert check_lines(original, chosen, head).ok == (chosen == lines)


@pytest.mark.parametrize("at", range(LINES + 1))
def test_an_inserted_line_is_found(original: Any, at: int) -> None:
    _, lines, head = original
    before = json.loads(lines[at - 1])["hash"] if at else GENESIS
    forged = json.dumps({"n": at + 1, "prev": before, "at": "2026-01-01T00:00:00.000Z", "event": "uploaded"})
    forged = forged.replace(" ", "")[:-1] + ',"hash":"' + "0" * 64 + '"}\n'
    for line in (forged.encode(), b"some text\n", b"\n", b"\0" * 1000 + b"\n", b"x" * 200_000 + b"\n"):
        assert not check_lines(original, [*lines[:at], line, *lines[at:]], head).ok
    result = check_lines(original, [*lines[:at], forged.encode(), *lines[at:]], head)
    assert result.findings[0].line == at + 1
    assert [f.kind for f in result.findings] == (["inserted"] if at < LINES else ["edited"])
    good = check_lines(original, [*lines[:at], with_valid_hash(forged.encode()), *lines[at:]], head)
    assert not good.ok or at == LINES  # at the end only the bucket shows that it is forged


def test_any_copied_line_is_found(original: Any) -> None:
    _, lines, head = original
    for source, at in itertools.product(range(LINES), range(LINES + 1)):
        result = check_lines(original, [*lines[:at], lines[source], *lines[at:]], head)
        assert not result.ok and result.findings[0].line in (at + 1, source + 2)


@pytest.mark.parametrize("index", range(LINES - 1))
def test_a_changed_line_with_a_matching_hash_breaks_the_next_one(original: Any, index: int) -> None:
    _, lines, head = original
    forged = with_valid_hash(lines[index].replace(b'"size":', b'"size":9'))
    result = check_lines(original, [*lines[:index], forged, *lines[index + 1 :]], head)
    assert [(f.line, f.kind) for f in result.findings] == [(index + 1, "replaced")]


@pytest.mark.parametrize("left", range(LINES))
def test_a_truncated_log_is_found_by_the_state(original: Any, left: int) -> None:
    _, lines, head = original
    result = check_lines(original, lines[:left], head)
    assert [(f.line, f.kind) for f in result.findings] == [(left + 1, "cut")]
    assert check_lines(original, lines[:left]).ok  # undetectable without the state
    assert check_lines(original, lines, json.loads(lines[left])["hash"]).ok  # the run ended before it updated the state


def test_a_rewritten_log_is_found_by_the_state(tmp_path: Path, original: Any) -> None:
    write_log(tmp_path, LINES + 3)
    assert custody.check(tmp_path).ok and not custody.check(tmp_path, original[2]).ok


@settings(max_examples=examples(200), derandomize=True, deadline=None)
@given(st.binary(max_size=3000))
def test_no_content_crashes_the_check_or_the_log(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    folder = tmp_path_factory.mktemp("any")
    (folder / NAME).write_bytes(content)
    result = custody.check(folder)
    assert result.wrong == content.count(b"\n")
    list(custody.entries(folder, {"n": 1}))
    head = Log(folder).append([entry(1)])
    assert custody.check(folder, head) == Check(1, head, (), 0, 0)
    assert not content or [p.read_bytes() for p in folder.glob("custody.torn-*")] == [content]


@pytest.mark.usefixtures("uncollected")
def test_hostile_lines_are_not_entries(tmp_path: Path) -> None:
    prefix, suffix = b'{"n":1,"prev":"' + b"0" * 64 + b'",', b',"hash":"' + b"0" * 64 + b'"}\n'
    for inner in (b'"a":' + b"[" * 30_000, b'"a":' + b"9" * 30_000, b'"a":1}{', b"\xff"):
        (tmp_path / NAME).write_bytes(prefix + inner + suffix)
        assert not custody.check(tmp_path).ok
        assert custody.parse(prefix + inner + suffix) is None
    assert custody.parse(b'{"n":' + b"9" * 5000 + b',"prev":"' + b"0" * 64 + b'","a":1' + suffix) is None


def test_findings_are_limited_but_all_are_counted(tmp_path: Path) -> None:
    write_log(tmp_path, 100)
    path = tmp_path / NAME
    path.write_bytes(path.read_bytes().replace(b'"size":', b'"size":1'))
    result = custody.check(tmp_path)
    assert (result.wrong, len(result.findings), result.entries) == (100, 20, 100)


# --- power, disks -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "rest", [b"{", b'{"n":9,"prev":"', b"\0" * 5000, b"x" * 300_000, b"\n\0\n\n", b"half\nand half"]
)
def test_a_line_torn_by_a_power_cut_is_set_aside(tmp_path: Path, rest: bytes) -> None:
    head = write_log(tmp_path)
    with (tmp_path / NAME).open("ab") as file:
        file.write(rest)
    log = Log(tmp_path, head)
    assert log.head == head
    (aside,) = tmp_path.glob("custody.torn-*")
    assert aside.read_bytes() == rest and stat.S_IMODE(aside.stat().st_mode) == 0o600
    assert log.repaired and log.repaired.endswith(f"a power cut left a torn line; it is kept as {aside.name}")
    log.append([entry(9)])
    assert log.check() == Check(LINES + 1, log.head, (), 0, 0)


def test_a_torn_last_line_is_reported_but_not_as_tampering(original: Any) -> None:
    _, lines, head = original
    result = check_lines(original, [*lines, lines[0][:50]], head)
    assert (result.ok, result.torn, result.entries) == (True, 50, LINES)


def test_a_torn_batch_loses_only_unwritten_lines(tmp_path: Path) -> None:
    write_log(tmp_path)
    path = tmp_path / NAME
    whole = path.read_bytes()
    last = len(whole.splitlines(keepends=True)[-1])
    for drop in range(1, last + 1, 5):
        path.write_bytes(whole[:-drop])
        log = Log(tmp_path)
        log.append([entry(9)])
        assert log.check() == Check(LINES, log.head, (), 0, 0)


def test_truncation_found_by_a_run_is_recorded_permanently(tmp_path: Path) -> None:
    head = write_log(tmp_path)
    path = tmp_path / NAME
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:5]))
    log = Log(tmp_path, head)
    new = log.append([entry(6)])
    assert log.repaired and "was cut or replaced" in log.repaired
    result = custody.check(tmp_path, new)
    assert [(f.line, f.kind, f.why) for f in result.findings] == [
        (6, "cut", "the log had lost its end after entry 5 when this run began")
    ]
    assert next(custody.entries(tmp_path, {"event": "cut"}))["expected"] == head


def test_a_run_killed_before_the_state_update_is_not_truncation(tmp_path: Path) -> None:
    write_log(tmp_path)
    fifth = next(custody.entries(tmp_path, {"n": 5}))["hash"]
    log = Log(tmp_path, fifth)
    log.append([entry(9)])
    assert log.check() == Check(LINES + 1, log.head, (), 0, 0)


def replace_os_call(monkeypatch: pytest.MonkeyPatch, name: str, call: Callable[..., Any]) -> None:
    monkeypatch.setattr(f"impp_edge.memory.custody.os.{name}", call)


def test_a_full_disk_leaves_the_log_unchanged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    head = write_log(tmp_path)
    before = (tmp_path / NAME).read_bytes()
    log = Log(tmp_path, head)
    real = os.write
    with monkeypatch.context() as full:
        replace_os_call(full, "write", lambda file, data: real(file, bytes(data)[:100]))
        with pytest.raises(StateError, match=r"custody\.jsonl: the disk is full: free some space"):
            log.append([entry(9)])
    assert (tmp_path / NAME).read_bytes() == before and log.head == head
    log.append([entry(9)])
    assert log.check().ok and log.check().entries == LINES + 1


def test_an_entry_without_a_successful_sync_is_not_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    head = write_log(tmp_path)

    def broken(_file: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    log = Log(tmp_path, head)
    with monkeypatch.context() as failed:
        replace_os_call(failed, "fdatasync", broken)
        with pytest.raises(StateError, match="Input/output error"):
            log.append([entry(9)])
    assert log.head == head and log.check().entries == LINES


def test_a_batch_is_one_write_and_one_sync(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    for name in ("write", "fdatasync"):
        real = getattr(os, name)
        replace_os_call(monkeypatch, name, lambda *args, real=real, name=name: calls.append(name) or real(*args))
    log = Log(tmp_path)
    log.append(entry(n) for n in range(100))
    log.append([])
    assert calls == ["write", "fdatasync"]


def test_an_unwritable_log_is_reported(tmp_path: Path) -> None:
    (tmp_path / NAME).mkdir()
    with pytest.raises(StateError, match=r"custody\.jsonl: Is a directory"):
        _ = Log(tmp_path).head
    with pytest.raises(StateError, match=r"custody\.jsonl: Is a directory"):
        custody.check(tmp_path)
