"""Who is asked about which frames: by the plan, beside the cascade."""

from __future__ import annotations

from typing import Any

from impp_lambdas.core.detect import questions

FRAMES = [{"t": float(t), "hash": f"{t * 0xF0F0F:016x}", "quality": 0.5, "is_distinct": t % 2 == 0} for t in range(8)]
EVERY = {0.0, 2.0, 4.0, 6.0}


def asked(detectors: dict[str, str], **plan: Any) -> dict[str, set[float]]:
    """The times of the frames that each detector is asked about."""
    planned = {"detectors": detectors, "look": {"max": 60}, "frames": {"max": 60}, **plan}
    chosen = questions.choose(planned, FRAMES, [], is_event=False, most=60)
    names = {name for frame in chosen.values() for name in frame}
    return {name: {t for t, frame in chosen.items() if name in frame} for name in names}


def test_a_custom_detector_sees_every_distinct_frame_beside_any_engine() -> None:
    assert asked({"labels": "lambda"}, custom=["scene"]) == {"scene": EVERY}
    assert asked({"text": "rekognition"}, custom=["scene"]) == {"scene": EVERY, "text": EVERY}


def test_nobody_else_looks_for_labels_where_a_custom_detector_does() -> None:
    assert asked({"labels": "scene"}, custom=["scene"]) == {"scene": EVERY}


def test_a_custom_detector_takes_no_call_from_the_cascade() -> None:
    alone = asked({"labels": "cascade"}, managed_calls=2, escalate=["novel"])
    beside = asked({"labels": "cascade"}, managed_calls=2, escalate=["novel"], custom=["scene"])
    assert alone["labels"] and beside == {**alone, "scene": EVERY}
