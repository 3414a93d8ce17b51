"""Durations and parts as people type them."""

from __future__ import annotations

import click
import pytest

from impp_cli.sharing.spans import duration, part


@pytest.mark.parametrize(("text", "seconds"), [("30m", 1800), ("8h", 28800), ("2d", 172800)])
def test_a_duration_has_a_unit(text: str, seconds: int) -> None:
    assert duration(2)(text) == seconds


@pytest.mark.parametrize("text", ["", "8", "0h", "-1h", "8 h", "8H", "49h", "3d", "1w", "99999999h"])
def test_other_durations_are_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match="from 1m to 2d"):
        duration(2)(text)


@pytest.mark.parametrize(
    ("text", "span"),
    [("12s-40s", (12, 40)), ("12-40.5", (12, 40.5)), ("1:02-1:40", (62, 100)), ("0:59:59 - 1:00:01", (3599, 3601))],
)
def test_a_part_has_two_ends(text: str, span: tuple[float, float]) -> None:
    assert part(text) == span


@pytest.mark.parametrize("text", ["", "12s", "40-12", "12-12", "a-b", "1-2-3", "12m-40m"])
def test_other_parts_are_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match="12s-40s"):
        part(text)
