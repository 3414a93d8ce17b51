"""Settling: a file being written is never taken and a truncated one is taken in the end, whatever the clock."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from impp_edge.card import find, settle
from impp_edge.card.settle import ready
from impp_edge.config import Config, Folder
from impp_edge.memory import clock as clock_module
from impp_edge.memory import state as state_module
from impp_edge.memory.clock import at_least
from impp_edge.memory.state import State

NOW = 1_768_464_902.0  # 2026-01-15T08:15:02Z
HOUR = 3600.0
WHOLE = b"".join(
    len(body + b"size").to_bytes(4, "big") + body
    for body in (b"ftypmp42\x00\x00\x00\x00mp42", b"moov\x00\x00\x00\x08free", b"mdatfilm")
)
CUT = WHOLE[:-2]


class Clock:
    """The computer's two clocks: ``wall`` may be set, ``uptime`` only passes."""

    def __init__(self) -> None:
        self.wall, self.uptime = NOW, 1000.0

    def sleep(self, seconds: float) -> None:
        self.wall += seconds
        self.uptime += seconds

    def monotonic(self) -> float:
        return self.uptime

    def time(self) -> float:
        return self.wall


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    for module in (settle, clock_module, state_module):
        monkeypatch.setattr(module, "time", clock)
    monkeypatch.setattr(clock_module, "boot", lambda: "this-boot")
    return clock


@pytest.fixture
def state(tmp_path: Path, clock: Clock) -> Iterator[State]:
    memory = State(tmp_path / "state")
    yield memory
    memory.close()


class Card:
    """One file on a card, checked repeatedly as by consecutive scans."""

    def __init__(self, path: Path, state: State, clock: Clock) -> None:
        self.path, self._state, self._clock = path, state, clock
        self.config = Config(bucket="a-bucket", folders=(Folder(path.parent),), state=path.parent)

    def write(self, content: bytes, mtime: float) -> None:
        self.path.write_bytes(content)
        os.utime(self.path, (mtime, mtime))

    def ready(self) -> str:
        return ready(find.look(self.config.folders[0], self.path), self._state, self._clock.wall, self.config)

    def after(self, *seconds: float) -> list[str]:
        """The result after each of the given pauses, in seconds."""
        answers = []
        for some in seconds:
            self._clock.sleep(some)
            answers.append(self.ready())
        return answers


@pytest.fixture
def card(tmp_path: Path, state: State, clock: Clock) -> Card:
    return Card(tmp_path / "clip.mp4", state, clock)


@pytest.mark.parametrize(("age", "expected"), [(10, "ready"), (9.9, "restless"), (0, "restless"), (-5, "restless")])
def test_a_file_settles_by_its_past_modification_time(card: Card, age: float, expected: str) -> None:
    card.write(WHOLE, NOW - age)
    assert card.ready() == expected


def test_zero_settle_time_means_no_wait(card: Card) -> None:
    card.config = replace(card.config, settle_s=0, truncated_after_s=0)
    card.write(CUT, NOW + HOUR)
    assert card.ready() == "ready"
    card.write(b"", NOW + HOUR)
    assert card.ready() == "empty"


def test_a_complete_file_is_ready_once_settled(card: Card) -> None:
    card.write(WHOLE, NOW - 4)
    assert card.after(0, 5, 1) == ["restless", "restless", "ready"]


def test_an_old_complete_file_is_ready_at_once(card: Card) -> None:
    card.write(WHOLE, NOW - HOUR)
    assert card.ready() == "ready"
    card.write(WHOLE, 0)  # a camera whose clock was never set
    assert card.ready() == "ready"


def test_a_growing_file_restarts_its_settle_time(card: Card) -> None:
    ahead = NOW + 10 * HOUR  # a camera whose clock runs ahead: its times are no evidence
    card.write(WHOLE, ahead)
    assert card.after(0, 9) == ["restless", "restless"]
    card.write(WHOLE + b"\x00\x00\x00\x08free", ahead)
    assert card.after(1, 9, 1) == ["restless", "restless", "ready"]


def test_a_truncated_file_waits_longer_and_is_then_ready(card: Card) -> None:
    card.write(CUT, NOW)
    assert card.after(0, 10, 589, 1) == ["restless", "cut", "cut", "ready"]
    card.write(CUT, NOW - HOUR)
    assert card.ready() == "ready"


def test_a_completed_truncated_file_is_ready_once_settled(card: Card, clock: Clock) -> None:
    card.write(CUT, NOW)
    assert card.after(20) == ["cut"]
    card.write(WHOLE, clock.wall)
    assert card.after(9, 1) == ["restless", "ready"]


