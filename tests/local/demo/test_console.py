"""Output of the demo: progress, stages and the table."""

from __future__ import annotations

import io
import re

import pytest

from impp_local.demo.console import Console, table
from impp_local.demo.facts import Report


@pytest.mark.parametrize("width", [110, 150, 220])
def test_the_table_fits_its_width_and_has_every_file(run: Report, width: int) -> None:
    shown = table(run, width)
    assert max(map(len, shown.splitlines())) <= width
    first = shown.index("state")
    names = "".join(line[:first].strip() for line in shown.splitlines()[2:])
    base = [re.sub(r"\s", "", file.file.rsplit("/", 1)[-1]) for file in run.files]
    assert all(name in re.sub(r"\s", "", names) for name in base)
    for expected in ("Bicycle", "worst", "DEEP_ARCHIVE", "$0.0025", "quarantined", "total", "✗ not"):
        assert expected in shown


def test_each_change_of_state_is_shown_once() -> None:
    out = io.StringIO()
    console = Console(out)
    console.show_states("0 of 2 done", {"a.mp4": ["Inspect"], "b.mp4": ["Inspect"]})
    console.show_states("0 of 2 done", {"a.mp4": ["Inspect"], "b.mp4": ["Understand", "Analyze", "Transcode"]})
    console.show_states("0 of 2 done", {"a.mp4": ["Inspect"], "b.mp4": []})  # between two states
    console.show_states("1 of 2 done", {"b.mp4": ["Publish"]})
    console.show_states("2 of 2 done", {})
    assert [line.strip() for line in out.getvalue().splitlines()] == [
        "a.mp4: Inspect",
        "b.mp4: Inspect",
        "b.mp4: Analyze + Transcode",
        "a.mp4: done",
        "b.mp4: Publish",
        "b.mp4: done",
    ]


def test_a_failed_stage_is_marked_and_not_counted() -> None:
    out = io.StringIO()
    console = Console(out)
    with pytest.raises(ValueError, match="no"), console.stage("Deploy"):
        raise ValueError("no")
    with console.stage("Build"):
        pass
    assert "✗ Deploy" in out.getvalue() and "✓ Build" in out.getvalue()
    assert [stage.name for stage in console.stages] == ["Build"]
