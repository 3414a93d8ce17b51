"""What is kept of a look is bounded, so that all looks of a part fit into the decoder's result."""

from __future__ import annotations

import json
from typing import Any

from PIL import Image

from impp_lambdas.adapters import decoding
from impp_lambdas.core.media.looks import Looks
from impp_lambdas.core.planning import plan

BOX = [0.1234, 0.2345, 0.3456, 0.4567]
DETECTORS = ("labels", "text", "faces", "moderation")


def crowd(_: Image.Image) -> dict[str, list[dict[str, Any]]]:
    """A picture full of things, in no order."""
    confidences = [round(50 + 37 * n % 50 + n / 100, 2) for n in range(60)]
    instances = [{"confidence": confidence, "box": BOX} for confidence in confidences]
    return {
        "labels": [
            {"name": f"Label {c}", "confidence": c, "parents": ["A"], "instances": instances} for c in confidences
        ],
        "text": [{"text": "交通標誌" * 100, "confidence": c, "box": BOX} for c in confidences],
        "faces": [{"confidence": c, "box": BOX} for c in confidences],
        "moderation": [],
    }


def test_the_looks_of_a_part_fit_into_the_decoders_result_however_much_they_show() -> None:
    looks = Looks(crowd, DETECTORS)
    picture = Image.new("RGB", (32, 18))
    for n in range(3):
        looks.add(float(n), picture)
    longest = max(len(json.dumps(row)) for row in looks.rows)
    assert plan.MOST_LOOKS * longest < 0.75 * decoding.MAX_JSON
    row = looks.rows[0]
    for name in ("labels", "text", "faces"):
        best = max(finding["confidence"] for finding in crowd(picture)[name])
        assert best in [finding["confidence"] for finding in row[name]], "the surest ones are kept"
    assert all(len(label["instances"]) >= 1 for label in row["labels"])


def test_an_ordinary_look_is_kept_as_it_is() -> None:
    seen = {"labels": crowd(Image.new("RGB", (1, 1)))["labels"][:3], "text": [], "faces": [], "moderation": []}
    seen["labels"] = [{**label, "instances": label["instances"][:5]} for label in seen["labels"]]
    looks = Looks(lambda _: seen, DETECTORS)
    looks.add(0.0, Image.new("RGB", (32, 18)))
    assert looks.rows[0]["labels"] == [{**label, "engine": "lambda"} for label in seen["labels"]]
