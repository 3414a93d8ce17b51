"""How fast the functions compute where they run: ledgers teach it, quotes follow it.

The estimates of :mod:`.runtimes` are processor seconds of one machine, and Lambda promises none. An asset's *lesson*
about a function is how many times the estimated seconds its ledger has. The factor of a quote is the second largest
lesson of the last few: an upper bound as a quote is one, and no single file decides about it.
docs/design/adr/0026-quotes-learn-from-ledgers.md has the reasons.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from impp_lambdas.core.money import functions, runtimes
from impp_lambdas.core.planning import proxy

BRANCHES = {"sample": "sample", "hear": "transcribe", "proxy": "proxy"}
"""The functions that compute, and the branch whose result has their usage."""
SAME = {"join": "sample"}
"""Functions whose usage is in another's branch."""
PRIORS = {"x86_64": 1.4, "arm64": proxy.GRAVITON}
"""Factors until there are lessons. x86-64: an Intel Xeon of 2.3 GHz, where a proxy takes that many times as long as
on the machine of the estimates; arm64: assumed."""
WINDOW = 16
"""Lessons that count."""
ENOUGH = 6
"""With fewer lessons a factor is not below its prior."""
MARGIN = 1.05
"""By how much a factor is above its lesson: the next file differs."""
LEAST, MOST = 0.5, 4.0
"""Bounds of a lesson and of a factor: files that are more unusual say nothing about the machine."""
COMPUTING_SHARE = 0.7
"""Of a function's estimated seconds. With less, the lesson would be about new containers and waiting for S3."""


@dataclass(frozen=True)
class Calibration:
    """What `assets` assets have taught about the functions on a kind of processor: lessons by function, latest last."""

    machine: str
    assets: int = 0
    lessons: Mapping[str, Sequence[float]] = field(default_factory=dict)

    @classmethod
    def of(cls, machine: str, item: Mapping[str, Any] | None = None) -> Calibration:
        """The calibration that an item of the catalog holds. `machine` is `os.uname().machine`."""
        item = item or {}
        lessons = {name: [_bounded(float(one)) for one in item.get(name, ())][-WINDOW:] for name in BRANCHES}
        return cls(kind(machine), int(item.get("assets", 0)), lessons)

    def factor(self, function: str) -> float:
        """By how much the processor seconds of a function are multiplied in a quote; 1 for one that only waits."""
        name = SAME.get(function, function)
        if name not in BRANCHES:
            return 1.0
        ranked = sorted(self.lessons.get(name, ()))
        learned = MARGIN * ranked[-2] if len(ranked) > 1 else LEAST
        return _bounded(learned if len(ranked) >= ENOUGH else max(PRIORS[self.machine], learned))

    def factors(self) -> dict[str, float]:
        """The factor of each function that computes."""
        return {name: round(self.factor(name), 4) for name in BRANCHES}

    def to_dict(self) -> dict[str, Any]:
        """Factors and number of assets as plain JSON."""
        return {"assets": self.assets, "factors": self.factors()}

    def after(self, lessons: Mapping[str, float]) -> Calibration:
        """The calibration with the lessons of one more asset, by function."""
        learned = {name: [*past, *_one(lessons.get(name))][-WINDOW:] for name, past in self.lessons.items()}
        return Calibration(self.machine, self.assets + 1, learned)

    def basis(self, runs: Iterable[runtimes.Run]) -> dict[str, Any]:
        """What a quote assumes about the functions that compute, for the manifest and for :func:`lessons`."""
        functions: dict[str, dict[str, float]] = {}
        for run in runs:
            name = SAME.get(run.function, run.function)
            if name in BRANCHES and run.computing_s > 0:
                before = functions.get(name, {"waiting_s": 0.0, "start_s": 0.0, "computing_s": 0.0})
                functions[name] = {
                    "factor": round(self.factor(name), 4),
                    "waiting_s": round(before["waiting_s"] + run.waiting_s, 3),
                    "start_s": round(before["start_s"] + run.start_s, 3),
                    "computing_s": round(before["computing_s"] + run.computing_s, 3),
                }
        return {"machine": self.machine, "assets": self.assets, "functions": functions}


def kind(machine: str) -> str:
    """`arm64` or `x86_64`, as Lambda calls a processor that the kernel calls `machine`."""
    return "arm64" if machine in ("aarch64", "arm64") else "x86_64"


def lessons(media: Mapping[str, Any], results: Mapping[str, Mapping[str, Any]]) -> dict[str, float]:
    """What an asset teaches, by function. `media` is Inspect's result, `results` those of the branches.

    A photo, sound alone and work that is incomplete teach nothing: their time depends on other things.
    """
    functions = (media.get("quote_basis") or {}).get("functions", {})
    learned: dict[str, float] = {}
    for name, branch in BRANCHES.items():
        result, estimate = results.get(branch, {}), functions.get(name)
        if not estimate or media["facts"]["kind"] != "video" or result.get("status") != "ok":
            continue
        if result.get("incomplete") or (name == "hear" and result.get("engine") != "lambda"):
            continue
        waiting, computing = float(estimate["waiting_s"]), float(estimate["computing_s"])
        waiting -= 0.0 if result.get("is_new", True) else float(estimate["start_s"])
        if name == "hear":  # the quote assumes that somebody speaks all the time
            whole = runtimes.hearing_s(float(media["facts"]["duration_s"]))
            computing *= min(1.0, runtimes.hearing_s(float(result["seconds"])) / whole)
        spent = _seconds(name, result.get("usage", ()))
        if spent > 0 and computing >= COMPUTING_SHARE * (waiting + computing):
            learned[name] = _bounded((spent - waiting) / computing)
    return learned


def _seconds(function: str, usage: Sequence[Mapping[str, Any]]) -> float:
    """Seconds of the functions in a branch, all of which have the memory of `function`."""
    gb_seconds = sum(float(line["quantity"]) for line in usage if str(line["item"]).endswith("_gb_second"))
    return gb_seconds * 1024 / float(functions.table()[function]["memory_mb"])


def _bounded(factor: float) -> float:
    return min(MOST, max(LEAST, factor))


def _one(lesson: float | None) -> list[float]:
    return [] if lesson is None else [round(_bounded(lesson), 4)]
