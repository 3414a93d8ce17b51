"""How many examples Hypothesis tries: all of them in `make test`, a tenth in `make test-fast`.

`--hypothesis-profile quick` chooses the tenth.
"""

from __future__ import annotations

from hypothesis import settings

FULL = 100
"""Hypothesis's default number of examples per test."""


def register_profiles() -> None:
    """Make the profiles known to `--hypothesis-profile`. An example may take long while other processes are busy."""
    settings.register_profile("full", max_examples=FULL, deadline=None)
    settings.register_profile("quick", max_examples=FULL // 10, deadline=None)
    settings.load_profile("full")


def examples(count: int) -> int:
    """The examples of a test that tries `count` in a full run, in proportion to the profile in use."""
    return max(1, count * settings.default.max_examples // FULL)
