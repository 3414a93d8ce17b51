"""Analyze video and Resume: one token for all jobs of a video, whatever is announced twice, early, late or never."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore import xform_name
from botocore.exceptions import ClientError
from botocore.validate import ParamValidator
from tests.support.aws_fakes import INGEST, TABLE, WORK, FakeContext, mocked_account

from impp_lambdas.adapters import aws, dynamo, task_tokens, video_jobs
from impp_lambdas.core import keys
from impp_lambdas.core.replies import VideoFirst
from impp_lambdas.handlers import analyze, analyze_video, resume

ASSET = "0123456789abcdef0123"
EXECUTION = "arn:aws:states:us-east-1:123456789012:execution:impp-test-pipeline:one"
NAME = f"impp-{ASSET}-00000000"
TOPIC, ROLE = (
    "arn:aws:sns:us-east-1:123456789012:impp-test-videos",
    "arn:aws:iam::123456789012:role/impp-test-rekognition",
)
CAR = {"Name": "Car", "Confidence": 91.0, "Instances": []}
MODEL = boto3.client("rekognition", region_name="us-east-1").meta.service_model


class Rekognition:
    """Jobs by id, each with its operation; a request that botocore's model does not allow is an error."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.status: dict[str, str] = {}
        self.reason = ""
        self.labels = [{"Timestamp": t, "Label": CAR} for t in (0, 400, 2600)]
        self.refuses_from: int | None = None

    def __getattr__(self, method: str) -> Any:
        operation = next(name for name in MODEL.operation_names if xform_name(name) == method)

        def call(**request: Any) -> dict[str, Any]:
            report = ParamValidator().validate(request, MODEL.operation_model(operation).input_shape)
            assert not report.has_errors(), report.generate_report()
            return self._start(operation, request) if operation.startswith("Start") else self._get(operation, request)

        return call

    def _start(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        if self.refuses_from is not None and len(self.requests) >= self.refuses_from:
            raise ClientError({"Error": {"Code": "LimitExceededException", "Message": "too many"}}, operation)
        self.requests.append(request)
        job = request["ClientRequestToken"]  # the same token is the same job
        self.status.setdefault(job, "IN_PROGRESS")
        return {"JobId": job}

    def _get(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        status = self.status[request["JobId"]]
        answer = {"JobStatus": status, **({"StatusMessage": self.reason} if status == "FAILED" else {})}
        if operation != "GetLabelDetection" or status != "SUCCEEDED":
            return {**answer, "ModerationLabels": []}
        first = int(request.get("NextToken") or 0)
        more = {"NextToken": str(first + 2)} if first + 2 < len(self.labels) else {}
        return {**answer, "Labels": self.labels[first : first + 2], **more}


@pytest.fixture
def rekognition(monkeypatch: pytest.MonkeyPatch) -> Iterator[Rekognition]:
    with mocked_account(monkeypatch):
        monkeypatch.setenv("IMPP_VIDEO_TOPIC_ARN", TOPIC)
        monkeypatch.setenv("IMPP_VIDEO_ROLE_ARN", ROLE)
        fake, real = Rekognition(), aws.client
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(aws, "client", lambda service, *_: fake if service == "rekognition" else real(service))
            yield fake


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    """The answers that waiting tasks got, by token; a token takes one answer."""
    answers: list[tuple[str, dict[str, Any]]] = []

    def succeed(token: str, output: dict[str, Any]) -> bool:
        is_new = token not in [other for other, _ in answers]
        if is_new:
            answers.append((token, json.loads(json.dumps(output))))
        return is_new

    monkeypatch.setattr(task_tokens, "succeed", succeed)
    return answers


def event(token: str | None = "t1", *detectors: str) -> dict[str, Any]:
    return {
        "token": token, "execution": EXECUTION, "name": NAME, "asset": ASSET, "bucket": INGEST,
        "key": "originals/x/clip.mp4", "version": "v1", "facts": {"duration_s": 3.2},
        "plan": {"video": list(detectors or ("labels", "moderation")), "look": {"interval_s": 1.0}},
    }  # fmt: skip


def announce(tag: str = f"{NAME}-video") -> bool:
    """SNS's event for the end of one job."""
    message = {"JobId": "1", "Status": "SUCCEEDED", "API": "StartLabelDetection", "JobTag": tag}
    answer = resume.handler({"Records": [{"Sns": {"Message": json.dumps(message)}}]}, FakeContext())
    return bool(answer["answered"])


def waiting() -> dict[str, Any] | None:
    return dynamo.get_item(TABLE, keys.catalog_token(f"{NAME}-video"))


def end(rekognition: Rekognition, *detectors: str, status: str = "SUCCEEDED") -> None:
    for detector in detectors:
        rekognition.status[f"{NAME}-video-{detector}"] = status


def test_the_task_is_answered_once_when_the_last_job_has_ended(rekognition: Rekognition, sent: list[Any]) -> None:
    analyze_video.handler(event(), FakeContext())
    request = rekognition.requests[0]
    assert request["NotificationChannel"] == {"SNSTopicArn": TOPIC, "RoleArn": ROLE}
    assert request["Video"]["S3Object"] == {"Bucket": INGEST, "Name": "originals/x/clip.mp4", "Version": "v1"}
    end(rekognition, "moderation")
    assert not announce() and not sent, "labels are not there yet, and the order is not known"
    end(rekognition, "labels")
    assert announce()
    assert not announce() and len(sent) == 1, "an announcement may come twice"
    token, output = sent[0]
    assert token == "t1" and output["jobs"]["labels"]["status"] == "SUCCEEDED"
    lines = {line["item"]: line for line in output["usage"] if line["service"] == "rekognition"}
    assert {item: line["usd"] for item, line in lines.items()} == {
        "video_label": pytest.approx(4 / 60 * 0.10),
        "video_moderation": pytest.approx(4 / 60 * 0.10),
    }
    assert sum(line["item"] == "request" for line in output["usage"]) == 2, "the start and the answer"
    assert waiting() is None


def test_other_peoples_jobs_are_ignored(rekognition: Rekognition, sent: list[Any]) -> None:
    assert not announce("somebody-elses") and not announce("")
    assert not sent


def test_the_token_is_stored_before_a_job_starts(rekognition: Rekognition, sent: list[Any]) -> None:
    rekognition.refuses_from = 1
    with pytest.raises(aws.Throttled):
        analyze_video.handler(event(), FakeContext())
    stored = waiting()
    assert stored and stored["token"] == "t1" and "jobs" not in stored
    end(rekognition, "labels")
    assert not announce() and not sent, "not all have started: the retry looks itself"
    rekognition.refuses_from = None
    end(rekognition, "moderation")
    analyze_video.handler(event("t2"), FakeContext())
    assert [token for token, _ in sent] == ["t2"], "announced before the retry, so nothing else would answer"
    assert len({request["ClientRequestToken"] for request in rekognition.requests}) == 2, "no job starts twice"


def test_another_executions_token_is_never_replaced(rekognition: Rekognition) -> None:
    analyze_video.handler(event(), FakeContext())
    with pytest.raises(RuntimeError, match="another execution"):
        analyze_video.handler({**event("t2"), "execution": "other"}, FakeContext())


def test_a_look_after_a_lost_announcement(rekognition: Rekognition) -> None:
    analyze_video.handler(event(), FakeContext())
    end(rekognition, "labels")
    answer = analyze_video.handler(event(None), FakeContext())
    assert {name: job["status"] for name, job in answer["jobs"].items()} == {
        "labels": "SUCCEEDED",
        "moderation": "FAILED",
    }
    assert [line["item"] for line in answer["usage"] if line["service"] == "rekognition"] == ["video_label"]
    assert waiting() is None
    assert analyze_video.handler(event(None), FakeContext())["status"] == "failed", "nothing was ever started"


def analysed(jobs: dict[str, Any], **more: Any) -> dict[str, Any]:
    """What Analyze says of an outcome, and the document it writes."""
    given = {"asset": ASSET, "frames": None, "findings": None, **{k: event()[k] for k in ("facts", "plan")}}
    out = analyze.handler({**given, "video": {"status": "ok", "jobs": jobs, **more}}, FakeContext())
    body = boto3.client("s3").get_object(Bucket=WORK, Key=out["analysis"])["Body"].read()
    return {**out, "document": json.loads(body)}


def test_results_become_findings_page_by_page(rekognition: Rekognition, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(video_jobs, "PAGE", 2)
    end(rekognition, "labels", "moderation")
    jobs = {name: {"job": f"{NAME}-video-{name}", "status": "SUCCEEDED"} for name in ("labels", "moderation")}
    out = analysed(jobs)
    frames = {frame["t"]: frame for frame in out["document"]["frames"]}
    assert [t for t, frame in frames.items() if frame.get("labels")] == [0.0, 2.6], "one picture per interval"
    assert frames[1.0] == {"t": 1.0, "labels": [], "moderation": []}, "seen, and nothing was there"
    assert frames[2.6]["labels"][0]["engine"] == "rekognition-video"
    (car,) = out["labels"]
    assert (car["name"], car["engine"], car["count"]) == ("Car", "rekognition-video", 2)
    assert out["document"]["summary"]["spans"]["labels"]["Car"] == [[0.0, 0.0], [2.6, 2.6]]
    assert out["failed"] == {}


def test_a_job_that_failed_is_reported_and_the_others_are_kept(rekognition: Rekognition) -> None:
    end(rekognition, "labels")
    jobs = {
        "labels": {"job": f"{NAME}-video-labels", "status": "SUCCEEDED"},
        "moderation": {"job": "2", "status": "FAILED", "reason": "Unsupported codec"},
    }
    out = analysed(jobs)
    assert out["labels"] and out["failed"] == {"moderation: Unsupported codec": 1}


def test_a_video_that_was_refused_is_reported_for_each_detector(rekognition: Rekognition) -> None:
    out = analysed({}, status="failed", error="AccessDenied", cause="no permission")
    assert out["failed"] == {"labels: no permission": 1, "moderation: no permission": 1}


def test_analyze_asks_for_the_video_first(rekognition: Rekognition) -> None:
    with pytest.raises(VideoFirst):
        analyze.handler(
            {"asset": ASSET, "frames": None, "facts": {}, "plan": event()["plan"], "video": None}, FakeContext()
        )
