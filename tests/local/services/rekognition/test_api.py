"""Rekognition's image calls on real pictures, through boto3."""

from __future__ import annotations

import numpy as np
import pytest
from botocore.exceptions import ClientError
from tests.support.local_cloud import Maker
from tests.support.media_clips import SCENES, check_shape, frame, jpeg, sign

from impp_local.kernel import billing
from impp_local.services.rekognition import api

pytestmark = pytest.mark.slow


@pytest.fixture
def frames(make: Maker) -> str:
    """A bucket with a frame of each scene under an asset's work prefix."""
    bucket = make.name("work")
    make.client("s3").create_bucket(Bucket=bucket)
    for name, seconds in SCENES.items():
        make.client("s3").put_object(Bucket=bucket, Key=f"work/{'0a' * 10}/{name}.jpg", Body=jpeg(frame(seconds)))
    return bucket


def stored(bucket: str, scene: str) -> dict[str, dict[str, str]]:
    return {"S3Object": {"Bucket": bucket, "Name": f"work/{'0a' * 10}/{scene}.jpg"}}


def test_labels_of_street_scenes(make: Maker, frames: str) -> None:
    client = make.client("rekognition")
    labels = {}
    for scene in SCENES:
        answer = client.detect_labels(Image=stored(frames, scene), MinConfidence=50)
        check_shape("rekognition", "DetectLabels", answer)
        labels[scene] = {label["Name"]: label for label in answer["Labels"]}
        confidences = [label["Confidence"] for label in answer["Labels"]]
        assert confidences == sorted(confidences, reverse=True)
        assert min(confidences) >= 50
    assert {"Person", "Car", "Bicycle", "Motorcycle"} <= set(labels["cyclist"])
    assert "Bicycle" in labels["parked"] and "Person" not in labels["parked"]
    assert "Car" in labels["traffic"]
    bicycle = labels["parked"]["Bicycle"]
    assert [p["Name"] for p in bicycle["Parents"]] == ["Transportation", "Vehicle"]
    assert {"Name": "Bike"} in bicycle["Aliases"]
    assert labels["parked"]["Vehicle"]["Instances"] == []
    box = bicycle["Instances"][0]["BoundingBox"]  # it fills the right half of the picture
    assert box["Left"] > 0.35 and box["Left"] + box["Width"] > 0.9 and box["Height"] > 0.5


