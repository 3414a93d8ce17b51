"""Analyze: responses become a timeline, failed calls are reported, and only calls with a response are billed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber
from tests.support.aws_fakes import WORK, FakeContext, mocked_account

from impp_lambdas.adapters import detectors, looks
from impp_lambdas.core.detect import timeline
from impp_lambdas.handlers import analyze

ASSET = "0123456789abcdef0123"
LABELS = {"MinConfidence": 60.0, "MaxLabels": 25}


@pytest.fixture(autouse=True)
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with mocked_account(monkeypatch):
        yield


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stubber]:
    client = boto3.client("rekognition")
    monkeypatch.setattr(detectors, "rekognition", lambda: client)
    monkeypatch.setattr(detectors, "WORKERS", 1)  # a Stubber responds in order
    with Stubber(client) as stubber:
        yield stubber


def event(count: int, apis: list[str]) -> dict[str, Any]:
    frames = [
        {"t": float(10 * k), "key": f"work/{ASSET}/frames/{k}.jpg", "ask": dict.fromkeys(apis, "test")}
        for k in range(count)
    ]
    boto3.client("s3").put_object(
        Bucket=WORK, Key=f"work/{ASSET}/frames.json", Body=json.dumps({"frames": frames}).encode()
    )
    return {"asset": ASSET, "frames": f"work/{ASSET}/frames.json", "facts": {}, "plan": {}}


def label(name: str, confidence: float) -> dict[str, Any]:
    return {"Name": name, "Confidence": confidence, "Instances": []}


def image(k: int) -> dict[str, Any]:
    return {"S3Object": {"Bucket": WORK, "Name": f"work/{ASSET}/frames/{k}.jpg"}}


def test_every_api_with_the_shape_of_its_response(stub: Stubber) -> None:
    box = {"Left": 0.1, "Top": 0.2, "Width": 0.3, "Height": 0.4}
    stub.add_response(
        "detect_labels",
        {"Labels": [{"Name": "Car", "Confidence": 91.237, "Instances": [{"Confidence": 80.0, "BoundingBox": box}]}]},
        {"Image": image(0), "MinConfidence": 60.0, "MaxLabels": 25},
    )
    stub.add_response(
        "detect_moderation_labels",
        {"ModerationLabels": [{"Name": "Blood", "ParentName": "Violence", "Confidence": 71.0}]},
        {"Image": image(0), "MinConfidence": 60.0},
    )
    lines = [
        {"DetectedText": "STOP", "Type": "LINE", "Confidence": 99.0, "Geometry": {"BoundingBox": box}},
        {"DetectedText": "STOP", "Type": "WORD", "Confidence": 99.0, "Geometry": {"BoundingBox": box}},
        {"DetectedText": "?!", "Type": "LINE", "Confidence": 41.0, "Geometry": {"BoundingBox": box}},
    ]
    stub.add_response("detect_text", {"TextDetections": lines})
    stub.add_response("detect_faces", {"FaceDetails": [{"BoundingBox": box, "Confidence": 99.9}] * 2})
    out = analyze.handler(event(1, ["labels", "moderation", "text", "faces"]), FakeContext())
    stub.assert_no_pending_responses()
    assert out["labels"] == [
        {"name": "Car", "confidence": 91.24, "engine": "rekognition", "first_s": 0.0, "last_s": 0.0, "best_s": 0.0,
         "count": 1}
    ]  # fmt: skip
    assert out["moderation"][0]["name"] == "Blood"
    assert out["text"] == ["STOP"] and out["faces"] == 2 and out["failed"] == {}
    assert out["usage"][0] | {"usd": round(out["usage"][0]["usd"], 6)} == {
        "service": "rekognition", "item": "image_api", "quantity": 4, "unit": "image per API", "usd": 0.004,
    }  # fmt: skip
    written = json.loads(boto3.client("s3").get_object(Bucket=WORK, Key=out["analysis"])["Body"].read())
    assert written["frames"][0]["labels"][0]["instances"] == [{"confidence": 80.0, "box": [0.1, 0.2, 0.3, 0.4]}]
    assert written["frames"][0]["moderation"][0]["parent"] == "Violence"


def test_answers_about_what_a_model_saw_replace_it_and_are_compared(stub: Stubber) -> None:
    asked = event(2, ["labels"])
    seen = [{"t": t, "labels": [{"name": "Car", "confidence": 70.0, "engine": "lambda"}]} for t in (0.0, 10.0, 11.0)]
    asked["findings"] = f"work/{ASSET}/findings.jsonl.gz"
    boto3.client("s3").put_object(Bucket=WORK, Key=asked["findings"], Body=looks.pack(seen))
    stub.add_response("detect_labels", {"Labels": [label("Car", 88.0), label("Road", 88.0)]})
    stub.add_response("detect_labels", {"Labels": [label("Truck", 90.0)]})
    out = analyze.handler(asked, FakeContext())
    assert out["overrides"] == {"answers": 2, "disagreements": 1}
    written = json.loads(boto3.client("s3").get_object(Bucket=WORK, Key=out["analysis"])["Body"].read())
    names = [[(finding["name"], finding["engine"]) for finding in look["labels"]] for look in written["frames"]]
    assert names[1:] == [[("Truck", "rekognition")], [("Car", "lambda")]]


def test_failed_calls_are_reported_and_not_billed(stub: Stubber) -> None:
    stub.add_response("detect_labels", {"Labels": [label("Road", 88.0)]})
    stub.add_client_error("detect_labels", "InvalidImageFormatException")
    stub.add_response("detect_labels", {"Labels": [label("Road", 90.0)]})
    out = analyze.handler(event(3, ["labels"]), FakeContext())
    assert out["failed"] == {"labels: InvalidImageFormatException": 1}
    assert out["asked"] == 3 and out["usage"][0]["quantity"] == 2
    written = json.loads(boto3.client("s3").get_object(Bucket=WORK, Key=out["analysis"])["Body"].read())
    assert "labels" not in written["frames"][1]
    assert written["failed"] == [{"t": 10.0, "api": "labels", "error": "InvalidImageFormatException"}]
    assert written["summary"]["spans"]["labels"]["Road"] == [[0.0, 20.0]]


def test_throttled_calls_are_repeated_while_there_is_time(stub: Stubber, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detectors, "PAUSE_S", 0.0)
    stub.add_client_error("detect_labels", "ThrottlingException")
    stub.add_response("detect_labels", {"Labels": [label("Road", 88.0)]})
    stub.add_client_error("detect_labels", "ProvisionedThroughputExceededException")
    stub.add_response("detect_labels", {"Labels": [label("Car", 88.0)]}, {**LABELS, "Image": image(0)})
    stub.add_client_error("detect_labels", "InvalidImageFormatException", expected_params={**LABELS, "Image": image(2)})
    out = analyze.handler(event(3, ["labels"]), FakeContext())
    stub.assert_no_pending_responses()
    assert [label["name"] for label in out["labels"]] == ["Car", "Road"]
    assert out["failed"] == {"labels: InvalidImageFormatException": 1} and out["usage"][0]["quantity"] == 2


def test_throttled_calls_are_reported_if_the_time_is_short(stub: Stubber) -> None:
    stub.add_response("detect_labels", {"Labels": []})
    stub.add_client_error("detect_labels", "ThrottlingException")
    out = analyze.handler(event(2, ["labels"]), FakeContext(seconds=analyze.RESERVE_S + 2))
    assert out["failed"] == {"labels: ThrottlingException": 1}


@pytest.mark.parametrize("sampled", [True, False])
def test_without_frames_no_call_is_made(stub: Stubber, sampled: bool) -> None:
    out = analyze.handler({**event(0, ["labels"]), **({} if sampled else {"frames": None})}, FakeContext())
    assert (out["status"], out["reason"], out["labels"]) == ("skipped", "no pictures to look at", [])
    assert {line["service"] for line in out["usage"]} == {"lambda"}


def test_if_every_call_fails_the_services_error_is_raised(stub: Stubber) -> None:
    for _ in range(2):
        stub.add_client_error("detect_labels", "AccessDeniedException")
    with pytest.raises(ClientError, match="AccessDenied"):
        analyze.handler(event(2, ["labels"]), FakeContext())


def test_calls_that_do_not_fit_into_the_time_are_reported(stub: Stubber) -> None:
    out = analyze.handler(event(2, ["labels"]), FakeContext(seconds=5))
    assert out["failed"] == {"labels: OutOfTime": 2} and out["usage"][0]["quantity"] == 0


def test_spans_join_consecutive_frames_and_break_at_gaps() -> None:
    frames = [{"t": t, "labels": [{"name": n, "confidence": 90.0} for n in names]} for t, names in
              [(0.0, "A"), (1.0, "AB"), (2.0, "B"), (3.0, "A")]]  # fmt: skip
    summary = timeline.summary([*frames, {"t": 9.0}])
    spans = timeline.spans(frames, summary)
    assert spans["labels"] == {"A": [[0.0, 1.0], [3.0, 3.0]], "B": [[1.0, 2.0]]}
    ranked = summary["labels"]
    assert [(r["name"], r["count"], r["first_s"]) for r in ranked] == [("A", 3, 0.0), ("B", 2, 1.0)]


def test_the_summary_stays_small_for_any_number_of_findings() -> None:
    names = [label(f"L{i}", 90.0) for i in range(25)]
    text = [{"DetectedText": "x" * 5000 + str(i), "Type": "LINE", "Confidence": 99.0} for i in range(50)]
    answers: dict[tuple[float, str], dict[str, Any]] = {}
    for t in range(200):
        answers[t, "labels"], answers[t, "text"] = {"Labels": names}, {"TextDetections": text}
    assert len(json.dumps(timeline.summary(timeline.timeline([], answers)))) < 5000