@pytest.mark.parametrize("mtime", [0.0, 315_532_800.0, NOW + 10 * HOUR])  # 1970, FAT's 1980, ahead
def test_a_growing_clip_with_an_implausible_time_is_never_ready(card: Card, mtime: float) -> None:
    for size in range(20, 30):
        card.write(WHOLE[:size], mtime)
        assert card.after(300)[0] in ("cut", "restless")
    assert card.after(599, 1) == ["cut", "ready"]


def test_an_empty_file_waits_and_is_then_reported_as_empty(card: Card) -> None:
    card.write(b"", NOW)
    assert card.after(0, 10, 590) == ["restless", "cut", "empty"]


def test_other_files_are_ready_once_settled(card: Card) -> None:
    card.write(b"$GPRMC,081502,A", NOW)
    assert card.after(0, 10) == ["restless", "ready"]


def test_an_unreadable_file_is_left_to_the_upload(card: Card, monkeypatch: pytest.MonkeyPatch) -> None:
    card.write(CUT, NOW)

    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(settle, "open_file", refuse)
    assert card.after(10) == ["ready"]


# --- clocks that are set ----------------------------------------------------------------------------------------------


def test_a_clock_set_back_does_not_delay_files_forever(card: Card, clock: Clock) -> None:
    card.write(WHOLE, NOW)
    assert card.ready() == "restless"
    clock.wall -= 1000 * HOUR
    assert card.after(5, 5) == ["restless", "ready"]


def test_a_clock_set_forward_does_not_release_a_growing_file(card: Card, clock: Clock) -> None:
    card.write(WHOLE, NOW - 1)
    assert card.ready() == "restless"
    clock.wall += 1000 * HOUR  # the file now looks old
    assert card.after(1, 1) == ["restless", "restless"]
    card.write(WHOLE + b"\x00\x00\x00\x08free", clock.wall)
    assert card.after(1, 9) == ["restless", "ready"]


def test_a_clock_set_forward_between_runs_is_detected(card: Card, clock: Clock, tmp_path: Path) -> None:
    clock.sleep(300)  # the first run, which only opened its memory, is over
    clock.wall += 1000 * HOUR
    card.write(WHOLE, NOW + 299)
    second = State(tmp_path / "state")
    assert ready(find.look(card.config.folders[0], card.path), second, clock.wall, card.config) == "restless"
    second.close()


def test_a_clock_set_forward_does_not_release_a_truncated_file(card: Card, clock: Clock) -> None:
    card.write(CUT, NOW)
    assert card.after(20) == ["cut"]
    clock.wall += 1000 * HOUR
    assert card.after(1, 20, 300, 258, 1) == ["cut", "cut", "cut", "cut", "ready"]


def test_a_clock_set_forward_does_not_delay_old_files(card: Card, clock: Clock) -> None:
    card.write(WHOLE, NOW - 10)
    clock.wall += 1000 * HOUR
    assert card.ready() == "ready"


def test_the_clock_before_a_change_counts_for_a_while(state: State, clock: Clock) -> None:
    assert at_least(state, clock.wall, 10) == NOW
    clock.sleep(1)
    clock.wall += 60
    assert at_least(state, clock.wall, 10) == NOW + 1
    clock.sleep(9)
    assert at_least(state, clock.wall, 10) == NOW + 10
    clock.sleep(1)
    assert at_least(state, clock.wall, 10) == NOW + 71 and at_least(state, clock.wall, 12) == NOW + 11
    clock.wall -= 3600
    assert at_least(state, clock.wall, 10) == clock.wall  # set back: that is the least already


def test_clock_slewing_is_not_a_clock_change(state: State, clock: Clock) -> None:
    for _ in range(200):
        clock.sleep(300)
        clock.wall += 0.1  # 333 ppm
        assert at_least(state, clock.wall, 600) == clock.wall


def test_a_reboot_resets_the_clock_comparison(state: State, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    at_least(state, clock.wall, 10)
    monkeypatch.setattr(clock_module, "boot", lambda: "next-boot")
    clock.uptime = 5.0
    clock.wall += HOUR
    assert at_least(state, clock.wall, 10) == clock.wall
    state.set("clock", "nonsense")
    assert at_least(state, clock.wall, 10) == clock.wall


def test_the_boot_id_is_stable() -> None:
    assert clock_module.boot() == clock_module.boot() and len(clock_module.boot().split()) == 1
