"""The state machine in the interpreter, and a record of each expression that the tests of a file evaluate."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from tests.support.state_machine import world as world

from impp_local.services.stepfunctions import jsonata


@dataclass
class Record:
    """What was evaluated, each expression once per value of its variables."""

    evaluations: dict[str, tuple[str, dict[str, Any]]] = field(default_factory=dict)
    tests: set[str] = field(default_factory=set)
    """The functions that ran."""

    def add(self, expression: str, variables: Mapping[str, Any]) -> None:
        bound = {name: variables[name] for name in jsonata.names(expression) if name in variables}
        key = json.dumps([expression, bound], sort_keys=True)
        self.evaluations.setdefault(key, (expression, json.loads(key)[1]))


@pytest.fixture(scope="module")
def record() -> Iterator[Record]:
    kept = Record()
    evaluate = jsonata.evaluate

    def evaluate_and_record(expression: str, variables: Mapping[str, Any], **options: Any) -> Any:
        kept.add(expression, variables)
        return evaluate(expression, variables, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jsonata, "evaluate", evaluate_and_record)
        yield kept


@pytest.fixture(autouse=True)
def _record_the_test(record: Record, request: pytest.FixtureRequest) -> None:
    record.tests.add(request.function.__name__)
