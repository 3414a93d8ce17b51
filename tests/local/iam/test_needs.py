"""Which actions a request needs, by the Service Authorization Reference and the "Permissions" of S3's API reference."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from impp_local.iam import needs, s3_needs
from impp_local.kernel.contract import AwsError, Call
from impp_local.kernel.defaults import ACCOUNT, REGION

OBJECT = "arn:aws:s3:::b/k/1"
HERE = f"{REGION}:{ACCOUNT}"


def s3_call(operation: str, query: Mapping[str, str], headers: Mapping[str, str], body: bytes = b"") -> Call:
    bucket_only = (
        operation.startswith(("List", "HeadBucket", "GetBucket", "DeleteObjects")) and operation != "ListParts"
    )
    path = "/" if operation == "ListBuckets" else "/b" if bucket_only else "/b/k/1"
    return Call("s3", "PUT", path, query, headers, {}, operation=operation, body=body)


@pytest.mark.parametrize(
    ("operation", "query", "headers", "expected"),
    [
        ("GetObject", {}, {}, [("s3:GetObject", OBJECT)]),
        ("GetObject", {"versionId": "v"}, {}, [("s3:GetObjectVersion", OBJECT)]),
        ("HeadObject", {"versionId": "v"}, {}, [("s3:GetObjectVersion", OBJECT)]),
        ("GetObjectAttributes", {}, {}, [("s3:GetObject", OBJECT), ("s3:GetObjectAttributes", OBJECT)]),
        ("PutObject", {}, {}, [("s3:PutObject", OBJECT)]),
        ("PutObject", {}, {"x-amz-tagging": "a=b"}, [("s3:PutObject", OBJECT), ("s3:PutObjectTagging", OBJECT)]),
        ("PutObject", {}, {"x-amz-acl": "private"}, [("s3:PutObject", OBJECT), ("s3:PutObjectAcl", OBJECT)]),
        (
            "PutObject",
            {},
            {"x-amz-object-lock-mode": "GOVERNANCE", "x-amz-object-lock-legal-hold": "ON"},
            [("s3:PutObject", OBJECT), ("s3:PutObjectRetention", OBJECT), ("s3:PutObjectLegalHold", OBJECT)],
        ),
        ("CreateMultipartUpload", {"uploads": ""}, {}, [("s3:PutObject", OBJECT)]),
        ("UploadPart", {"uploadId": "u"}, {}, [("s3:PutObject", OBJECT)]),
        ("CompleteMultipartUpload", {"uploadId": "u"}, {}, [("s3:PutObject", OBJECT)]),
        ("AbortMultipartUpload", {"uploadId": "u"}, {}, [("s3:AbortMultipartUpload", OBJECT)]),
        ("ListParts", {"uploadId": "u"}, {}, [("s3:ListMultipartUploadParts", OBJECT)]),
        (
            "CopyObject",
            {},
            {"x-amz-copy-source": "/other/a%20b"},
            [("s3:PutObject", OBJECT), ("s3:GetObject", "arn:aws:s3:::other/a b")],
        ),
        (
            "UploadPartCopy",
            {},
            {"x-amz-copy-source": "other/x?versionId=v"},
            [("s3:PutObject", OBJECT), ("s3:GetObjectVersion", "arn:aws:s3:::other/x")],
        ),
        ("DeleteObject", {"versionId": "v"}, {}, [("s3:DeleteObjectVersion", OBJECT)]),
        ("PutObjectTagging", {"versionId": "v"}, {}, [("s3:PutObjectVersionTagging", OBJECT)]),
        ("ListObjectsV2", {}, {}, [("s3:ListBucket", "arn:aws:s3:::b")]),
        ("ListObjectVersions", {}, {}, [("s3:ListBucketVersions", "arn:aws:s3:::b")]),
        ("HeadBucket", {}, {}, [("s3:ListBucket", "arn:aws:s3:::b")]),
        ("GetBucketEncryption", {}, {}, [("s3:GetEncryptionConfiguration", "arn:aws:s3:::b")]),
        ("ListBuckets", {}, {}, [("s3:ListAllMyBuckets", "*")]),
    ],
)
def test_s3(
    operation: str, query: Mapping[str, str], headers: Mapping[str, str], expected: list[tuple[str, str]]
) -> None:
    body = b"<Tagging><TagSet/></Tagging>" if operation == "PutObjectTagging" else b""
    listed = needs.needs_of(s3_call(operation, query, headers, body))
    assert [(need.action, need.resource) for need in listed] == expected


def test_each_object_of_a_deletion_is_a_need_and_a_broken_list_is_refused() -> None:
    body = b"<Delete><Object><Key>a</Key></Object><Object><Key>b</Key><VersionId>v</VersionId></Object></Delete>"
    listed = s3_needs.deletions(s3_call("DeleteObjects", {}, {}, body))
    assert [(need.action, need.resource) for _, need in listed] == [
        ("s3:DeleteObject", "arn:aws:s3:::b/a"),
        ("s3:DeleteObjectVersion", "arn:aws:s3:::b/b"),
    ]
    for broken in (b"<Delete>", b"<Delete><Object/></Delete>", b"<Delete><Object>a</Object></Delete>"):
        with pytest.raises(AwsError, match="MalformedXML"):
            s3_needs.deletions(s3_call("DeleteObjects", {}, {}, broken))


@pytest.mark.parametrize(
    ("service", "operation", "params", "expected"),
    [
        ("sqs", "SendMessage", {"QueueUrl": "http://h/1/jobs"}, [("sqs:SendMessage", f"arn:aws:sqs:{HERE}:jobs")]),
        ("sns", "Publish", {"TopicArn": "arn:t"}, [("sns:Publish", "arn:t")]),
        ("lambda", "Invoke", {"FunctionName": "f"}, [("lambda:InvokeFunction", f"arn:aws:lambda:{HERE}:function:f")]),
        (
            "dynamodb",
            "Query",
            {"TableName": "t", "IndexName": "i"},
            [("dynamodb:Query", f"arn:aws:dynamodb:{HERE}:table/t/index/i")],
        ),
        (
            "dynamodb",
            "TransactWriteItems",
            {"TransactItems": [{"Put": {"TableName": "t", "Item": {}}}, {"Delete": {"TableName": "u", "Key": {}}}]},
            [
                ("dynamodb:PutItem", f"arn:aws:dynamodb:{HERE}:table/t"),
                ("dynamodb:DeleteItem", f"arn:aws:dynamodb:{HERE}:table/u"),
            ],
        ),
        (
            "dynamodb",
            "BatchWriteItem",
            {"RequestItems": {"t": [{"PutRequest": {"Item": {}}}, {"DeleteRequest": {"Key": {}}}]}},
            [("dynamodb:BatchWriteItem", f"arn:aws:dynamodb:{HERE}:table/t")],
        ),
        (
            "stepfunctions",
            "CreateStateMachine",
            {"name": "m", "roleArn": "arn:r"},
            [("states:CreateStateMachine", f"arn:aws:states:{HERE}:stateMachine:m"), ("iam:PassRole", "arn:r")],
        ),
        (
            "mediaconvert",
            "CreateJob",
            {"Queue": "arn:q", "Role": "arn:r", "Tags": {"a": "b"}},
            [("mediaconvert:CreateJob", "arn:q"), ("mediaconvert:TagResource", "arn:q"), ("iam:PassRole", "arn:r")],
        ),
        (
            "mediaconvert",
            "Probe",
            {"InputFiles": [{"FileUrl": "s3://b/k"}]},
            [("mediaconvert:Probe", "*"), ("s3:GetObject", "arn:aws:s3:::b/k")],
        ),
        (
            "transcribe",
            "StartTranscriptionJob",
            {"Tags": [{"Key": "a", "Value": "b"}]},
            [("transcribe:StartTranscriptionJob", "*"), ("transcribe:TagResource", "*")],
        ),
        (
            "events",
            "PutEvents",
            {"Entries": [{"Source": "s", "DetailType": "d"}, {"EventBusName": "arn:bus"}]},
            [("events:PutEvents", f"arn:aws:events:{HERE}:event-bus/default"), ("events:PutEvents", "arn:bus")],
        ),
        (
            "cloudfront",
            "CreateInvalidation",
            {"DistributionId": "E1"},
            [("cloudfront:CreateInvalidation", f"arn:aws:cloudfront::{ACCOUNT}:distribution/E1")],
        ),
        ("rekognition", "DetectLabels", {}, [("rekognition:DetectLabels", "*")]),
        ("cloudwatch", "PutMetricData", {"Namespace": "N"}, [("cloudwatch:PutMetricData", "*")]),
        ("sts", "AssumeRole", {"RoleArn": "arn:r", "RoleSessionName": "s"}, [("sts:AssumeRole", "arn:r")]),
    ],
)
def test_other_services(
    service: str, operation: str, params: Mapping[str, Any], expected: list[tuple[str, str]]
) -> None:
    call = Call(service, "POST", "/", {}, {}, {}, operation=operation, parse=lambda: params)
    assert [(need.action, need.resource) for need in needs.needs_of(call)] == expected
