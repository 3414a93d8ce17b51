"""Tracks: one per thing, although detectors lose it for a moment, it moves, and findings come in any order."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from impp_lambdas.core.detect.tracks import GAP_LOOKS, edits, follow, overlap

BOXES = st.tuples(
    st.floats(0, 0.9), st.floats(0, 0.9), st.floats(0.01, 0.5), st.floats(0.01, 0.5)
).map(lambda box: [round(side, 4) for side in box])  # fmt: skip


def label(name: str, *boxes: list[float], confidence: float = 80.0) -> dict[str, Any]:
    instances = [{"confidence": confidence, "box": box} for box in boxes]
    return {"name": name, "confidence": confidence, "instances": instances, "engine": "lambda"}


def line(text: str, box: list[float] | None = None, confidence: float = 90.0) -> dict[str, Any]:
    return {"text": text, "confidence": confidence, "box": box, "engine": "lambda"}


def looks(*frames: list[dict[str, Any]], detector: str = "labels") -> list[dict[str, Any]]:
    return [{"t": float(t), detector: findings} for t, findings in enumerate(frames)]


def spans(frames: list[dict[str, Any]], detector: str = "labels") -> list[tuple[str, float, float, int]]:
    rows = [track.to_dict() for track in follow(frames, [detector])]
    return [(row["name"], row["first_s"], row["last_s"], row["count"]) for row in rows]


def ends(frames: list[dict[str, Any]]) -> list[Any]:
    return sorted((track.times, tuple(track.best.box or ())) for track in follow(frames, ["labels"]))


def test_a_moving_object_is_one_track_with_its_best_look() -> None:
    frames = looks(*([label("Car", [0.1 * k, 0.4, 0.1, 0.1], confidence=60.0 + (k == 2) * 30)] for k in range(5)))
    (track,) = follow(frames, ["labels"])
    assert track.to_dict() == {
        "detector": "labels", "name": "Car", "engine": "lambda", "first_s": 0.0, "last_s": 4.0, "best_s": 2.0,
        "box": [0.2, 0.4, 0.1, 0.1], "confidence": 90.0, "count": 5,
    }  # fmt: skip


def test_two_people_who_cross_keep_their_tracks() -> None:
    one = [[0.1 + 0.1 * k, 0.4, 0.05, 0.2] for k in range(7)]
    other = [[0.7 - 0.1 * k, 0.4, 0.05, 0.2] for k in range(7)]
    frames = looks(*([label("Person", a, b)] for a, b in zip(one, other, strict=True)))
    first, second = follow(frames, ["labels"])
    assert len(first.sightings) == len(second.sightings) == 7
    assert {round(abs((t.last.box or [0])[0] - (t.sightings[0].box or [0])[0]), 3) for t in (first, second)} == {0.6}


@pytest.mark.parametrize(("gap", "count"), [(GAP_LOOKS, 1), (GAP_LOOKS + 1, 2)])
def test_a_gap_of_two_looks_is_bridged_and_no_longer_one(gap: int, count: int) -> None:
    car = [label("Car", [0.4, 0.4, 0.1, 0.1])]
    assert len(follow(looks(car, *([[]] * gap), car), ["labels"])) == count


def test_a_look_that_the_detector_did_not_take_part_in_is_no_gap() -> None:
    frames = [{"t": 0.0, "labels": [label("Road")]}, *({"t": float(t), "text": []} for t in range(1, 9))]
    assert spans([*frames, {"t": 9.0, "labels": [label("Road")]}]) == [("Road", 0.0, 9.0, 2)]


def test_objects_of_another_class_place_or_size_are_other_tracks() -> None:
    frames = looks(
        [label("Car", [0.1, 0.1, 0.1, 0.1])], [label("Bus", [0.1, 0.1, 0.1, 0.1])],
        [label("Car", [0.8, 0.8, 0.1, 0.1])], [label("Car", [0.6, 0.6, 0.35, 0.35])],
    )  # fmt: skip
    assert [name for name, *_ in spans(frames)] == ["Car", "Bus", "Car", "Car"]


def test_a_clock_that_ticks_in_the_picture_is_one_track_of_text() -> None:
    frames = looks(
        *([line(f"2026-11-20 08:15:{k:02d} 51 KM/H", [0.05, 0.92, 0.4, 0.04])] for k in range(30)), detector="text"
    )
    assert [(first, last, count) for _, first, last, count in spans(frames, "text")] == [(0.0, 29.0, 30)]


def test_text_is_known_by_its_surest_reading() -> None:
    frames = looks(
        [line("ST0P", [0.4, 0.4, 0.1, 0.1], 81.0)], [line("STOP", [0.5, 0.4, 0.1, 0.1], 99.0)],
        [line("STOP", [0.9, 0.1, 0.1, 0.1], 95.0)], [line("MAIN ST", [0.4, 0.4, 0.1, 0.1])], detector="text",
    )  # fmt: skip
    assert spans(frames, "text") == [("STOP", 0.0, 2.0, 3), ("MAIN ST", 3.0, 3.0, 1)]


def test_faces_and_moderation() -> None:
    face = {"confidence": 97.0, "box": [0.4, 0.4, 0.1, 0.2], "engine": "lambda"}
    nude = {"name": "Explicit Nudity", "parent": "", "confidence": 88.0, "engine": "lambda"}
    frames = [{"t": float(t), "faces": [face], "moderation": [nude]} for t in range(3)]
    assert spans(frames, "faces") == [("Face", 0.0, 2.0, 3)]
    assert spans(frames, "moderation") == [("Explicit Nudity", 0.0, 2.0, 3)]


def test_a_managed_answer_rates_the_track() -> None:
    box = [0.4, 0.4, 0.1, 0.1]
    frames = looks(*([label("Car", box, confidence=95.0)] for _ in range(3)))
    frames[1]["labels"] = [label("Car", box, confidence=83.0) | {"engine": "rekognition"}]
    (track,) = follow(frames, ["labels"])
    assert (track.best.engine, track.best.confidence, track.best.t) == ("rekognition", 83.0, 1.0)


@given(st.lists(st.lists(BOXES, max_size=5), max_size=12))
def test_every_sighting_belongs_to_one_track(frames: list[list[list[float]]]) -> None:
    seen = looks(*([label("Person", *boxes)] if boxes else [] for boxes in frames))
    joined = follow(seen, ["labels"])
    assert sum(len(track.sightings) for track in joined) == sum(map(len, frames))
    for track in joined:
        assert track.times == sorted(set(track.times))
        steps = [b - a for a, b in zip(track.times, track.times[1:], strict=False)]
        assert all(step <= GAP_LOOKS + 1 for step in steps)


@given(st.lists(BOXES, min_size=1, max_size=5), st.integers(1, 6), st.randoms(use_true_random=False))
def test_the_order_of_findings_does_not_matter(boxes: list[list[float]], count: int, random: Any) -> None:
    in_order = looks(*([label("Person", *boxes)] for _ in range(count)))
    shuffled = looks(*([label("Person", *random.sample(boxes, len(boxes)))] for _ in range(count)))
    assert ends(in_order) == ends(shuffled)


@given(BOXES, st.floats(-0.1, 0.1), st.floats(-0.1, 0.1), st.integers(2, 8))
def test_a_steady_object_is_one_track_at_any_speed_below_its_size(
    box: list[float], dx: float, dy: float, count: int
) -> None:
    size = (box[2] * box[3]) ** 0.5
    path = [[box[0] + 10 * dx * size * k, box[1] + 10 * dy * size * k, box[2], box[3]] for k in range(count)]
    assert len(follow(looks(*([label("Car", step)] for step in path)), ["labels"])) == 1


@given(st.text(max_size=12), st.text(max_size=12))
def test_edits_are_a_distance(a: str, b: str) -> None:
    assert edits(a, a, 5) == 0
    assert edits(a, b, 20) == edits(b, a, 20) <= max(len(a), len(b))
    assert (edits(a, b, 20) == 0) == (a == b)
    assert edits(a, b, 2) == min(edits(a, b, 20), 3)


@given(BOXES, BOXES)
def test_overlap_is_a_share(a: list[float], b: list[float]) -> None:
    assert 0 <= overlap(a, b) <= 1 + 1e-9
    assert overlap(a, b) == pytest.approx(overlap(b, a))
    assert overlap(a, a) == pytest.approx(1)
