"""A device cannot flood people with alerts, whatever it uploads."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.aws_fakes import TABLE, FakeContext
from tests.support.pipeline_account import Account, pipeline_account
from tests.support.pipeline_run import TABLE_LOCK

from impp_lambdas.adapters import alert_limit, dynamo
from impp_lambdas.core.results import alerts
from impp_lambdas.handlers import quarantine

KEY = "originals/dashcam/blackvue/2026/11/20/20261120_081500_NF.mp4"
BAD = alerts.of_asset("quarantined", "a", KEY, ["The file is empty."], [], 0.0)


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Account]:
    with pipeline_account(monkeypatch, tmp_path) as opened:
        yield opened


def upload_junk(account: Account, number: int, device: str = "blackvue") -> dict[str, Any]:
    """Process junk; what Quarantine returns."""
    key = KEY.replace("blackvue", device).replace("0815", f"{number:04}")
    execution = f"arn:aws:states:us-east-1:123456789012:execution:impp-test-pipeline:{device}-{number}"
    media = account.inspect(key, account.put(key, b"junk %d" % number), execution)
    event = {"execution": execution, "started_at": "2026-11-22T10:00:00Z", "retries": 0, "media": media}
    return quarantine.handler(event, FakeContext())


def test_a_flood_of_junk_sends_few_alerts_and_the_last_says_so(account: Account) -> None:
    answers = [upload_junk(account, number) for number in range(alerts.MOST_PER_DAY + 5)]
    assert [answer["state"] for answer in answers] == ["quarantined"] * len(answers), "each has its record"
    heard = [answer["alert"]["text"] for answer in answers if not answer["muted"]]
    assert len(heard) == alerts.MOST_PER_DAY
    assert ["last of today's alerts about dashcam/blackvue" in text for text in heard] == [False] * 19 + [True]
    assert not upload_junk(account, 1, device="garmin")["muted"], "one device cannot silence another"


def test_a_run_that_is_repeated_sends_the_last_alert_again(account: Account) -> None:
    for number in range(alerts.MOST_PER_DAY - 1):
        assert alert_limit.limited(TABLE, BAD, KEY, f"run-{number}") == (BAD, False)
    first = alert_limit.limited(TABLE, BAD, KEY, "last")
    assert first[0].text.startswith("This is the last") and not first[1]
    assert alert_limit.limited(TABLE, BAD, KEY, "another") == (BAD, True)
    assert alert_limit.limited(TABLE, BAD, KEY, "last") == first


def test_of_concurrent_runs_one_sends_the_last_alert(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    results: list[tuple[alerts.Alert, bool]] = []
    lock = threading.Lock()
    for name in ("count", "claim"):  # a single request each; moto does not take them one at a time, DynamoDB does
        monkeypatch.setattr(dynamo, name, locked(getattr(dynamo, name)))

    def end(number: int) -> None:
        result = alert_limit.limited(TABLE, BAD, KEY, f"run-{number}")
        with lock:
            results.append(result)

    threads = [threading.Thread(target=end, args=(number,)) for number in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(not is_muted for _, is_muted in results) == alerts.MOST_PER_DAY
    assert sum(alert.text.startswith("This is the last") for alert, _ in results) == 1


def locked(function: Callable[..., Any]) -> Callable[..., Any]:
    def call(*arguments: Any) -> Any:
        with TABLE_LOCK:
            return function(*arguments)

    return call


def test_what_ends_well_does_not_count(account: Account) -> None:
    good = alerts.of_asset("published", "a", KEY, [], [], 0.0)
    for number in range(alerts.MOST_PER_DAY + 5):
        assert alert_limit.limited(TABLE, good, KEY, f"run-{number}") == (good, False)
    assert account.items("ALERTS#") == []
