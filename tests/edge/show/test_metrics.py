"""Metrics of a run for Prometheus."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

from tests.support.edge.summaries import Result, StateValues

from impp_edge.show import metrics


def test_metrics_are_replaced_atomically_and_keep_the_last_complete_run(tmp_path: Path) -> None:
    path, state = tmp_path / "impp.prom", StateValues()
    late = Result(Counter(failed=1), complete=False, oldest_waiting=1500)
    assert metrics.write(path, state, Result(Counter(brought=2), bytes=7), now=1000.0) is None
    assert metrics.write(path, state, late, now=2000.0) is None
    lines = dict(line.rsplit(" ", 1) for line in path.read_text().splitlines() if not line.startswith("#"))
    assert lines["impp_edge_last_run_timestamp_seconds"] == "2000"
    assert lines["impp_edge_last_complete_timestamp_seconds"] == "1000"
    assert lines["impp_edge_last_run_complete"] == "0" and lines['impp_edge_last_run_files{result="failed"}'] == "1"
    assert lines["impp_edge_oldest_waiting_seconds"] == "500"
    assert path.stat().st_mode & 0o777 == 0o644 and list(tmp_path.iterdir()) == [path]


def test_a_run_in_progress_is_not_complete(tmp_path: Path) -> None:
    state = StateValues()
    metrics.write(tmp_path / "impp.prom", state, Result(), now=1000.0, ended=False)
    assert "last_complete" not in (tmp_path / "impp.prom").read_text() and state.get(metrics.LAST_COMPLETE) is None


def test_unwritable_metrics_are_reported_and_do_not_fail_the_run(tmp_path: Path) -> None:
    reason = metrics.write(tmp_path / "none" / "impp.prom", StateValues(), Result())
    assert reason is not None and "metrics cannot be written: No such file or directory" in reason


def test_a_link_in_the_place_of_the_new_file_is_not_followed(tmp_path: Path) -> None:
    """The collector's folder may belong to other users, who can guess the process's id."""
    precious, folder = tmp_path / "precious", tmp_path / "textfile"
    precious.write_text("mine")
    folder.mkdir()
    (folder / f".impp.prom.{os.getpid()}").symlink_to(precious)
    assert metrics.write(folder / "impp.prom", StateValues(), Result()) is None
    assert precious.read_text() == "mine"
    written = folder / "impp.prom"
    assert not written.is_symlink() and written.stat().st_mode & 0o777 == 0o644
