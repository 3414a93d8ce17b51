"""Every parser keeps its contract for its seeds and some changes of them; `make fuzz` tries millions."""

from __future__ import annotations

import contextlib
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.fuzz.mutate import mutate
from tests.fuzz.targets import TARGETS
from tests.support.examples import examples

FIXED = 20261120


def check(name: str, data: bytes) -> None:
    target = TARGETS[name]
    with contextlib.suppress(target.allowed):
        target.run(data)


@pytest.mark.slow
@pytest.mark.parametrize("name", TARGETS)
def test_changed_files_keep_the_contract(name: str) -> None:
    seeds, rng = [*TARGETS[name].seeds()], random.Random(FIXED)
    for seed in seeds:
        check(name, seed)
    for _ in range(examples(40 if name == "decoders" else 300)):
        check(name, mutate(rng.choice(seeds), seeds, rng))


@pytest.mark.parametrize("name", [name for name in TARGETS if name != "decoders"])
@given(data=st.binary(max_size=300))
def test_any_bytes_keep_the_contract(name: str, data: bytes) -> None:
    check(name, data)


def test_changes_follow_from_the_seed() -> None:
    changed = [mutate(b"seed" * 20, [b"other"], random.Random(7)) for _ in range(2)]
    assert changed[0] == changed[1] != b"seed" * 20
