"""Deliveries in the background: a few threads, a queue in time order, and retries with backoff as AWS does them."""

from __future__ import annotations

import heapq
import itertools
import logging
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

log: Final = logging.getLogger(__name__)


class Undeliverable(Exception):
    """A target refused. `code` and the message are what AWS would put beside the dead letter; `retry` says whether
    a retry can help (it cannot for a missing target or for an input that is not JSON)."""

    def __init__(self, code: str, message: str, *, retry: bool = True) -> None:
        super().__init__(message)
        self.code = code
        self.retry = retry


@dataclass(frozen=True)
class RetryPolicy:
    """`attempts` after the first one, all within `max_age` seconds of the first."""

    attempts: int = 185
    max_age: float = 86400.0


@dataclass(frozen=True)
class Failure:
    """Why a delivery failed for good; `exhausted` names the limit that was reached, or is None when a retry
    could not help."""

    code: str
    message: str
    attempts: int
    exhausted: str | None


class Dispatcher:
    """Runs jobs on its own threads. Backoff doubles from `base` to `cap` seconds, with full jitter.

    AWS does not publish its backoff (it fits 185 attempts in a day); the local one starts short, because nobody wants
    to wait on a laptop, and `cap` limits the load on a target that is down for long.
    """

    def __init__(self, name: str, workers: int = 4, base: float = 0.2, cap: float = 30.0) -> None:
        self._name = name
        self._workers = workers
        self._base = base
        self._cap = cap
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._ready = threading.Condition()
        self._threads: list[threading.Thread] = []
        self._running = 0
        self._closed = False

    @property
    def busy(self) -> int:
        """Jobs that run or wait, including those that wait for their next attempt."""
        with self._ready:
            return self._running + len(self._due)

    def submit(self, job: Callable[[], None], delay: float = 0.0) -> None:
        """Run `job` after `delay` seconds. What it raises is logged."""
        with self._ready:
            if self._closed:
                return
            heapq.heappush(self._due, (time.monotonic() + delay, next(self._order), job))
            if len(self._threads) < self._workers:
                thread = threading.Thread(target=self._work, name=f"{self._name}-{len(self._threads)}", daemon=True)
                self._threads.append(thread)
                thread.start()
            self._ready.notify()

    def deliver(
        self, send: Callable[[], None], policy: RetryPolicy, give_up: Callable[[Failure], None], delay: float = 0.0
    ) -> None:
        """Call `send` until it raises no :class:`Undeliverable`, else `give_up` once the policy is exhausted."""
        began = time.monotonic()

        def attempt(number: int) -> None:
            try:
                send()
            except Undeliverable as error:
                wait = random.uniform(0.5, 1.0) * min(self._cap, self._base * 2.0**number)  # noqa: S311
                exhausted = None
                if number >= policy.attempts:
                    exhausted = "MaximumRetryAttempts"
                elif time.monotonic() + wait - began > policy.max_age:
                    exhausted = "MaximumEventAgeInSeconds"
                if error.retry and exhausted is None:
                    self.submit(lambda: attempt(number + 1), wait)
                else:
                    give_up(Failure(error.code, str(error), number, exhausted if error.retry else None))

        self.submit(lambda: attempt(0), delay)

    def close(self) -> None:
        """Drop waiting jobs and end each thread after its current job."""
        with self._ready:
            self._closed = True
            self._due.clear()
            self._ready.notify_all()

    def _next(self) -> Callable[[], None] | None:
        with self._ready:
            while not self._closed:
                if self._due and (wait := self._due[0][0] - time.monotonic()) <= 0:
                    self._running += 1
                    return heapq.heappop(self._due)[2]
                self._ready.wait(wait if self._due else None)
            return None

    def _work(self) -> None:
        while job := self._next():
            try:
                job()
            except Exception:
                log.exception("A job of %s failed", self._name)
            finally:
                with self._ready:
                    self._running -= 1
