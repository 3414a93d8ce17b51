"""Deliveries in the background: a few threads, a queue in time order, and retries with backoff as AWS does them.

What is delivered is data, and a service's handler knows what to do with it, so a delivery outlives the process.
"""

from __future__ import annotations

import heapq
import itertools
import logging
import random
import threading
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

from impp_local.kernel.store import Store

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
    error: Undeliverable | None = None


@dataclass(frozen=True)
class Delivery:
    """One delivery, as it is on disk: what its handler needs, when it began (seconds of the epoch), its attempts."""

    id: str
    arguments: Mapping[str, Any]
    policy: RetryPolicy
    began: float
    attempt: int = 0


class Handler(Protocol):
    """Delivers what a service has handed to its dispatcher."""

    def send(self, delivery: Delivery) -> None:
        """Deliver. Raises :class:`Undeliverable`."""

    def give_up(self, delivery: Delivery, failure: Failure) -> None:
        """Put it where undeliverable things go."""


class Dispatcher:
    """Delivers on its own threads. Backoff doubles from `base` to `cap` seconds, with full jitter.

    A delivery is a row from before `deliver` returns until it has ended, so it happens at least once, however the cloud
    stops. Without a store it is in memory only.

    AWS does not publish its backoff (it fits 185 attempts in a day); the local one starts short, because nobody wants
    to wait on a laptop, and `cap` limits the load on a target that is down for long.
    """

    def __init__(
        self,
        name: str,
        handler: Handler,
        store: Store | None = None,
        workers: int = 4,
        base: float = 0.2,
        cap: float = 30.0,
    ) -> None:
        self._name = name
        self._kind = f"delivery.{name}"
        self._handler = handler
        self._store = store
        self._workers = workers
        self._base = base
        self._cap = cap
        self._due: list[tuple[float, int, Delivery]] = []
        self._order = itertools.count()
        self._ready = threading.Condition()
        self._threads: list[threading.Thread] = []
        self._running = 0
        self._is_suspended = False
        self._closed = False

    @property
    def busy(self) -> int:
        """Deliveries that run or wait, including those that wait for their next attempt."""
        with self._ready:
            return self._running + len(self._due)

    def deliver(self, arguments: Mapping[str, Any], policy: RetryPolicy) -> str:
        """Deliver until the handler raises no :class:`Undeliverable` or the policy is exhausted; returns the id.

        `arguments` are what pickle can write. Within a store's `changes()` the delivery begins when they are written.
        """
        delivery = Delivery(f"{uuid.uuid4()}_{uuid.uuid4()}", arguments, policy, time.time())
        if self._store is None:
            self._submit(delivery, 0.0)
        else:
            with self._store.changes():
                self._write(delivery)
                self._store.afterwards(lambda: self._submit(delivery, 0.0))
        return delivery.id

    def resume(self) -> None:
        """Continue the deliveries that had not ended when the cloud stopped."""
        if self._store is not None:
            rows = [Delivery(key, **row) for key, row in self._store.rows(self._kind)]
            for delivery in sorted(rows, key=lambda row: row.began):
                self._submit(delivery, 0.0)

    def suspend(self) -> None:
        """Leave all rows as they are: deliveries that fail from now on fail because the cloud stops."""
        with self._ready:
            self._is_suspended = True
            self._due.clear()

    def close(self) -> None:
        """End each thread after its current delivery."""
        self.suspend()
        with self._ready:
            self._closed = True
            self._ready.notify_all()

    def _submit(self, delivery: Delivery, delay: float) -> None:
        with self._ready:
            if self._is_suspended:
                return
            heapq.heappush(self._due, (time.monotonic() + delay, next(self._order), delivery))
            if len(self._threads) < self._workers:
                thread = threading.Thread(target=self._work, name=f"{self._name}-{len(self._threads)}", daemon=True)
                self._threads.append(thread)
                thread.start()
            self._ready.notify()

    def _next(self) -> Delivery | None:
        with self._ready:
            while not self._closed:
                if self._due and (wait := self._due[0][0] - time.monotonic()) <= 0:
                    self._running += 1
                    return heapq.heappop(self._due)[2]
                self._ready.wait(wait if self._due else None)
            return None

    def _work(self) -> None:
        while delivery := self._next():
            try:
                self._attempt(delivery)
            except Exception:
                if not self._is_suspended:
                    log.exception("A delivery of %s failed", self._name)
            finally:
                with self._ready:
                    self._running -= 1

    def _attempt(self, delivery: Delivery) -> None:
        is_over = True
        try:
            self._handler.send(delivery)
        except Undeliverable as error:
            wait = random.uniform(0.5, 1.0) * min(self._cap, self._base * 2.0**delivery.attempt)  # noqa: S311
            exhausted = None
            if delivery.attempt >= delivery.policy.attempts:
                exhausted = "MaximumRetryAttempts"
            elif time.time() + wait - delivery.began > delivery.policy.max_age:
                exhausted = "MaximumEventAgeInSeconds"
            if self._is_suspended:
                is_over = False
            elif error.retry and exhausted is None:
                is_over = False
                again = replace(delivery, attempt=delivery.attempt + 1)
                self._write(again)
                self._submit(again, wait)
            else:
                failure = Failure(error.code, str(error), delivery.attempt, exhausted if error.retry else None, error)
                self._handler.give_up(delivery, failure)
        finally:
            if is_over and not self._is_suspended and self._store is not None:
                self._store.delete(self._kind, delivery.id)

    def _write(self, delivery: Delivery) -> None:
        if self._store is not None:
            row = {name: value for name, value in vars(delivery).items() if name != "id"}
            self._store.put(self._kind, delivery.id, row)
