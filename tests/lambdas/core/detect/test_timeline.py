"""The timeline of a recording: which answers of a service contradict what a model saw, and what its summary names."""

from __future__ import annotations

from typing import Any

import pytest

from impp_lambdas.core.detect import timeline


def labels(*names: str) -> dict[str, Any]:
    return {"Labels": [{"Name": name, "Confidence": 90.0, "Instances": []} for name in names]}


def lines(*texts: str) -> dict[str, Any]:
    return {"TextDetections": [{"DetectedText": text, "Type": "LINE", "Confidence": 99.0} for text in texts]}


def faces(count: int) -> dict[str, Any]:
    box = {"Left": 0.1, "Top": 0.2, "Width": 0.3, "Height": 0.4}
    return {"FaceDetails": [{"BoundingBox": box, "Confidence": 99.0}] * count}


@pytest.mark.parametrize(
    ("detector", "seen", "answered", "disagreements"),
    [
        ("labels", ["Car"], labels("Car", "Road", "Sky"), 0),
        ("labels", ["Car", "Person"], labels("Car", "Road"), 1),
        ("labels", [], labels("Road"), 0),
        ("text", ["STOP here"], lines("stop", "HERE"), 0),
        ("text", ["STOP"], lines("SHOP"), 1),
        ("text", [], lines("STOP"), 1),
        ("text", [], lines(), 0),
        ("faces", ["", ""], faces(2), 0),
        ("faces", [""], faces(2), 1),
    ],
)
def test_an_answer_disagrees_with_what_a_model_saw(
    detector: str, seen: list[str], answered: dict[str, Any], disagreements: int
) -> None:
    field = {"labels": "name", "text": "text", "faces": "of"}[detector]
    look = {"t": 1.0, detector: [{field: value, "confidence": 80.0} for value in seen]}
    other = {"t": 2.0, detector: [{field: "nobody was asked", "confidence": 80.0}]}
    counted = timeline.overrides([look, other], {(1.0, detector): answered, (3.0, detector): answered})
    assert counted == (1, disagreements), "what was not looked at, or not asked about, counts nowhere"


def seen(name: str, confidence: float = 80.0, engine: str = "lambda", *parents: str) -> dict[str, Any]:
    return {"name": name, "confidence": confidence, "engine": engine, "parents": list(parents)}


def summary(*looks: tuple[float, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = timeline.summary([{"t": t, "labels": found} for t, found in looks])["labels"]
    return entries


def test_what_is_seen_longest_comes_first_however_sure_the_rest_is() -> None:
    sure, long = seen("Sign", 99.0), seen("Road", 61.0)
    ranked = summary((0.0, [sure, long]), (1.0, [sure]), (2.0, [sure]), (12.0, [long]), (30.0, [long]))
    assert [entry["name"] for entry in ranked] == ["Road", "Sign"]


def test_an_entry_says_who_saw_it_from_when_to_when_and_where_best() -> None:
    (car,) = summary(
        (1.0, [seen("Car", 70.0)]),
        (2.0, [seen("Car", 95.0)]),
        (3.0, [seen("Car", 80.0, "rekognition")]),
        (4.0, [seen("Car", 80.0, "rekognition")]),
        (5.0, [seen("Car", 90.0)]),
    )
    times = {"first_s": 1.0, "last_s": 5.0, "best_s": 3.0}
    assert car == {"name": "Car", "confidence": 80.0, "engine": "rekognition", "count": 5, **times}


def test_a_parent_is_named_only_where_nothing_under_it_is() -> None:
    car, boat = seen("Car", 80.0, "lambda", "Vehicle", "Transportation"), seen("Boat", 80.0, "lambda", "Vehicle")
    vehicle, transportation = seen("Vehicle", 90.0, "lambda", "Transportation"), seen("Transportation", 90.0)
    both = summary((0.0, [vehicle, transportation]), (1.0, [car, vehicle, transportation]), (2.0, [boat]))
    assert {entry["name"] for entry in both} == {"Car", "Boat"}
    assert [entry["name"] for entry in summary((0.0, [vehicle, transportation]))] == ["Vehicle"]
