"""Custom detectors: what is asked, what becomes of errors and of answers that are not as documented, what it costs."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from botocore.response import StreamingBody
from tests.support.aws_fakes import WORK, FakeContext, mocked_account

from impp_lambdas.adapters import custom_detectors
from impp_lambdas.core.detect import custom
from impp_lambdas.core.money.detection import custom_quote
from impp_lambdas.core.replies import Unfinished
from impp_lambdas.handlers import analyze

ASSET = "0123456789abcdef0123"
NIGHT = json.dumps({"labels": [{"name": "night", "confidence": 97.128}]}).encode()


@pytest.fixture(autouse=True)
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with mocked_account(monkeypatch):
        yield


class Endpoint:
    """SageMaker Runtime with prepared answers: bytes, an error code, or an exception."""

    def __init__(self, *answers: bytes | str | Exception) -> None:
        self.answers, self.requests = list(answers), list[dict[str, Any]]()

    def invoke_endpoint(self, **request: Any) -> dict[str, Any]:
        self.requests.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, str):
            raise ClientError({"Error": {"Code": answer, "Message": ""}}, "InvokeEndpoint")
        return {"Body": StreamingBody(io.BytesIO(answer), len(answer))}

    def invoke_endpoint_async(self, **request: Any) -> dict[str, str]:
        self.requests.append(request)
        name = request["InferenceId"]
        folder = f"s3://{WORK}/work/sagemaker/scene"
        return {"OutputLocation": f"{folder}/{name}.out", "FailureLocation": f"{folder}/{name}-error.out"}


def install(monkeypatch: pytest.MonkeyPatch, endpoint: Endpoint) -> Endpoint:
    monkeypatch.setattr(custom_detectors, "runtime", lambda: endpoint)
    monkeypatch.setattr(custom_detectors, "WORKERS", 1)
    monkeypatch.setattr(custom_detectors, "PAUSE_S", 0.0)
    return endpoint


def frames(count: int, size: int = 1000) -> list[dict[str, Any]]:
    listed = [{"t": float(k), "key": f"work/{ASSET}/frames/{k}.jpg", "ask": {"scene": "test"}} for k in range(count)]
    for frame in listed:
        put(str(frame["key"]), b"x" * size)
    return listed


def put(key: str, body: bytes) -> None:
    boto3.client("s3").put_object(Bucket=WORK, Key=key, Body=body)


def detector(**attributes: Any) -> custom.CustomDetector:
    return custom.CustomDetector("scene", "impp-test-scene", labels_prefix="scene:", **attributes)


def ask(count: int, seconds: float = 100.0, size: int = 1000) -> custom_detectors.Look:
    return custom_detectors.ask_serverless(detector(), WORK, frames(count, size), lambda: seconds)


def test_a_frame_is_sent_as_jpeg_and_its_labels_carry_prefix_and_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    endpoint = install(monkeypatch, Endpoint(NIGHT))
    look = ask(1)
    assert endpoint.requests == [
        {
            "EndpointName": "impp-test-scene",
            "ContentType": "image/jpeg",
            "Accept": "application/json",
            "InferenceId": f"impp-{ASSET}-000000000",
            "Body": b"x" * 1000,
        }
    ]
    assert look.findings == {
        0.0: [{"name": "scene:night", "confidence": 97.13, "instances": [], "engine": "sagemaker"}]
    }
    assert look.data_bytes == 1000 + len(NIGHT) and look.errors == {}


@pytest.mark.parametrize("code", ["ModelNotReadyException", "ThrottlingException"])
def test_an_endpoint_that_is_not_ready_is_asked_again(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    endpoint = install(monkeypatch, Endpoint(code, NIGHT, code, NIGHT))
    look = ask(2)
    assert set(look.findings) == {0.0, 1.0} and not look.errors and len(endpoint.requests) == 4


@pytest.mark.usefixtures("uncollected")
@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ("ModelError", "ModelError"),
        ("ValidationError", "ValidationError"),
        (ReadTimeoutError(endpoint_url="https://example.com"), "ReadTimeoutError"),
        (b"<html>", "UnreadableAnswer"),
        (b"[" * 100_000, "UnreadableAnswer"),
        (b'{"labels": [{"name": "night", "confidence": NaN}]}', "UnreadableAnswer"),
        (b'{"labels": [{"name": "night", "confidence": 101}]}', "UnreadableAnswer"),
        (b'{"labels": [{"name": "night", "confidence": 1' + b"0" * 400 + b"}]}", "UnreadableAnswer"),
        (
            b'{"labels": [{"name": "x", "confidence": 99, "instances": [{"confidence": 9, "box": [1]}]}]}',
            "UnreadableAnswer",
        ),
    ],
)
def test_a_failed_frame_is_reported_and_the_others_are_kept(
    monkeypatch: pytest.MonkeyPatch, answer: bytes | str | Exception, code: str
) -> None:
    install(monkeypatch, Endpoint(answer, NIGHT))
    look = ask(2)
    assert look.failure_counts() == {f"scene: {code}": 1} and set(look.findings) == {1.0}


def test_frames_beyond_the_payload_limit_and_the_deadline_are_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    endpoint = install(monkeypatch, Endpoint())
    assert ask(1, size=custom_detectors.MAX_PAYLOAD + 1).failure_counts() == {"scene: PayloadTooLarge": 1}
    assert ask(2, seconds=-1).failure_counts() == {"scene: OutOfTime": 2}
    assert not endpoint.requests


def test_a_hostile_answer_is_bounded() -> None:
    labels = [{"name": "a\x00\n" + "b" * 500, "confidence": 90.0, "instances": None}] * 500
    labels.append({"name": "\x1b", "confidence": 99.0})
    read = custom.read(detector(), json.dumps({"labels": labels}).encode())
    assert len(read) == custom.MAX_LABELS and read[0]["name"] == "scene:a" + "b" * (custom.MAX_NAME - 1)
    outside = {"name": "x", "confidence": 90, "instances": [{"confidence": 90, "box": [-1, 0.5, 9, 9]}]}
    assert custom.read(detector(), json.dumps({"labels": [outside]}).encode())[0]["instances"] == [
        {"confidence": 90.0, "box": [0.0, 0.5, 1.0, 0.5]}
    ]
    unsure = json.dumps({"labels": [{"name": "x", "confidence": 59.9}]}).encode()
    assert custom.read(detector(), unsure) == []


def test_an_asynchronous_endpoint_is_asked_once_and_answers_by_objects(monkeypatch: pytest.MonkeyPatch) -> None:
    endpoint = install(monkeypatch, Endpoint())
    slow = detector(kind="asynchronous", instance_type="ml.m5.large", seconds_per_frame=0.5)
    listed = frames(3)

    def look() -> list[custom_detectors.Look]:
        return custom_detectors.look_at([slow], WORK, ASSET, listed, lambda: 100.0)

    with pytest.raises(Unfinished):
        look()
    assert endpoint.requests[1]["InputLocation"] == f"s3://{WORK}/work/{ASSET}/frames/1.jpg"
    put(f"work/sagemaker/scene/impp-{ASSET}-000000000.out", NIGHT)
    put(f"work/sagemaker/scene/impp-{ASSET}-000001000-error.out", b"Traceback")
    with pytest.raises(Unfinished):
        look()
    assert len(endpoint.requests) == 3, "a retry sends nothing again"
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + custom_detectors.WAIT_S + 1)
    (answer,) = look()
    assert set(answer.findings) == {0.0}
    assert answer.failure_counts() == {"scene: ModelFailed": 1, "scene: OutOfTime": 1}
    hours = next(line for line in answer.lines() if line.item == "ml.m5.large")
    assert hours.quantity == pytest.approx(0.5 / 3600)


def test_which_detectors_look() -> None:
    text = json.dumps(
        {
            "beside": {"endpoint": "a", "labels_prefix": "a:"},
            "events": {"endpoint": "b", "profiles": ["dashcam-event"], "min_confidence": None},
            "instead": {"endpoint": "c", "profiles": []},
        }
    )
    detectors = custom.parse(text)

    def names(profile: str, labels: str) -> list[str]:
        return [one.name for one in custom.detectors_for(detectors, profile, labels)]

    assert names("dashcam-routine", "cascade") == ["beside"]
    assert names("dashcam-event", "instead") == ["beside", "events", "instead"]
    assert custom.detectors_for(custom.parse(""), "phone", "cascade") == []
    with pytest.raises(ValueError, match="custom detectors"):
        custom.parse('{"x": {"endpoint": "a", "colour": "red"}}')


def test_the_quote_is_seconds_times_memory_and_data() -> None:
    lines = {line.item: line for line in custom_quote([detector(memory_mb=2048, seconds_per_frame=0.5)], 10)}
    assert lines["serverless_gb_second"].quantity == 10 and lines["serverless_gb_second"].usd == pytest.approx(0.0002)
    assert lines["data"].quantity == pytest.approx(3_000_000 / 2**30)


def test_attempts_before_the_answers_are_in_the_ledger_and_within_the_quote(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, Endpoint())
    attributes = {"endpoint": "impp-test-scene", "kind": "asynchronous", "instance_type": "ml.m5.large"}
    monkeypatch.setenv("IMPP_CUSTOM_DETECTORS", json.dumps({"scene": attributes}))
    put(f"work/{ASSET}/frames.json", json.dumps({"frames": frames(1)}).encode())
    event = {"asset": ASSET, "frames": f"work/{ASSET}/frames.json", "facts": {}, "plan": {"custom": ["scene"]}}
    for _ in range(3):
        with pytest.raises(Unfinished):
            analyze.handler(event, FakeContext())
    put(f"work/sagemaker/scene/impp-{ASSET}-000000000.out", NIGHT)
    usage = analyze.handler(event, FakeContext())["usage"]
    assert sum(line["quantity"] for line in usage if (line["service"], line["item"]) == ("lambda", "request")) == 4
    assert sum(line["quantity"] for line in usage if line["item"] == "put") == 1 + 3


def test_findings_of_a_custom_detector_are_in_the_analysis(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, Endpoint(NIGHT, "ModelError"))
    configured = {"scene": {"endpoint": "impp-test-scene", "labels_prefix": "scene:", "memory_mb": 1024}}
    monkeypatch.setenv("IMPP_CUSTOM_DETECTORS", json.dumps(configured))
    put(f"work/{ASSET}/frames.json", json.dumps({"frames": frames(2)}).encode())
    event = {"asset": ASSET, "frames": f"work/{ASSET}/frames.json", "facts": {}, "plan": {"custom": ["scene", "gone"]}}
    out = analyze.handler(event, FakeContext())
    times = {"first_s": 0.0, "last_s": 0.0, "best_s": 0.0}
    night = {"name": "scene:night", "confidence": 97.13, "count": 1, "engine": "sagemaker", **times}
    assert out["labels"] == [night]
    assert out["asked"] == 2 and out["failed"] == {"scene: ModelError": 1}
    assert {line["item"] for line in out["usage"]} >= {"serverless_gb_second", "data", "get"}
    written = json.loads(boto3.client("s3").get_object(Bucket=WORK, Key=out["analysis"])["Body"].read())
    assert written["frames"][0]["labels"][0]["engine"] == "sagemaker" and "labels" not in written["frames"][1]
    assert written["summary"]["spans"]["labels"]["scene:night"] == [[0.0, 0.0]]
