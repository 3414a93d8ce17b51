"""The bandwidth limit, by a clock of the test's own: nothing here takes time."""

from __future__ import annotations

import heapq
import random
import threading

import pytest

from impp_edge.bucket.backoff import BACKOFF_BASE_S, BACKOFF_CAP_S, backoff
from impp_edge.bucket.bandwidth import BLOCK, BURST_S, Bandwidth
from impp_edge.stop import Stopped


class Clock:
    """Time that passes by waiting."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def wait(self, seconds: float) -> bool:
        assert seconds > 0
        self.now += seconds
        return False


class Threads:
    """Senders that take turns as threads would: each goes on when its wait is over."""

    def __init__(self, pace: Bandwidth, clock: Clock, waits: list[float]) -> None:
        self.pace, self.clock, self.waits = pace, clock, waits

    def run(self, senders: int, until: float, block: int) -> list[int]:
        """Bytes that each has sent until then."""
        sent = [0] * senders
        ready = [(self.clock.now, n) for n in range(senders)]
        while ready:
            at, n = heapq.heappop(ready)
            if at >= until:
                continue
            self.clock.now = max(self.clock.now, at)
            self.waits.clear()
            self.pace.take(block)
            done = self.clock.now + sum(self.waits)
            if done < until:
                sent[n] += block
            heapq.heappush(ready, (done, n))
        return sent


@pytest.mark.parametrize("mbit", [0.1, 1, 8, 50, 940])
def test_the_limit_is_kept_within_five_percent_over_ten_seconds(mbit: float) -> None:
    clock = Clock()
    pace = Bandwidth(mbit, clock=clock, wait=clock.wait)
    begun, sent = clock.now, 0
    while clock.now < begun + 10:
        pace.take(pace.block)
        sent += pace.block
    assert sent * 8 / 1e6 / (clock.now - begun) == pytest.approx(mbit, rel=0.05)


@pytest.mark.parametrize("senders", [2, 5])
def test_threads_share_the_bandwidth_fairly_within_one_limit(senders: int) -> None:
    clock, waits = Clock(), []
    pace = Bandwidth(20, clock=clock, wait=lambda seconds: bool(waits.append(seconds)))
    sent = Threads(pace, clock, waits).run(senders, clock.now + 10, pace.block)
    assert sum(sent) * 8 / 1e6 / 10 == pytest.approx(20, rel=0.05)
    assert max(sent) - min(sent) <= 2 * pace.block + BURST_S * 20e6 / 8  # who comes first has what was saved up


def test_waits_and_blocks_are_short() -> None:
    """No wait is longer than a few blocks take, and the blocks are small."""
    clock, waits = Clock(), []
    pace = Bandwidth(2, clock=clock, wait=lambda seconds: bool(waits.append(seconds)) or clock.wait(seconds))
    for _ in range(100):
        pace.take(pace.block)
    assert max(waits) < 0.15 and pace.block <= 128 * 1024


def test_unused_bandwidth_does_not_accumulate() -> None:
    clock = Clock()
    pace = Bandwidth(8, clock=clock, wait=clock.wait)  # a million bytes a second
    pace.take(1000)
    clock.now += 3600
    begun = clock.now
    for _ in range(100):
        pace.take(100_000)
    assert clock.now - begun >= 10 - BURST_S - 0.11


def test_a_clock_jump_does_not_stall_transfers() -> None:
    clock = Clock()
    pace = Bandwidth(8, clock=clock, wait=clock.wait)
    for _ in range(50):
        pace.take(100_000)
        clock.now += 1e6
    begun = clock.now
    for _ in range(20):
        pace.take(100_000)
    assert clock.now - begun < 3


def test_no_limit_means_no_waits() -> None:
    pace = Bandwidth(None, wait=lambda _: pytest.fail("waited"))
    pace.take(10**12)
    assert pace.block == BLOCK


def test_waits_end_when_the_run_is_asked_to_stop() -> None:
    stop = threading.Event()
    stop.set()
    pace = Bandwidth(0.001, stop)
    with pytest.raises(Stopped):
        for _ in range(10):
            pace.take(10**6)


def test_backoff_is_exponential_with_a_cap_and_jitter() -> None:
    most = [backoff(attempt, lambda: 1.0) for attempt in range(60)]
    assert most[:3] == [BACKOFF_BASE_S, 2 * BACKOFF_BASE_S, 4 * BACKOFF_BASE_S]
    assert most == sorted(most) and most[-1] == BACKOFF_CAP_S
    chance = random.Random(3)
    drawn = [backoff(10, chance.random) for _ in range(1000)]
    assert min(drawn) < BACKOFF_CAP_S * 0.05 and max(drawn) > BACKOFF_CAP_S * 0.95
