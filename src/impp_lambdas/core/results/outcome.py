"""The outcome of an asset's processing: the status of each branch, and the state and reason that follow from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from impp_lambdas.core.money.functions import steps
from impp_lambdas.core.results.reasons import ERRORS, explain

BRANCHES = (
    *("sample", "analyze", "transcribe", "proxy", "transcode"),
    *(name for name in steps("process") if name not in ("inspect", "publish")),
)
"""The results that an outcome names: of the branches, and of the steps of every run between them and Publish."""

SOUND_LEFT_OUT = "encoded without sound, because MediaConvert does not support its codec"
MIRRORING_LEFT_OUT = "the file asks to be mirrored, which MediaConvert cannot do; the poster is mirrored"

TRACKS_LEFT_OUT = (
    "the file has several video tracks, but not all have a rendition: MediaConvert encodes only the first, and the "
    "original has the others"
)
ENCODING_LEFT_OUT = "no renditions, because MediaConvert cannot decode this kind of file"
FURTHER = "another recording begins"
SEVERAL = "the file seems to hold several recordings, of which only the first was processed"
NOTHING_MADE = "nothing_made"
"""Reason of an asset of which nothing useful exists."""

_LEFT_OUT = {"is_sound_left_out": SOUND_LEFT_OUT, "is_encoding_left_out": ENCODING_LEFT_OUT}
"""What the plan leaves out, and why the result is partial then."""
_NOTES = {"is_mirroring_left_out": MIRRORING_LEFT_OUT, "are_tracks_left_out": TRACKS_LEFT_OUT}
"""What a complete result says as well."""

LENGTH_TOLERANCE_S, LENGTH_TOLERANCE = 1.0, 0.02
"""A rendition may differ from its original by the larger one, seconds or share: tracks rarely end together, and the
last frame of a variable rate has no certain length."""


@dataclass(frozen=True)
class Outcome:
    """`state` is published, partial, deferred or quarantined; `branches` are `{name: {status, reason?}}`.

    `reason` is a text, but for quarantined :data:`NOTHING_MADE`, whose `detail` is the text."""

    state: str
    reason: str | None
    branches: dict[str, dict[str, str]]
    detail: str | None = None


def of_branches(
    verdict: str,
    verdict_reason: str | None,
    results: Mapping[str, Mapping[str, Any]],
    missing_renditions: Sequence[str],
    tags_left_out: Sequence[str],
    wrong_lengths: Sequence[str] = (),
    *,
    second_recording: str | None = None,
    is_useful: bool = True,
) -> Outcome:
    """The outcome of an execution that reached Publish. `results` are those of the :data:`BRANCHES` that ran, and
    the plan; `wrong_lengths` and `second_recording` come from the functions of these names. `is_useful`: there is a
    picture, a rendition or a transcript."""
    branches = {name: _branch(results[name]) for name in BRANCHES if name in results}
    plan = results.get("plan") or {}
    maker = "proxy" if "transcode" not in branches and "proxy" in branches else "transcode"
    status = branches.get(maker, {}).get("status")
    if missing_renditions and status == "ok":
        branches[maker] = {"status": "failed", "reason": f"not delivered: {', '.join(missing_renditions)}"}
    problems = [*wrong_lengths, *[text for name, text in _LEFT_OUT.items() if plan.get(name)]]
    if problems and branches.get(maker, {}).get("status") in ("ok", "skipped"):
        branches[maker] = {"status": "partial", "reason": "; ".join(problems)}
    notes = [text for name, text in _NOTES.items() if plan.get(name)]
    if notes and branches.get(maker, {}) == {"status": "ok"}:
        branches[maker] = {"status": "ok", "reason": "; ".join(notes)}
    reasons = [f"{name}: {b['reason']}" for name, b in branches.items() if b["status"] in ("failed", "partial")]
    if second_recording:
        reasons.append(f"original: {second_recording}")
    if tags_left_out:
        reasons.append(f"tags: no room for {', '.join(tags_left_out)}, S3 allows 10 per object")
    if verdict == "archive_only":
        return Outcome("deferred", "; ".join(filter(None, [verdict_reason, *reasons])), branches)
    if reasons and not is_useful:
        return Outcome("quarantined", NOTHING_MADE, branches, _nothing(branches) or "; ".join(reasons))
    return Outcome("partial" if reasons else "published", "; ".join(reasons) or None, branches)


def second_recording(facts: Mapping[str, Any]) -> str | None:
    """A sentence about a recording that another one follows in its file, None if there is none."""
    at = facts.get("further_at")
    if at is None:
        return None
    rest = f"{int(facts['bytes']) - at:,} bytes"
    return f"{FURTHER} at byte {at:,}; its {rest} are kept, but neither shown nor searched"


def wrong_lengths(renditions: Sequence[Mapping[str, Any]], duration_s: float) -> list[str]:
    """A sentence for each rendition that is clearly shorter or longer than its original of `duration_s`. A further
    track of moving pictures may have its own length."""
    tolerance = max(LENGTH_TOLERANCE_S, LENGTH_TOLERANCE * duration_s)
    lengths = {
        str(r["name"]): float(r["duration_s"])
        for r in renditions
        if r.get("duration_s") is not None and not r["name"].startswith("proxy-")
    }
    return [
        f"{name} is {length:.1f} s long, its original {duration_s:.1f} s"
        + (f": {SEVERAL}" if length > duration_s else "")
        for name, length in lengths.items()
        if abs(length - duration_s) > tolerance
    ]


def _nothing(branches: Mapping[str, Mapping[str, str]]) -> str:
    """Why there is nothing: the branches' reasons, each once."""
    bad = (b["reason"] for b in branches.values() if b["status"] in ("failed", "partial"))
    return "; ".join(dict.fromkeys(reason.removeprefix(f"{ERRORS['Unreadable']}: ") for reason in bad))


def _branch(result: Mapping[str, Any]) -> dict[str, str]:
    status = str(result.get("status", "ok"))
    if status == "failed" and "reason" not in result:
        return {"status": "failed", "reason": explain(result.get("error"), result.get("cause"))}
    if status == "ok" and (failed := result.get("failed")):
        calls = ", ".join(f"{count} x {name}" for name, count in failed.items())
        return {"status": "partial", "reason": f"no response to {calls}"}
    if status == "ok" and result.get("incomplete") and result.get("frame_count") == 0:
        return {"status": "failed", "reason": str(result["incomplete"])}
    if status == "ok" and result.get("incomplete") and result.get("is_damaged"):
        return {"status": "partial", "reason": str(result["incomplete"])}
    if status == "ok" and result.get("incomplete"):
        return {"status": "ok", "reason": str(result["incomplete"])}
    return {"status": status, **({"reason": str(result["reason"])} if result.get("reason") else {})}
