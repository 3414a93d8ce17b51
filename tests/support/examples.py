"""How many examples Hypothesis tries: all of them in `make test`, a tenth in `make test-fast`.

`--hypothesis-profile quick` chooses the tenth.
"""

from __future__ import annotations

from hypothesis import settings

FULL = 100
"""Hypothesis's default number of examples per test."""


def register_profiles() -> None:
    """Make the profile known to `--hypothesis-profile`."""
    settings.register_profile("quick", max_examples=FULL // 10)


def examples(count: int) -> int:
    """The examples of a test that tries `count` in a full run, in proportion to the profile in use."""
    return count * settings.default.max_examples // FULL
