"""Files that claim much cost a reason or nothing: little memory, little time and few requests."""

from __future__ import annotations

import resource
from collections.abc import Callable
from contextlib import suppress

import pytest
from tests.support.hostile_files import FILES, MARKUP

from impp_lambdas.adapters import decoding, sampling
from impp_lambdas.adapters.decoding import Limits
from impp_lambdas.adapters.ranged import RangedFile, budget
from impp_lambdas.core.intake.unreadable import Unreadable

pytestmark = pytest.mark.slow

LIMITS = Limits(600, 60)
"""Less memory than any function has."""
CPU_S, REQUESTS = 6.0, 30
"""Most processor time of a task, and requests: nothing here has more than 4 MB, and a task starts in half a second."""


def cost(task: Callable[[RangedFile], object], data: bytes) -> tuple[float, int]:
    """Processor time and requests of a task, whether or not it has a result."""
    file = RangedFile(lambda first, last: data[first : last + 1], len(data), budget=budget(len(data)))
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with suppress(Unreadable):
        assert MARKUP not in str(task(file))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, file.fetches


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_claims_much_costs_little(name: str) -> None:
    kind, make = FILES[name]
    data = make()
    tasks: list[Callable[[RangedFile], object]] = [
        lambda file: sampling.sample(file, sampling.Task(kind, 60.0, 4, 15.0), LIMITS)
    ]
    if kind != "image":
        tasks += [
            lambda file: decoding.measure(file, LIMITS),
            lambda file: decoding.describe(file, LIMITS),
            lambda file: decoding.stretches(file, [(0.0, 3600.0)], LIMITS),
        ]
    for task in tasks:
        seconds, requests = cost(task, data)
        assert seconds < CPU_S and requests < REQUESTS
