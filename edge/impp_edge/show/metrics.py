"""Metrics of the last run, for the textfile collector of Prometheus' node_exporter.

The file is replaced as a whole, so that nobody reads half of one. A box that runs from cron needs no port and no server
for this; ``time() - impp_edge_last_complete_timestamp_seconds`` is the alert to set.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

LAST_COMPLETE = "last_complete"
"""Name in the state under which the end of the last complete run is kept, in seconds since 1970."""


class Result(Protocol):
    """The figures of a run. ``counts`` files by result; ``oldest_waiting`` in seconds since 1970, None
    where nothing waits."""

    @property
    def counts(self) -> Mapping[str, int]: ...
    @property
    def bytes(self) -> int: ...
    @property
    def seconds(self) -> float: ...
    @property
    def complete(self) -> bool: ...
    @property
    def waiting_bytes(self) -> int: ...
    @property
    def oldest_waiting(self) -> float | None: ...


class Meta(Protocol):
    """Keeps small texts from run to run."""

    def get(self, name: str) -> str | None: ...
    def set(self, name: str, value: str) -> None: ...


@dataclass(frozen=True)
class _Metric:
    name: str
    help: str
    samples: Mapping[str, float]
    """Values by labels, which are written as between the braces."""


KINDS = ("brought", "there", "known", "restless", "skipped", "waiting", "failed", "removed")


def write(path: Path | None, state: Meta, result: Result, now: float | None = None, ended: bool = True) -> str | None:
    """Write the metrics of a run; without a path only remember when a run was last complete. A run that has not
    ``ended`` is not complete yet, however well it goes.

    Returns why it could not be done, None where all is well: footage matters more than figures.
    """
    now = time.time() if now is None else now
    if ended and result.complete:
        state.set(LAST_COMPLETE, f"{now:.3f}")
    if path is None:
        return None
    last = state.get(LAST_COMPLETE)
    text = render(result, now, float(last) if last else None)
    new = path.with_name(f".{path.name}.{os.getpid()}")  # the collector reads *.prom only
    try:
        new.unlink(missing_ok=True)
        # O_EXCL follows no symbolic link: the folder may be one that other users write to.
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
        new.chmod(0o644)  # it is another user who reads it
        new.replace(path)
    except OSError as error:
        with suppress(OSError):
            new.unlink(missing_ok=True)
        return f"{path}: metrics cannot be written: {error.strerror}"
    return None


def render(result: Result, now: float, last_complete: float | None) -> str:
    """The metrics in Prometheus' text format."""
    age = max(0.0, now - result.oldest_waiting) if result.oldest_waiting is not None else 0.0
    metrics = [
        _Metric("last_run_timestamp_seconds", "When the last run ended or, during a run, last reported.", {"": now}),
        _Metric("last_run_seconds", "How long the last run took.", {"": result.seconds}),
        _Metric("last_run_complete", "1 if nothing failed in the last run.", {"": int(result.complete)}),
        _Metric("last_run_bytes", "Bytes that the last run sent.", {"": result.bytes}),
        _Metric("last_run_files", "Files by what the last run did with them.",
                {f'result="{kind}"': result.counts.get(kind, 0) for kind in KINDS}),
        _Metric("waiting_bytes", "Bytes still to be uploaded.", {"": result.waiting_bytes}),
        _Metric("oldest_waiting_seconds", "Age of the oldest file still to be uploaded.", {"": age}),
    ]  # fmt: skip
    if last_complete is not None:
        metrics.append(
            _Metric("last_complete_timestamp_seconds", "When a run last left nothing behind.", {"": last_complete})
        )
    return "".join(_lines(metric) for metric in metrics)


def _lines(metric: _Metric) -> str:
    name = f"impp_edge_{metric.name}"
    head = f"# HELP {name} {metric.help}\n# TYPE {name} gauge\n"
    return head + "".join(
        f"{name}{'{' + labels + '}' if labels else ''} {value:.15g}\n" for labels, value in metric.samples.items()
    )