def test_a_call_that_waits_too_long_is_throttled_and_not_billed(
    make: Maker, frames: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def billed() -> list[dict[str, object]]:
        return [line for line in billing.bill()["lines"] if line["service"] == "rekognition"]

    monkeypatch.setattr(api, "_WAIT_S", -1.0)
    before, client = billed(), make.client("rekognition")
    with pytest.raises(client.exceptions.ThrottlingException, match="Try your call again"):
        client.detect_labels(Image=stored(frames, "parked"))
    assert billed() == before


def test_label_filters_and_limits(make: Maker, frames: str) -> None:
    client, image = make.client("rekognition"), stored(frames, "cyclist")
    assert len(client.detect_labels(Image=image, MaxLabels=2)["Labels"]) == 2
    only = {"GeneralLabels": {"LabelInclusionFilters": ["Person"]}}
    assert [label["Name"] for label in client.detect_labels(Image=image, Settings=only)["Labels"]] == ["Person"]
    without = {"GeneralLabels": {"LabelCategoryExclusionFilters": ["Vehicles and Automotive"]}}
    names = {label["Name"] for label in client.detect_labels(Image=image, Settings=without)["Labels"]}
    assert "Person" in names and not {"Car", "Vehicle", "Motorcycle"} & names
    strict = client.detect_labels(Image=image, MinConfidence=85)["Labels"]
    assert [label["Name"] for label in strict] == ["Person"]


def test_text_is_read_line_by_line(make: Maker) -> None:
    picture = jpeg(sign("STOP AHEAD", "Main Street 42"))
    answer = make.client("rekognition").detect_text(Image={"Bytes": picture})
    check_shape("rekognition", "DetectText", answer)
    lines = [t for t in answer["TextDetections"] if t["Type"] == "LINE"]
    words = [t for t in answer["TextDetections"] if t["Type"] == "WORD"]
    assert [line["DetectedText"] for line in lines] == ["STOP AHEAD", "Main Street 42"]
    assert [word["DetectedText"] for word in words] == ["STOP", "AHEAD", "Main", "Street", "42"]
    assert [word["ParentId"] for word in words] == [0, 0, 1, 1, 1]
    assert sorted(t["Id"] for t in answer["TextDetections"]) == list(range(7))
    stop, ahead = words[0]["Geometry"]["BoundingBox"], words[1]["Geometry"]["BoundingBox"]
    assert stop["Left"] + stop["Width"] <= ahead["Left"] + 0.01
    lower_half = {"RegionsOfInterest": [{"BoundingBox": {"Left": 0, "Top": 0.45, "Width": 1, "Height": 0.55}}]}
    filtered = make.client("rekognition").detect_text(Image={"Bytes": picture}, Filters=lower_half)["TextDetections"]
    assert [t["DetectedText"] for t in filtered if t["Type"] == "LINE"] == ["Main Street 42"]


def test_faces_have_landmarks_and_no_invented_attributes(make: Maker, frames: str) -> None:
    answer = make.client("rekognition").detect_faces(Image=stored(frames, "cyclist"), Attributes=["ALL"])
    check_shape("rekognition", "DetectFaces", answer)
    face = answer["FaceDetails"][0]
    box = face["BoundingBox"]
    assert 0.6 < box["Left"] < 0.7 and box["Top"] < 0.2 and box["Width"] < 0.08  # the rider's head
    points = {mark["Type"]: mark for mark in face["Landmarks"]}
    assert set(points) == {"eyeLeft", "eyeRight", "nose", "mouthLeft", "mouthRight"}
    assert points["eyeLeft"]["Y"] < points["nose"]["Y"] < points["mouthLeft"]["Y"]
    assert points["eyeLeft"]["X"] < points["eyeRight"]["X"]
    assert abs(face["Pose"]["Roll"]) < 45
    assert not {"AgeRange", "Gender", "Emotions", "Smile"} & set(face)
    assert make.client("rekognition").detect_faces(Image={"Bytes": jpeg(sign("nobody here"))})["FaceDetails"] == []


def test_harmless_pictures_get_moderation_labels_only_at_a_low_threshold(make: Maker, frames: str) -> None:
    client = make.client("rekognition")
    for scene in SCENES:
        answer = client.detect_moderation_labels(Image=stored(frames, scene))
        check_shape("rekognition", "DetectModerationLabels", answer)
        assert answer["ModerationLabels"] == []
    label = client.detect_moderation_labels(Image=stored(frames, "traffic"), MinConfidence=0)["ModerationLabels"][0]
    assert (label["Name"], label["ParentName"], label["TaxonomyLevel"]) == ("Explicit", "", 1)
    assert 0 <= label["Confidence"] < 50


def test_exif_rotation_is_applied(make: Maker) -> None:
    import io

    from PIL import Image

    upright = Image.fromarray(frame(SCENES["cyclist"])[:, :, ::-1])
    exif = Image.Exif()
    exif[0x0112] = 6  # shown turned clockwise
    out = io.BytesIO()
    upright.transpose(Image.Transpose.ROTATE_90).save(out, "JPEG", exif=exif, quality=95)
    labels = make.client("rekognition").detect_labels(Image={"Bytes": out.getvalue()})["Labels"]
    person = next(label for label in labels if label["Name"] == "Person")
    box = person["Instances"][0]["BoundingBox"]
    assert 0.5 < box["Left"] < 0.6 and box["Height"] > 0.9


def code_of(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


def test_bad_images_are_refused_with_rekognitions_errors(make: Maker, frames: str) -> None:
    client = make.client("rekognition")
    png = jpeg(np.zeros((79, 200, 3), np.uint8))
    cases = [
        ({"Bytes": b"no image at all"}, "InvalidImageFormatException"),
        ({"Bytes": jpeg(sign("cut"))[:400]}, "InvalidImageFormatException"),
        ({"S3Object": {"Bucket": frames, "Name": "nothing/here.jpg"}}, "InvalidS3ObjectException"),
        ({"S3Object": {"Bucket": "no-such-bucket-0", "Name": "x.jpg"}}, "InvalidS3ObjectException"),
        ({"Bytes": b"x", "S3Object": {"Bucket": frames, "Name": "x"}}, "InvalidParameterException"),
        ({"Bytes": png}, "InvalidParameterException"),
    ]
    for image, code in cases:
        with pytest.raises(ClientError) as error:
            client.detect_labels(Image=image)
        assert code_of(error) == code
    make.client("s3").put_object(Bucket=frames, Key="large.jpg", Body=bytes(15 * 1024 * 1024 + 1))
    with pytest.raises(ClientError) as error:
        client.detect_text(Image={"S3Object": {"Bucket": frames, "Name": "large.jpg"}})
    assert code_of(error) == "ImageTooLargeException"
    with pytest.raises(ClientError) as error:
        client.detect_labels(Image=stored(frames, "parked"), Features=["IMAGE_PROPERTIES"])
    assert code_of(error) == "InvalidParameterException"


def test_each_successful_call_is_billed_to_its_asset(make: Maker, frames: str) -> None:
    def images() -> float:
        return sum(
            line["quantity"]
            for line in billing.bill()["lines"]
            if (line["service"], line["item"], line.get("asset")) == ("rekognition", "image_api", "0a" * 10)
        )

    before = images()
    client = make.client("rekognition")
    for call in (client.detect_labels, client.detect_text, client.detect_faces, client.detect_moderation_labels):
        call(Image=stored(frames, "parked"))
    with pytest.raises(ClientError):
        client.detect_labels(Image={"S3Object": {"Bucket": frames, "Name": f"work/{'0a' * 10}/gone.jpg"}})
    assert images() - before == 4
