"""What quotes have learned, in the catalog, while several executions end at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from tests.support.aws_fakes import TABLE, mocked_account
from tests.support.functions_table import ROWS

from impp_lambdas.adapters import calibration, dynamo
from impp_lambdas.core.money.usage import lambda_lines

FACTS = {"kind": "video", "duration_s": 60.0}
FUNCTIONS = {"proxy": {"factor": 1.3, "waiting_s": 0.0, "start_s": 0.0, "computing_s": 20.0}}
MEDIA = {"facts": FACTS, "quote_basis": {"machine": "x86_64", "assets": 0, "functions": FUNCTIONS}}


@pytest.fixture(autouse=True)
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with mocked_account(monkeypatch):
        yield


def teach(execution: str, seconds: float, machine: str = "x86_64") -> None:
    """Let an execution teach that the proxy took so long."""
    usage = [line.to_dict() for line in lambda_lines(seconds, ROWS["proxy"]["memory_mb"], machine)]
    calibration.learn(TABLE, machine, execution, MEDIA, {"proxy": {"status": "ok", "usage": usage}})


def test_each_execution_teaches_once_and_each_processor_has_a_record() -> None:
    for execution, seconds in (("a", 20.0), ("a", 20.0), ("b", 30.0)):
        teach(execution, seconds)
    teach("c", 50.0, "aarch64")
    assert calibration.read(TABLE, "x86_64").lessons["proxy"] == [1.0, 1.5]
    assert calibration.read(TABLE, "arm64") == calibration.read(TABLE, "aarch64")
    assert calibration.read(TABLE, "aarch64").lessons["proxy"] == [2.5]


def test_an_asset_without_lessons_writes_nothing() -> None:
    calibration.learn(TABLE, "x86_64", "a", MEDIA, {"proxy": {"status": "failed"}})
    assert calibration.read(TABLE, "x86_64").assets == 0


def test_of_executions_that_end_at_once_none_destroys_what_another_has_taught(monkeypatch: pytest.MonkeyPatch) -> None:
    """All read the same record before anybody writes. One request at a time, as moto checks and writes in two steps."""
    together, read, write = threading.Barrier(6), dynamo.get_item, dynamo.update_item
    first, alone = threading.local(), threading.Lock()

    def update_item(*args: Any, **options: Any) -> bool:
        with alone:
            return write(*args, **options)

    def get_item(table: str, pk: str) -> dict[str, Any] | None:
        with alone:
            item = read(table, pk)
        if not getattr(first, "has_read", False):
            first.has_read = True
            together.wait(30)
        return item

    monkeypatch.setattr(dynamo, "get_item", get_item)
    monkeypatch.setattr(dynamo, "update_item", update_item)
    threads = [threading.Thread(target=teach, args=(f"e{number}", 20.0 + number)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    monkeypatch.undo()
    known = calibration.read(TABLE, "x86_64")
    assert known.assets == len(known.lessons["proxy"]) >= 2
    assert len(set(known.lessons["proxy"])) == known.assets, "each has taught at most once"
