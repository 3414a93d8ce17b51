"""What the demo prints: the stages, the current states of each file, and the table at the end."""

from __future__ import annotations

import shutil
import sys
import textwrap
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TextIO

from impp_local.demo.facts import FileReport, Report, Stage
from impp_local.demo.report import clock, usd


class Console:
    """Stages with their times; in a terminal with a live last line, elsewhere only with lines that stay."""

    def __init__(self, out: TextIO | None = None) -> None:
        self.stages: list[Stage] = []
        self._out = out or sys.stdout
        self._live = self._out.isatty()
        self._last_text = ""
        self._states: dict[str, str] = {}
        self._lock = threading.Lock()

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Print a part of the run when it starts, and its seconds when it ends; a failed one is marked."""
        started = time.perf_counter()
        self.say(f"… {name}")
        try:
            yield
        except BaseException:
            self.line(f"✗ {name}  ({time.perf_counter() - started:.1f} s)")
            raise
        self.stages.append(Stage(name, time.perf_counter() - started))
        self.line(f"✓ {name}  ({self.stages[-1].seconds:.1f} s)")

    def say(self, text: str) -> None:
        """Show the current activity: in the live line, or as a line of its own if the text is new."""
        with self._lock:
            text = " ".join(text.split())
            if text == self._last_text:
                return
            self._last_text = text
            if self._live:
                width = shutil.get_terminal_size().columns - 1
                self._out.write(f"\r\x1b[2K{text[:width]}")
            else:
                self._out.write(f"  {text}\n")
            self._out.flush()

    def show_states(self, done: str, files: Mapping[str, Sequence[str]]) -> None:
        """Show the states of each file: all in the live line, otherwise one line per file that changed."""
        # Within a Parallel only the branches are shown; between two states a file keeps its last one.
        inside = {name: [s for s in states if len(states) == 1 or s != states[0]] for name, states in files.items()}
        now = {name: " + ".join(states) for name, states in inside.items() if states}
        if self._live:
            self.say(f"{done} · {' · '.join(f'{name} {states}' for name, states in now.items())}")
            return
        for name in sorted(now.keys() | (self._states.keys() - files.keys())):
            if now.get(name) != self._states.get(name):
                self.say(f"{name}: {now.get(name, 'done')}")
        self._states = {name: states for name, states in (self._states | now).items() if name in files}

    def line(self, text: str = "") -> None:
        """A line that stays."""
        with self._lock:
            self._last_text = ""
            self._out.write(("\r\x1b[2K" if self._live else "") + text + "\n")
            self._out.flush()


COLUMNS = ("file", "state", "seen", "said", "renditions", "storage class and why", "quote", "ledger")
SHARES = (24, 10, 18, 19, 13, 18)
"""Relative widths of the columns with text; the two with money have a fixed width."""


def table(report: Report, width: int | None = None) -> str:
    """One row per file, and the totals."""
    width = max(110, width or shutil.get_terminal_size((150, 24)).columns)
    money = 9
    room = width - 2 * (money + 2) - 2 * (len(SHARES) - 1)
    widths = [room * share // sum(SHARES) for share in SHARES]
    rule = "─" * (sum(widths) + 2 * (len(widths) - 1) + 2 * (money + 2))
    lines = [*_row(COLUMNS, widths, money), rule]
    for file in report.files:
        name = file.file.rsplit("/", 1)[-1]
        is_unique = sum(other.file.endswith(f"/{name}") or other.file == name for other in report.files) == 1
        lines += _row((name if is_unique else file.file, *_cells(file)), widths, money)
        lines += textwrap.wrap(_remark(file), width - 4, initial_indent="  └ ", subsequent_indent="    ")
    totals = report.totals()
    states = ", ".join(f"{count} {state}" for state, count in totals["by_state"].items())
    lines += [
        rule,
        *_row(("total", "", "", "", "", states, usd(totals["usd_quote"]), usd(totals["usd_ledger"])), widths, money),
    ]
    return "\n".join(line.rstrip() for line in lines)


def _cells(file: FileReport) -> Sequence[str]:
    content = [f"{label['name']}" for label in file.labels[:5]] + [f"“{text}”" for text in file.text[:2]]
    content += [f"{file.faces} face{'s' if file.faces > 1 else ''}"] if file.faces else []
    content += [f"! {name}" for name in file.moderation[:2]]
    transcript = textwrap.shorten(f"“{file.transcript}”", 120, placeholder=" …”") if file.transcript else ""
    renditions = [
        f"{r.name} {r.width}x{r.height}" if r.width else f"{r.name} {clock(r.duration_s)}" for r in file.renditions
    ]
    why = str(file.archive["why"]).split(":")[0] if file.archive else ""  # the sums behind it are in the report
    archive = f"{file.archive['storage_class']}: {why}" if file.archive else ""
    money = (usd(file.usd_quote), usd(file.usd)) if file.ledger or file.quote else ("", "")
    return (file.state, ", ".join(content), transcript, ", ".join(renditions), archive, *money)


def _remark(file: FileReport) -> str:
    """The reason for a file's state, and whether that state was expected."""
    expected = f", expected {file.expected.state}" if file.expected else ""
    return (file.reason or "") + ("" if file.as_expected else f" ✗ not as expected{expected}")


def _row(cells: Sequence[str], widths: Sequence[int], money: int) -> list[str]:
    wrapped = [textwrap.wrap(cell, width) or [""] for cell, width in zip(cells, widths, strict=False)]
    amounts = cells[len(widths) :]
    lines = []
    for number in range(max(map(len, wrapped))):
        parts = [
            (column[number] if number < len(column) else "").ljust(w) for column, w in zip(wrapped, widths, strict=True)
        ]
        parts += [(amount if number == 0 else "").rjust(money) for amount in amounts]
        lines.append("  ".join(parts))
    return lines
