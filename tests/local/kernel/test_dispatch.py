"""Deliveries happen at least once, with their retries, however the process stops."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.local_cloud import wait_until

from impp_local.kernel.dispatch import Delivery, Dispatcher, Failure, RetryPolicy, Undeliverable
from impp_local.kernel.store import Store


class Recorder:
    """A handler that refuses for as long as it is told to."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, int]] = []
        self.given_up: list[Failure] = []
        self.is_refusing = False
        self.gate = threading.Event()
        self.gate.set()

    def send(self, delivery: Delivery) -> None:
        self.sent.append((delivery.arguments["to"], delivery.attempt))
        self.gate.wait(20)
        if self.is_refusing:
            raise Undeliverable("BUSY", "not now")

    def give_up(self, _delivery: Delivery, failure: Failure) -> None:
        self.given_up.append(failure)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path)
    yield opened
    opened.close()


def dispatcher(handler: Recorder, store: Store) -> Dispatcher:
    return Dispatcher("test", handler, store, base=0.01)


def test_a_delivery_is_a_row_until_it_has_ended(store: Store) -> None:
    handler = Recorder()
    handler.gate.clear()
    deliveries = dispatcher(handler, store)
    deliveries.deliver({"to": "one"}, RetryPolicy())
    assert len(store.rows("delivery.test")) == 1
    handler.gate.set()
    wait_until(lambda: not store.rows("delivery.test") and not deliveries.busy)
    assert handler.sent == [("one", 0)]
    deliveries.close()


def test_it_begins_when_the_changes_are_written_and_not_when_they_fail(store: Store) -> None:
    handler = Recorder()
    deliveries = dispatcher(handler, store)
    with store.changes():
        deliveries.deliver({"to": "kept"}, RetryPolicy())
        assert handler.sent == [] and deliveries.busy == 0
    with pytest.raises(ZeroDivisionError), store.changes():
        deliveries.deliver({"to": "lost"}, RetryPolicy())
        raise ZeroDivisionError
    wait_until(lambda: not deliveries.busy)
    assert handler.sent == [("kept", 0)]
    deliveries.close()


def test_what_had_not_ended_is_delivered_by_the_next_process_with_its_count_of_attempts(store: Store) -> None:
    handler = Recorder()
    handler.is_refusing = True
    first = dispatcher(handler, store)
    first.deliver({"to": "one"}, RetryPolicy(attempts=1000))
    wait_until(lambda: len(handler.sent) >= 3)
    first.suspend()
    first.close()
    wait_until(lambda: not first.busy)
    attempts = handler.sent[-1][1]
    assert not handler.given_up
    later = Recorder()
    second = dispatcher(later, store)
    second.resume()
    wait_until(lambda: later.sent and not second.busy)
    assert later.sent[0][0] == "one" and later.sent[0][1] in (attempts, attempts + 1)
    assert store.rows("delivery.test") == []
    second.close()


def test_a_delivery_that_fails_because_the_cloud_stops_is_not_given_up(store: Store) -> None:
    handler = Recorder()
    handler.gate.clear()
    handler.is_refusing = True
    deliveries = dispatcher(handler, store)
    deliveries.deliver({"to": "one"}, RetryPolicy(attempts=0))
    wait_until(lambda: handler.sent)
    deliveries.suspend()
    handler.gate.set()
    wait_until(lambda: not deliveries.busy)
    assert not handler.given_up and len(store.rows("delivery.test")) == 1
    deliveries.close()


def test_an_exhausted_delivery_is_given_up_once(store: Store) -> None:
    handler = Recorder()
    handler.is_refusing = True
    deliveries = dispatcher(handler, store)
    deliveries.deliver({"to": "one"}, RetryPolicy(attempts=2))
    wait_until(lambda: handler.given_up and not deliveries.busy)
    assert [attempt for _, attempt in handler.sent] == [0, 1, 2]
    assert (handler.given_up[0].attempts, handler.given_up[0].exhausted) == (2, "MaximumRetryAttempts")
    assert store.rows("delivery.test") == []
    deliveries.close()
