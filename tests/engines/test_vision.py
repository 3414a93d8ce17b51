"""The findings of all detectors in one picture, in the pipeline's form."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from tests.support.media_clips import SCENES, frame, sign

from impp_engines import labels, taxonomy, vision


def test_every_class_has_a_name_of_rekognitions() -> None:
    assert set(taxonomy.LABELS) == set(labels.CLASSES)


def test_scores_and_confidences_are_inverse_and_rise_together() -> None:
    scores = np.linspace(0, 0.99, 50)
    percents = [taxonomy.confidence(score) for score in scores]
    assert percents == sorted(percents) and percents[0] == 0
    assert [taxonomy.score(percent) for percent in percents] == pytest.approx(scores, abs=1e-5)
    assert taxonomy.confidence(0.4) == pytest.approx(55)


def test_a_label_has_its_objects_and_its_parents_have_none() -> None:
    detections = [
        labels.Detection("car", 0.8, 0, 0, 10, 10),
        labels.Detection("person", 0.7, 0, 0, 5, 10),
        labels.Detection("car", 0.6, 20, 0, 30, 10),
        labels.Detection("bus", 0.5, 0, 0, 9, 9),
    ]
    rows = [(label.info.name, len(label.instances), label.info.parents) for label in taxonomy.labels(detections)]
    assert rows == [
        ("Car", 2, ("Transportation", "Vehicle")),
        ("Transportation", 0, ()),
        ("Vehicle", 0, ("Transportation",)),
        ("Person", 1, ()),
        ("Bus", 1, ("Transportation", "Vehicle")),
    ]


def test_an_unknown_detector_is_an_error() -> None:
    with pytest.raises(KeyError, match="taste"):
        vision.look(np.zeros((90, 160, 3), np.uint8), ["taste"])


@pytest.mark.slow
@pytest.mark.parametrize("width, height", [(1, 1), (700, 1), (1, 700), (2000, 33), (81, 80)])
def test_pictures_of_any_size_are_looked_at(width: int, height: int) -> None:
    noise = np.random.default_rng(5).integers(0, 256, (height, width, 3), np.uint8)
    assert set(vision.look(noise, vision.LOWEST)) == {"labels", "text", "faces", "moderation"}


@pytest.mark.slow
def test_a_pillow_image_and_an_array_are_seen_alike() -> None:
    array = frame(SCENES["cyclist"]).copy()
    array[:40, :200] = sign("KA-RL 1234")[90:190:2, 40:440:2][:40]
    image = Image.fromarray(array[:, :, ::-1])
    assert vision.look(image, vision.LOWEST) == vision.look(array, vision.LOWEST)
    assert vision.look(image.convert("RGBA"), ["labels"])["labels"]


@pytest.mark.slow
def test_upright_lines_and_tilted_ones_are_read() -> None:
    board = Image.fromarray(sign("Station 12"))
    for picture in (board.transpose(Image.Transpose.ROTATE_270), board.rotate(12, fillcolor=(245, 245, 245))):
        (line,) = vision.look(np.asarray(picture), ["text"])["text"]
        assert line["text"] == "Station 12"


@pytest.mark.slow
def test_objects_of_a_street_have_names_confidences_and_boxes_in_shares() -> None:
    findings = vision.look(frame(SCENES["cyclist"]), ["labels", "moderation"])
    assert findings["moderation"] == []
    by_name = {finding["name"]: finding for finding in findings["labels"]}
    assert {"Person", "Motorcycle", "Vehicle"} <= set(by_name)
    assert by_name["Vehicle"]["instances"] == []
    for finding in findings["labels"]:
        assert 60 <= finding["confidence"] <= 100
        for instance in finding["instances"]:
            left, top, width, height = instance["box"]
            assert 0 <= left < left + width <= 1.0001 and 0 <= top < top + height <= 1.0001


@pytest.mark.slow
def test_lines_of_a_sign_are_read_from_top_to_bottom() -> None:
    findings = vision.look(sign("Station 12", "KA-RL 1234"), ["text"])["text"]
    assert [finding["text"] for finding in findings] == ["Station 12", "KA-RL 1234"]
    assert all(finding["confidence"] >= 80 for finding in findings)
    (_, first, _, _), (_, second, _, _) = (finding["box"] for finding in findings)
    assert first < second
