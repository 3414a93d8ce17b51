"""Which of the sampled frames each managed service is asked about, by the plan.

A frame is `{t, hash, quality, is_distinct, …}`. A detector whose engine is a managed one is asked about every distinct
frame, as many as the plan allows, and so are the user's own detectors; a detector of the engine `cascade` where
:mod:`.cascade` says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from impp_lambdas.core.detect import cascade
from impp_lambdas.core.detect.registry import DETECTORS, LOCAL_ENGINES

if TYPE_CHECKING:
    from impp_lambdas.core.detect.tracks import Track

BY_PLAN = "plan: every distinct frame"

Plan = Mapping[str, Any]
Frame = Mapping[str, Any]


def engines(plan: Plan) -> dict[str, str]:
    """The engine of each detector that is on. `labels` may name a detector of the user's own."""
    return {name: engine for name, engine in plan.get("detectors", {}).items() if engine != "off"}


def local(plan: Plan) -> list[str]:
    """The detectors that Sample runs itself."""
    return [name for name, engine in engines(plan).items() if engine in LOCAL_ENGINES]


def most_distinct(plan: Plan, most: int) -> int:
    """How many distinct frames the managed engines are asked about, at most `most`; at least one, for the poster."""
    return max(1, min(int(plan.get("frames", plan["look"])["max"]), most))


def choose(
    plan: Plan, frames: Sequence[Frame], tracks: Sequence[Track], *, is_event: bool, most: int
) -> dict[float, dict[str, str]]:
    """The reasons to ask, by time of the frame and detector; frames that nobody asks about are absent."""
    planned = engines(plan)
    managed = [name for name, engine in planned.items() if engine == "rekognition"]
    every = [*managed, *plan.get("custom", ())]
    cascaded = [name for name, engine in planned.items() if engine == "cascade" and name in DETECTORS]
    asked: dict[float, dict[str, str]] = {}
    distinct = _evenly([frame for frame in frames if frame["is_distinct"]], most_distinct(plan, most))
    for frame in distinct if every else ():
        asked[frame["t"]] = dict.fromkeys(every, BY_PLAN)
    calls = int(plan.get("managed_calls", 0)) - len(asked) * len(managed)
    if cascaded and calls > 0:
        rules = cascade.Rules(cascaded, frozenset(plan.get("escalate", ())), calls, is_event)
        candidates = [cascade.Candidate(f["t"], int(f["hash"], 16), float(f["quality"])) for f in frames]
        for t, reasons in cascade.by_frame(cascade.choose(candidates, tracks, rules)).items():
            asked[t] = {**asked.get(t, {}), **reasons}
    return dict(sorted(asked.items()))


def _evenly(frames: Sequence[Frame], most: int) -> list[Frame]:
    if len(frames) <= most:
        return list(frames)
    return [frames[i * len(frames) // most] for i in range(most)]
