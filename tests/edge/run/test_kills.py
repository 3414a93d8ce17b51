"""Killed with SIGKILL at 200 random moments of a run over 300 files: nothing is lost, doubled, or sent again.

Most moments are those of a request, for there the two sides can come to disagree: before the server hears of it, within
its body, after the server answered and before the client hears it. The others are moments in time, in which the client
starts, looks, hashes or writes to its memory.
"""

from __future__ import annotations

import os
import queue
import random
import signal
import threading
from collections import Counter
from pathlib import Path

import pytest
from tests.support.edge.cards import PART
from tests.support.edge.end_to_end import Box, RunResult, Runs, box
from tests.support.edge.proxy import Exchange, Fault, Request
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


def fill(edge: Box, dice: random.Random) -> None:
    """300 clips of three cameras, 12 of them in parts."""
    for number in range(FILES):
        size = dice.randint(PART, 3 * PART) if number % (FILES // IN_PARTS) == 7 else dice.randint(50_000, 150_000)
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


def run_and_kill(edge: Box, dice: random.Random, left: int, kills: int) -> RunResult:
    """Start a run and kill it, with ``left`` files left for ``kills`` kills. Its requests are recorded when this
    returns."""
    victim: queue.Queue[int] = queue.Queue()
    in_time = dice.uniform(0, START_S) if left > FEW and dice.random() < IN_TIME else None
    if in_time is None:
        kill_at_request(edge, victim, dice, most=max(1, round(left / kills)) if left > FEW else 1)
    pid = edge.runs.start(edge.arguments("--quiet", *(() if left > FEW else ("--workers", "1"))))
    victim.put(pid)
    timer = threading.Timer(in_time or 0, os.kill, (pid, signal.SIGKILL))
    if in_time is not None:
        timer.start()
    result = edge.runs.wait()
    timer.cancel()
    edge.proxy.clear()
    edge.proxy.hung_up()
    return result


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
def test_nothing_is_lost_or_sent_twice_after_200_kills(weed: Seaweed, runs: Runs, tmp_path: Path) -> None:
    dice = random.Random(20261123)
    with box(weed, runs, tmp_path) as edge:
        fill(edge, dice)
        for kills in range(KILLS, 0, -1):
            left = FILES - len(edge.proxy.acknowledged("put", "complete"))
            result = run_and_kill(edge, dice, left, kills)
            assert result.code == -signal.SIGKILL, result
        last = edge.run("--json")
        assert last.code == 0, last
        assert not sent_twice(edge.proxy.record)
        edge.check()
        again = edge.run("--json")
        assert (again.summary["known"], again.summary["brought"]) == (FILES, 0)
