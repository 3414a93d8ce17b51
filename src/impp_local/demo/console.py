"""What the demo prints: stages, how many files are done, and at the end what there is to tell about them."""

from __future__ import annotations

import os
import re
import shutil
import sys
import textwrap
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from io import TextIOWrapper
from types import MappingProxyType
from typing import Final, TextIO

from impp_local.demo.facts import FileReport, Report, Stage
from impp_local.demo.names import fit, printable, width
from impp_local.demo.report import usd

SOON_S, QUIET_S = 2.0, 15.0
"""Off a terminal, progress is printed at each tenth, but not sooner than the first; after the second at any change."""

KINDS: Final = 20
EXAMPLES: Final = 5
"""Kinds of problems that are listed, and files of each; the page has all of them."""

SMALL_CARD: Final = 12
"""Up to so many files have a line each."""


class Console:
    """Stages with their times; in a terminal with a live last line, elsewhere only with lines that stay."""

    def __init__(self, out: TextIO | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self.stages: list[Stage] = []
        self._out = out or sys.stdout
        if isinstance(self._out, TextIOWrapper):
            self._out.reconfigure(errors="backslashreplace")  # where the locale has no ✓
        self._live = self._out.isatty() and os.environ.get("TERM") != "dumb"
        self._clock = clock
        self._printed_at = -QUIET_S
        self._printed: tuple[int, int] | None = None
        self._lock = threading.Lock()

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Print a part of the run when it starts, and its seconds when it ends; a failed one is marked."""
        started = time.perf_counter()
        self._printed, self._printed_at = None, -QUIET_S
        self.say(f"… {name}")
        try:
            yield
        except BaseException:
            self.line(f"✗ {name}  ({_seconds(time.perf_counter() - started)})")
            raise
        self.stages.append(Stage(name, time.perf_counter() - started))
        self.line(f"✓ {name}  ({_seconds(self.stages[-1].seconds)})")

    def say(self, text: str) -> None:
        """Show the current activity in the live line; off a terminal, as a line that stays."""
        with self._lock:
            self._write(text)

    def progress(self, done: int, total: int, noun: str, current: Sequence[str] = ()) -> None:
        """Show how much is done, and on a terminal what is under way.

        Off a terminal a line is printed at each tenth, and now and then when something has changed.
        """
        with self._lock:
            text = f"  {done} of {total} {noun}"
            if self._live:
                named = " · ".join([text, *(printable(entry) for entry in current)])
                self._write(named)
                return
            if self._printed == (done, total):
                return
            tenth, before = (10 * done // total if total else 0), self._printed
            is_next_tenth = before is None or before[1] != total or tenth > 10 * before[0] // total
            now = self._clock()
            if now - self._printed_at >= (SOON_S if is_next_tenth else QUIET_S):
                self._write(text)
                self._printed, self._printed_at = (done, total), now

    def line(self, text: str = "") -> None:
        """A line that stays."""
        with self._lock:
            self._out.write(("\r\x1b[2K" if self._live else "") + text + "\n")
            self._out.flush()

    def _write(self, text: str) -> None:
        self._out.write(f"\r\x1b[2K{fit(text, self.columns - 1)}" if self._live else f"{text}\n")
        self._out.flush()

    @property
    def columns(self) -> int:
        """Width of the terminal; a usual one elsewhere."""
        return shutil.get_terminal_size((100, 24)).columns if self._live else 100


class DeployProgress:
    """Says how much of its plan Terraform has done, from the lines that it prints."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._done = self._total = 0
        self._noun = "resources made"

    def __call__(self, line: str) -> None:
        """Read a line."""
        if line.startswith("Plan: "):
            planned = {kind: int(number) for number, kind in re.findall(r"(\d+) to (\w+)", line)}
            self._total = sum(planned.values())
            self._noun = "resources made" if planned.get("add") == self._total else "changes made"
        if re.search(r": (Import|Creation|Modifications|Destruction) complete", line):
            self._done += 1
            self._console.progress(self._done, max(self._done, self._total), self._noun)


def result_lines(report: Report, columns: int) -> Iterator[str]:
    """What the console prints at the end: a small card file by file, a large one by its problems; then a summary."""
    if len(report.files) <= SMALL_CARD:
        yield from _each_file(report.files, columns)
    else:
        yield from _problems(report.problems, columns)
    yield ""
    yield from _summary(report)


def _each_file(files: Sequence[FileReport], columns: int) -> Iterator[str]:
    names = [printable(file.file.rsplit("/", 1)[-1]) for file in files]
    if len(set(names)) < len(names):
        names = [printable(file.file) for file in files]
    longest = min(max(map(width, names), default=0), columns // 3)
    states = max((len(file.state) for file in files), default=0)
    for file, name in zip(files, names, strict=True):
        name = fit(name, longest)
        head = f"{_mark(file)} {name}{' ' * (longest - width(name))}  {file.state:{states}}  "
        text = _content(file)
        cost = f"  {usd(file.usd):>8}" if file.ledger else ""
        room = columns - width(head) - len(cost)
        if file.explanation:
            yield head.rstrip()
            expected = f"Expected: {file.expected.state}. " if file.expected and not file.as_expected else ""
            yield from _indented(expected + file.explanation, columns)
        else:
            text = fit(printable(text), room)
            yield f"{head}{text}{' ' * (room - width(text))}{cost}".rstrip()


def _mark(file: FileReport) -> str:
    return "✗" if not file.as_expected else "!" if file.is_problem else "✓"


def _content(file: FileReport) -> str:
    seen = [str(label["name"]) for label in file.labels[:4]]
    seen += [f"{file.faces} face{'s' if file.faces > 1 else ''}"] if file.faces else []
    seen += [f"⚠ {name}" for name in file.moderation[:2]]
    speech = f"“{file.transcript}”" if file.transcript else ""
    return " · ".join(filter(None, [", ".join(seen), speech]))


def _indented(text: str, columns: int) -> list[str]:
    return textwrap.wrap(printable(text), max(columns, 40), initial_indent="    ", subsequent_indent="    ")


def _problems(problems: Sequence[FileReport], columns: int) -> Iterator[str]:
    """Problems by their kind, those with most files first; a few files of each."""
    kinds: defaultdict[tuple[bool, str], list[FileReport]] = defaultdict(list)
    for file in problems:
        expected = f", expected {file.expected.state}" if file.expected else ""
        kinds[file.as_expected, f"{file.state}{expected}: {replace(file, detail=None).explanation}"].append(file)
    ordered = sorted(kinds.items(), key=lambda kind: (kind[0][0], -len(kind[1])))
    for (_, text), files in ordered[:KINDS]:
        mark = f"{_mark(files[0])} {_files(len(files))} "
        yield from textwrap.wrap(mark + printable(text), max(columns, 40), subsequent_indent="  ")
        for file in files[:EXAMPLES]:
            detail = f" ({file.detail})" if file.detail else ""
            yield from _indented(file.file + detail, columns)
        if len(files) > EXAMPLES:
            yield f"    … and {len(files) - EXAMPLES} more"
    if len(ordered) > KINDS:
        yield f"… and {len(ordered) - KINDS} more kinds of problems"
    if not problems:
        yield "No problems."


def _summary(report: Report) -> Iterator[str]:
    totals = report.totals()
    skipped = Counter(str(file.reason) for file in report.files if file.state == "skipped")
    reasons = {"skipped": f" ({_listed(skipped)})"} if skipped else {}
    yield f"{_files(totals['files'])}: {_listed(totals['by_state'], reasons)}"
    early = "Stopped early: " if report.interrupted else ""
    as_expected, seconds = totals["as_expected"], _seconds(totals["seconds"])
    yield f"{early}{as_expected} of {totals['files']} finished as expected in {seconds}."
    ledger, bill = usd(totals["usd_ledger"]), usd(totals["usd_bill"])
    yield f"On AWS the files would have cost {ledger}, the whole run {bill}."


def _listed(counts: Mapping[str, int], remarks: Mapping[str, str] = MappingProxyType({})) -> str:
    ordered = sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))
    return ", ".join(f"{count} {name}{remarks.get(name, '')}" for name, count in ordered)


def _files(count: int) -> str:
    return f"{count} file{'' if count == 1 else 's'}"


def _seconds(value: float) -> str:
    return f"{value:.1f} s" if value < 120 else f"{value // 60:.0f} min {value % 60:.0f} s"
