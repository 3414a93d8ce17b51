"""Rekognition's jobs on stored videos: results page by page, one job per token, and the end published to a topic."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.support.local_cloud import wait_until
from tests.support.media_clips import check_shape, ffmpeg, street

from impp_local.cloud import LocalCloud
from impp_local.kernel import billing

pytestmark = pytest.mark.slow

BUCKET, ASSET = "impp-test-videos", "0a" * 10
KEY = f"work/{ASSET}/street.mp4"
TRUST = {"Effect": "Allow", "Principal": {"Service": "rekognition.amazonaws.com"}, "Action": "sts:AssumeRole"}


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    folder = tmp_path_factory.mktemp("videos")
    with LocalCloud(port=0, state=folder / "cloud", enforce=True) as running:
        s3 = running.client("s3")
        s3.create_bucket(Bucket=BUCKET)
        s3.put_object(Bucket=BUCKET, Key=KEY, Body=street(folder / "street.mp4", seconds=4).read_bytes())
        other = ffmpeg("-f", "lavfi", "-i", "testsrc2=d=1:s=320x240", "-c:v", "mpeg4", to=folder / "other.mp4")
        s3.put_object(Bucket=BUCKET, Key="other.mp4", Body=other.read_bytes())
        yield running


@pytest.fixture(scope="module")
def channel(cloud: LocalCloud) -> dict[str, str]:
    """A topic whose messages a queue collects, and the role that publishes to it."""
    topic = cloud.client("sns").create_topic(Name="impp-test-videos")["TopicArn"]
    queue = cloud.client("sqs").create_queue(QueueName="impp-test-videos")["QueueUrl"]
    attributes = cloud.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]
    send = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": attributes["QueueArn"],
    }
    cloud.client("sqs").set_queue_attributes(QueueUrl=queue, Attributes={"Policy": document(send)})
    cloud.client("sns").subscribe(
        TopicArn=topic, Protocol="sqs", Endpoint=attributes["QueueArn"], Attributes={"RawMessageDelivery": "true"}
    )
    iam = cloud.client("iam")
    role = iam.create_role(RoleName="impp-test-videos", AssumeRolePolicyDocument=document(TRUST))["Role"]["Arn"]
    publish = {"Effect": "Allow", "Action": "sns:Publish", "Resource": topic}
    iam.put_role_policy(RoleName="impp-test-videos", PolicyName="publish", PolicyDocument=document(publish))
    return {"SNSTopicArn": topic, "RoleArn": role}


def messages(cloud: LocalCloud) -> list[dict[str, Any]]:
    client = cloud.client("sqs")
    queue = client.get_queue_url(QueueName="impp-test-videos")["QueueUrl"]
    return [json.loads(m["Body"]) for m in client.receive_message(QueueUrl=queue).get("Messages", [])]


def video(key: str = KEY) -> dict[str, Any]:
    return {"S3Object": {"Bucket": BUCKET, "Name": key}}


def ended(cloud: LocalCloud, operation: str, job: str) -> dict[str, Any]:
    get = getattr(cloud.client("rekognition"), operation)
    wait_until(lambda: get(JobId=job)["JobStatus"] != "IN_PROGRESS", seconds=120)
    answer: dict[str, Any] = get(JobId=job)
    return answer


def test_labels_come_page_by_page_and_the_end_is_published(cloud: LocalCloud, channel: dict[str, str]) -> None:
    client = cloud.client("rekognition")
    request = {
        "Video": video(),
        "ClientRequestToken": "impp-1-labels",
        "JobTag": "impp-1",
        "MinConfidence": 60,
        "NotificationChannel": channel,
    }
    job = client.start_label_detection(**request)["JobId"]
    assert client.start_label_detection(**request)["JobId"] == job, "a token starts one job"
    with pytest.raises(ClientError, match="IdempotentParameterMismatch"):
        client.start_label_detection(**{**request, "MinConfidence": 70})
    answer = ended(cloud, "get_label_detection", job)
    check_shape("rekognition", "GetLabelDetection", answer)
    assert answer["JobStatus"] == "SUCCEEDED" and answer["VideoMetadata"]["Codec"] == "h264"
    labels = answer["Labels"]
    times = [label["Timestamp"] for label in labels]
    assert times == sorted(times) and {0, 1000} <= {round(t, -3) for t in times}
    pages, token = [], None
    while True:
        page = client.get_label_detection(JobId=job, MaxResults=2, **({"NextToken": token} if token else {}))
        pages += page["Labels"]
        token = page.get("NextToken")
        assert len(page["Labels"]) <= 2
        if not token:
            break
    assert pages == labels and len(labels) > 2
    with pytest.raises(ClientError, match="InvalidPaginationToken"):
        client.get_label_detection(JobId=job, NextToken="x")
    with pytest.raises(ClientError, match="ResourceNotFound"):
        client.get_face_detection(JobId=job)
    (message,) = wait_until(lambda: messages(cloud))
    assert message.pop("Timestamp") > 1.6e12
    assert message == {
        "JobId": job,
        "Status": "SUCCEEDED",
        "API": "StartLabelDetection",
        "JobTag": "impp-1",
        "Video": {"S3ObjectName": KEY, "S3Bucket": BUCKET},
    }
    billed = [(line.item, line.quantity) for line, owner in billing.METER.lines() if owner == ASSET]
    assert [quantity for item, quantity in billed if item == "video_label"] == [pytest.approx(4 / 60, abs=1 / 60)]


def test_what_cannot_be_read_is_refused_or_fails(cloud: LocalCloud) -> None:
    client = cloud.client("rekognition")
    with pytest.raises(ClientError, match="InvalidS3Object"):
        client.start_face_detection(Video=video("nowhere.mp4"))
    job = client.start_face_detection(Video=video("other.mp4"))["JobId"]
    answer = ended(cloud, "get_face_detection", job)
    assert answer["JobStatus"] == "FAILED" and "mpeg4" in answer["StatusMessage"]


@pytest.mark.parametrize(
    ("kind", "results"),
    [("content_moderation", "ModerationLabels"), ("text_detection", "TextDetections"), ("face_detection", "Faces")],
)
def test_the_other_jobs_have_their_shapes(cloud: LocalCloud, kind: str, results: str) -> None:
    job = getattr(cloud.client("rekognition"), f"start_{kind}")(Video=video())["JobId"]
    answer = ended(cloud, f"get_{kind}", job)
    check_shape("rekognition", f"Get{kind.title().replace('_', '')}", answer)
    assert answer["JobStatus"] == "SUCCEEDED" and results in answer
