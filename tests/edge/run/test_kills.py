"""Killed with SIGKILL at 200 random moments of a run over 300 files: nothing is lost, doubled, or sent again.

Most moments are those of a request, for there the two sides can come to disagree: before the server hears of it, within
its body, after the server answered and before the client hears it. The others are moments in time, in which the client
starts, looks, hashes or writes to its memory.
"""

from __future__ import annotations

import json
import os
import queue
import random
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.support.edge.end_to_end import RUNNER, Box, box, environment
from tests.support.edge.proxy import Exchange, Fault, Request
from tests.support.edge.runner import PART
from tests.support.edge.seaweed import Seaweed

KILLS = 200
FILES, IN_PARTS = 300, 12
IN_TIME = 0.2
"""Share of the kills at a random time within the first ``START_S`` of a run."""
START_S = 0.12
SENDING = ("put", "create", "part", "complete")
MOMENTS = ("head", "body", "answer")
FEW = 60
"""With fewer files left a run has one worker and is killed at its first request: else it could upload them all and end
before it is killed."""


class Runner:
    """Starts runs of impp-edge without the cost of starting Python."""

    def __init__(self, output: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(RUNNER), "--server"],
            env=environment() | {"IMPP_EDGE_OUTPUT": str(output)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def start(self, arguments: list[str]) -> int:
        """Start a run and return its process id."""
        assert self._process.stdin
        self._process.stdin.write(json.dumps(arguments) + "\n")
        self._process.stdin.flush()
        return self._line()

    def wait(self) -> int:
        """The exit code, or minus the signal."""
        return self._line()

    def close(self) -> None:
        """End the server."""
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait()

    def _line(self) -> int:
        assert self._process.stdout
        return int(self._process.stdout.readline())


@contextmanager
def start_server(output: Path) -> Iterator[Runner]:
    """A run server that ends with the test."""
    server = Runner(output)
    try:
        yield server
    finally:
        server.close()


def fill(edge: Box, dice: random.Random) -> None:
    """300 clips of three cameras, 12 of them in parts."""
    for number in range(FILES):
        size = dice.randint(2 * PART, 3 * PART) if number % (FILES // IN_PARTS) == 7 else dice.randint(50_000, 150_000)
        day, minute = divmod(number, 24 * 60)
        at = f"{minute // 60:02d}{minute % 60:02d}00"
        name = (
            f"DCIM/Movie/2025_06{day + 1:02d}_{at}_{number:06d}F.MP4",
            f"DCIM/Movie/RO/2025_07{day + 1:02d}_{at}_{number:06d}R.MP4",
            f"BlackVue/Record/202508{day + 1:02d}_{at}_EF.mp4",
        )[number % 3]
        edge.put(name, size)


def kill_at_request(edge: Box, victim: queue.Queue[int], dice: random.Random, most: int) -> None:
    """Kill the run at one of the next ``most`` requests that send something."""
    left = dice.randint(1, most)

    def matches(request: Request) -> bool:
        nonlocal left
        left -= request.action in SENDING
        return left == 0 and request.action in SENDING

    def kill() -> None:
        os.kill(victim.get(), signal.SIGKILL)

    edge.proxy.plan(Fault(dice.choice(MOMENTS), after=dice.randint(0, 100_000), do=kill, reset=True), when=matches)


def run_and_kill(edge: Box, runs: Runner, dice: random.Random, left: int, kills: int) -> int:
    """Start a run and kill it, with ``left`` files left for ``kills`` kills; returns its exit code. Its requests
    are recorded when this returns."""
    victim: queue.Queue[int] = queue.Queue()
    in_time = dice.uniform(0, START_S) if left > FEW and dice.random() < IN_TIME else None
    if in_time is None:
        kill_at_request(edge, victim, dice, most=max(1, round(left / kills)) if left > FEW else 1)
    pid = runs.start(edge.arguments("--quiet", *(() if left > FEW else ("--workers", "1"))))
    victim.put(pid)
    timer = threading.Timer(in_time or 0, os.kill, (pid, signal.SIGKILL))
    if in_time is not None:
        timer.start()
    code = runs.wait()
    timer.cancel()
    edge.proxy.clear()
    edge.proxy.hung_up()
    return code


def sent_twice(record: list[Exchange]) -> list[str]:
    """Requests that were repeated after the server had acknowledged them."""
    done: Counter[tuple[str, str, int | None]] = Counter()
    twice = []
    for exchange in record:
        request = exchange.request
        what = (request.action, request.key, request.part)
        if request.action in ("put", "part", "complete"):
            if done[what]:
                twice.append(f"{request.number}: {what}")
            done[what] += exchange.acknowledged
    return twice


@pytest.mark.slow
def test_nothing_is_lost_or_sent_twice_after_200_kills(weed: Seaweed, tmp_path: Path) -> None:
    dice = random.Random(20261123)
    output = tmp_path / "output"
    with box(weed, tmp_path) as edge, start_server(output) as runs:
        fill(edge, dice)
        ends: Counter[int] = Counter()
        while (kills := ends[-signal.SIGKILL]) < KILLS:
            left = FILES - len(edge.proxy.acknowledged("put", "complete"))
            ends[run_and_kill(edge, runs, dice, left, KILLS - kills)] += 1
            assert set(ends) == {-signal.SIGKILL}, f"{ends}: {output.read_text()}"
        last = edge.sync()
        assert last.code == 0, last
        assert not sent_twice(edge.proxy.record)
        edge.check()
        again = edge.sync()
        assert (again.summary["known"], again.summary["brought"]) == (FILES, 0)
