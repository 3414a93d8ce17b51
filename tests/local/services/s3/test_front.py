"""S3 of the local cloud: checksums are verified and returned, and unsigned requests are refused."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import urllib.error
import urllib.request
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from awscrt import checksums as crt
from botocore.exceptions import ClientError
from moto.s3.models import FakeKey

from impp_local.cloud import LocalCloud

MIB = 1 << 20


def crc64(data: bytes) -> str:
    return base64.b64encode(crt.crc64nvme(data).to_bytes(8, "big")).decode()


def sha256(data: bytes) -> str:
    return base64.b64encode(hashlib.sha256(data).digest()).decode()


def error_of(call: Callable[[], Any]) -> tuple[str, int]:
    with pytest.raises(ClientError) as caught:
        call()
    response = caught.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


@pytest.fixture(scope="module")
def s3(cloud: LocalCloud) -> Any:
    client = cloud.client("s3")
    client.create_bucket(Bucket="store")
    return client


def send(s3: Any, key: str, body: bytes, headers: dict[str, str]) -> tuple[int, str]:
    """A PUT with exactly these headers, presigned so that no SDK adds any; status and error code."""
    url = s3.generate_presigned_url("put_object", Params={"Bucket": "store", "Key": key}).replace(
        "&x-amz-checksum", "&x"
    )
    request = urllib.request.Request(url, data=body, method="PUT", headers=headers)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, ""
    except urllib.error.HTTPError as error:
        text = error.read().decode()
        return error.code, text.partition("<Code>")[2].partition("</Code>")[0]


BODY = b"footage"
MD5 = base64.b64encode(hashlib.md5(BODY).digest()).decode()
CHUNKED = {"Content-Encoding": "aws-chunked", "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER"}


@pytest.mark.parametrize(
    ("name", "headers", "expected"),
    [
        ("none", {}, (200, "")),
        ("crc64", {"x-amz-checksum-crc64nvme": crc64(BODY)}, (200, "")),
        ("crc64-wrong", {"x-amz-checksum-crc64nvme": crc64(b"other")}, (400, "BadDigest")),
        ("sha256", {"x-amz-checksum-sha256": sha256(BODY)}, (200, "")),
        ("sha256-wrong", {"x-amz-checksum-sha256": sha256(b"other")}, (400, "BadDigest")),
        ("sha1-wrong", {"x-amz-checksum-sha1": base64.b64encode(b"x" * 20).decode()}, (400, "BadDigest")),
        ("not-base64", {"x-amz-checksum-sha256": "abc"}, (400, "InvalidRequest")),
        (
            "two",
            {"x-amz-checksum-sha256": sha256(BODY), "x-amz-checksum-crc64nvme": crc64(BODY)},
            (400, "InvalidRequest"),
        ),
        ("named-only", {"x-amz-sdk-checksum-algorithm": "SHA256"}, (400, "InvalidRequest")),
        ("md5", {"Content-MD5": MD5}, (200, "")),
        ("md5-wrong", {"Content-MD5": base64.b64encode(b"x" * 16).decode()}, (400, "BadDigest")),
        ("md5-short", {"Content-MD5": "abcd"}, (400, "InvalidDigest")),
        ("payload", {"x-amz-content-sha256": hashlib.sha256(BODY).hexdigest()}, (200, "")),
        (
            "payload-wrong",
            {"x-amz-content-sha256": hashlib.sha256(b"other").hexdigest()},
            (400, "XAmzContentSHA256Mismatch"),
        ),
    ],
)
def test_checksum_headers_are_verified(s3: Any, name: str, headers: dict[str, str], expected: tuple[int, str]) -> None:
    assert send(s3, f"claims/{name}", BODY, headers) == expected
    stored = s3.list_objects_v2(Bucket="store", Prefix=f"claims/{name}").get("Contents", [])
    assert [entry["Key"] for entry in stored if entry["Key"] == f"claims/{name}"] == (
        [f"claims/{name}"] if expected[0] == 200 else []
    )


@pytest.mark.parametrize(
    ("name", "trailer", "length", "expected"),
    [
        ("right", f"x-amz-checksum-crc64nvme:{crc64(BODY)}\r\n", len(BODY), (200, "")),
        ("wrong", f"x-amz-checksum-crc64nvme:{crc64(b'other')}\r\n", len(BODY), (400, "BadDigest")),
        ("missing", "", len(BODY), (400, "MalformedTrailerError")),
        ("short", f"x-amz-checksum-crc64nvme:{crc64(BODY)}\r\n", len(BODY) + 1, (400, "IncompleteBody")),
    ],
)
def test_a_trailer_is_verified(s3: Any, name: str, trailer: str, length: int, expected: tuple[int, str]) -> None:
    body = f"3\r\nfoo\r\n4\r\ntage\r\n0\r\n{trailer}\r\n".encode()
    headers = {
        **CHUNKED,
        "x-amz-trailer": "x-amz-checksum-crc64nvme",
        "x-amz-decoded-content-length": str(length),
    }
    assert send(s3, f"trailer/{name}", body, headers) == expected
    if expected[0] == 200:
        got = s3.get_object(Bucket="store", Key=f"trailer/{name}", ChecksumMode="ENABLED")
        assert (got["Body"].read(), got["ChecksumCRC64NVME"]) == (BODY, crc64(BODY))
        assert "aws-chunked" not in got.get("ContentEncoding", "")


def test_an_upload_without_a_checksum_gets_one(s3: Any) -> None:
    assert send(s3, "plain", BODY, {}) == (200, "")
    got = s3.get_object(Bucket="store", Key="plain")
    assert (got["Body"].read(), got["ContentType"]) == (
        BODY,
        "application/x-www-form-urlencoded",
    )  # urllib's, as curl's
    head = s3.head_object(Bucket="store", Key="plain", ChecksumMode="ENABLED")
    assert (head["ChecksumCRC64NVME"], head["ChecksumType"]) == (crc64(BODY), "FULL_OBJECT")
    assert "ChecksumCRC64NVME" not in s3.head_object(Bucket="store", Key="plain")
    attributes = s3.get_object_attributes(Bucket="store", Key="plain", ObjectAttributes=["Checksum", "ObjectSize"])
    assert (attributes["Checksum"]["ChecksumCRC64NVME"], attributes["ObjectSize"]) == (crc64(BODY), len(BODY))


def upload(s3: Any, key: str, parts: list[bytes], complete: dict[str, Any], **create: Any) -> dict[str, Any]:
    upload = s3.create_multipart_upload(Bucket="store", Key=key, **create)
    sent = [
        s3.upload_part(
            Bucket="store",
            Key=key,
            UploadId=upload["UploadId"],
            PartNumber=number,
            Body=body,
            **({"ChecksumAlgorithm": create["ChecksumAlgorithm"]} if create else {}),
        )
        for number, body in enumerate(parts, 1)
    ]
    listed = [{"PartNumber": number, "ETag": part["ETag"]} for number, part in enumerate(sent, 1)]
    return s3.complete_multipart_upload(
        Bucket="store", Key=key, UploadId=upload["UploadId"], MultipartUpload={"Parts": listed}, **complete
    )


PARTS = [os.urandom(5 * MIB), os.urandom(5 * MIB), b"the end"]
WHOLE = b"".join(PARTS)


@pytest.mark.parametrize("create", [{}, {"ChecksumAlgorithm": "CRC64NVME", "ChecksumType": "FULL_OBJECT"}])
def test_the_checksum_of_an_upload_covers_all_its_parts(s3: Any, create: dict[str, Any]) -> None:
    done = upload(s3, "whole", PARTS, {"ChecksumCRC64NVME": crc64(WHOLE)}, **create)
    head = s3.head_object(Bucket="store", Key="whole", ChecksumMode="ENABLED")
    got = s3.get_object(Bucket="store", Key="whole", ChecksumMode="ENABLED")
    attributes = s3.get_object_attributes(Bucket="store", Key="whole", ObjectAttributes=["Checksum"])["Checksum"]
    assert {
        done["ChecksumCRC64NVME"],
        head["ChecksumCRC64NVME"],
        got["ChecksumCRC64NVME"],
        attributes["ChecksumCRC64NVME"],
    } == {crc64(WHOLE)}
    assert done["ChecksumType"] == head["ChecksumType"] == "FULL_OBJECT"
    assert got["Body"].read() == WHOLE


def test_parts_and_ranges_of_a_joined_object(s3: Any) -> None:
    upload(s3, "joined", PARTS, {})
    second = s3.get_object(Bucket="store", Key="joined", PartNumber=2)
    assert (second["Body"].read(), second["PartsCount"]) == (PARTS[1], 3)
    assert s3.head_object(Bucket="store", Key="joined", PartNumber=3)["ContentLength"] == len(PARTS[2])
    middle = s3.get_object(Bucket="store", Key="joined", Range=f"bytes={5 * MIB - 3}-{5 * MIB + 2}")
    assert middle["Body"].read() == PARTS[0][-3:] + PARTS[1][:3]
    assert middle["ContentRange"] == f"bytes {5 * MIB - 3}-{5 * MIB + 2}/{len(WHOLE)}"
    assert error_of(lambda: s3.get_object(Bucket="store", Key="joined", PartNumber=4))[1] == 416
    assert error_of(lambda: s3.get_object(Bucket="store", Key="joined", Range="bytes=99999999-")) == (
        "InvalidRange",
        416,
    )


def test_versions_of_a_joined_object_are_listed(s3: Any) -> None:
    upload(s3, "listed", PARTS, {})
    listed = s3.list_object_versions(Bucket="store", Prefix="listed")["Versions"]
    assert [(version["Key"], version["Size"], version["IsLatest"]) for version in listed] == [
        ("listed", len(WHOLE), True)
    ]


def test_versions_are_listed_url_encoded_on_request(s3: Any) -> None:
    key = "100% 車/+ & 'quoted'.mp4"
    s3.create_bucket(Bucket="versions")
    s3.put_bucket_versioning(Bucket="versions", VersioningConfiguration={"Status": "Enabled"})
    s3.put_object(Bucket="versions", Key=key, Body=b"1")
    s3.delete_object(Bucket="versions", Key=key)
    s3.put_object(Bucket="versions", Key="plain/a.mp4", Body=b"1")
    request: dict[str, Any] = {
        "Bucket": "versions",
        "EncodingType": "url",
    }  # botocore decodes only what it asked for itself
    listing = s3.list_object_versions(**request)
    encoded = "100%25%20%E8%BB%8A/%2B%20%26%20%27quoted%27.mp4"
    assert listing["EncodingType"] == "url"
    assert {entry["Key"] for entry in listing["Versions"]} == {encoded, "plain/a.mp4"}
    assert [entry["Key"] for entry in listing["DeleteMarkers"]] == [encoded]
    below = s3.list_object_versions(**request, Prefix="100% ", Delimiter="/")
    assert (below["Prefix"], below["CommonPrefixes"]) == ("100%25%20", [{"Prefix": "100%25%20%E8%BB%8A/"}])
    assert {entry["Key"] for entry in s3.list_object_versions(Bucket="versions")["Versions"]} == {key, "plain/a.mp4"}


@pytest.mark.slow
def test_a_large_upload_does_not_stay_in_memory(cloud: LocalCloud, s3: Any) -> None:
    def held() -> int:
        with urllib.request.urlopen(f"{cloud.endpoint}/_impp/metrics") as answer:
            return int(json.load(answer)["rss_bytes"])

    part = os.urandom(8 * MIB)
    upload(s3, "large-warm", [part], {})
    before = held()
    upload(s3, "large", [part] * 24, {})
    read = 0
    for block in s3.get_object(Bucket="store", Key="large")["Body"].iter_chunks(MIB):
        read += len(block)
    assert read == 24 * len(part)
    assert held() - before < 12 * len(part)


def test_a_wrong_checksum_creates_no_object_and_the_upload_can_still_be_completed(s3: Any) -> None:
    upload = s3.create_multipart_upload(Bucket="store", Key="wrong")
    part = s3.upload_part(Bucket="store", Key="wrong", UploadId=upload["UploadId"], PartNumber=1, Body=BODY)
    finish = {
        "Bucket": "store",
        "Key": "wrong",
        "UploadId": upload["UploadId"],
        "MultipartUpload": {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]},
    }
    assert error_of(lambda: s3.complete_multipart_upload(ChecksumCRC64NVME=crc64(b"other"), **finish)) == (
        "BadDigest",
        400,
    )
    assert error_of(lambda: s3.complete_multipart_upload(MpuObjectSize=1, **finish)) == ("InvalidRequest", 400)
    assert error_of(lambda: s3.head_object(Bucket="store", Key="wrong"))[1] == 404
    assert s3.complete_multipart_upload(ChecksumCRC64NVME=crc64(BODY), **finish)["ChecksumCRC64NVME"] == crc64(BODY)


def test_a_composite_checksum_ends_with_its_number_of_parts(s3: Any) -> None:
    upload(s3, "composite", PARTS, {}, ChecksumAlgorithm="SHA256")
    head = s3.head_object(Bucket="store", Key="composite", ChecksumMode="ENABLED")
    of_parts = b"".join(hashlib.sha256(part).digest() for part in PARTS)
    assert head["ChecksumSHA256"] == f"{sha256(of_parts)}-3"
    assert head["ChecksumType"] == "COMPOSITE"


def test_a_part_must_use_the_algorithm_of_its_upload(s3: Any) -> None:
    upload = s3.create_multipart_upload(Bucket="store", Key="mixed", ChecksumAlgorithm="SHA256")
    part = {"Bucket": "store", "Key": "mixed", "UploadId": upload["UploadId"], "PartNumber": 1, "Body": BODY}
    assert error_of(lambda: s3.upload_part(ChecksumAlgorithm="CRC32", **part)) == ("InvalidRequest", 400)


def test_a_copy_gets_a_checksum_of_its_bytes(s3: Any) -> None:
    upload(s3, "origin", PARTS, {}, ChecksumAlgorithm="CRC32")
    s3.copy_object(Bucket="store", Key="copy", CopySource={"Bucket": "store", "Key": "origin"})
    head = s3.head_object(Bucket="store", Key="copy", ChecksumMode="ENABLED")
    assert base64.b64decode(head["ChecksumCRC32"]) == zlib.crc32(WHOLE).to_bytes(4, "big")
    assert head["ChecksumType"] == "FULL_OBJECT"


def test_a_copy_is_never_whole_in_memory(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    upload(s3, "large", PARTS, {}, ChecksumAlgorithm="CRC32")
    s3.put_object(Bucket="store", Key="small", Body=BODY)

    def read_all(_key: Any) -> bytes:
        raise AssertionError("all bytes were read")

    monkeypatch.setattr(FakeKey, "value", property(read_all, FakeKey.value.fset))
    s3.copy_object(Bucket="store", Key="copy", CopySource="store/large")
    s3.copy_object(Bucket="store", Key="small", CopySource="store/small", StorageClass="GLACIER_IR")
    copies = [s3.get_object(Bucket="store", Key=key) for key in ("copy", "small")]
    assert [copy["Body"].read() for copy in copies] == [WHOLE, BODY]
    assert copies[0]["ETag"] == f'"{hashlib.md5(WHOLE).hexdigest()}"'


def test_a_conditional_put_does_not_overwrite(s3: Any) -> None:
    s3.put_object(Bucket="store", Key="once", Body=b"1", IfNoneMatch="*")
    again = error_of(lambda: s3.put_object(Bucket="store", Key="once", Body=b"2", IfNoneMatch="*"))
    parts = error_of(lambda: upload(s3, "once", [b"2"], {"IfNoneMatch": "*"}))
    assert again == parts == ("PreconditionFailed", 412)
    assert s3.get_object(Bucket="store", Key="once")["Body"].read() == b"1"


@pytest.mark.parametrize(
    ("tags", "code"),
    [
        ({f"t{number}": "v" for number in range(11)}, "BadRequest"),
        ({"k" * 129: "v"}, "InvalidTag"),
        ({"k": "v" * 257}, "InvalidTag"),
    ],
)
def test_tags_have_limits(s3: Any, tags: dict[str, str], code: str) -> None:
    s3.put_object(Bucket="store", Key="tagged", Body=b"1", Tagging="old=1")
    wanted = [{"Key": key, "Value": value} for key, value in tags.items()]
    assert error_of(lambda: s3.put_object_tagging(Bucket="store", Key="tagged", Tagging={"TagSet": wanted}))[0] == code
    header = "&".join(f"{key}={value}" for key, value in tags.items())
    assert error_of(lambda: s3.put_object(Bucket="store", Key="untagged", Body=b"1", Tagging=header))[0] == code
    assert s3.get_object_tagging(Bucket="store", Key="tagged")["TagSet"] == [{"Key": "old", "Value": "1"}]
    assert error_of(lambda: s3.head_object(Bucket="store", Key="untagged"))[1] == 404


@pytest.mark.parametrize("path", ["store", "store/plain", "store?policy", ""])
def test_unsigned_requests_are_refused(cloud: LocalCloud, s3: Any, path: str) -> None:
    s3.put_bucket_policy(
        Bucket="store",
        Policy=json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Effect": "Deny",
                        "Principal": "*",
                        "Action": "s3:*",
                        "Resource": ["arn:aws:s3:::store", "arn:aws:s3:::store/*"],
                        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
                    }
                ],
            }
        ),
    )
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(f"{cloud.endpoint}/{path}")
    assert (caught.value.code, b"<Code>AccessDenied</Code>" in caught.value.read()) == (403, True)
    s3.put_object(Bucket="store", Key="policed", Body=b"1")
    assert "Errors" not in s3.delete_objects(Bucket="store", Delete={"Objects": [{"Key": "policed"}]})


def test_an_intelligent_tiering_configuration_is_stored_and_returned(s3: Any) -> None:
    config = {
        "Id": "originals",
        "Status": "Enabled",
        "Filter": {"Prefix": "originals/"},
        "Tierings": [{"Days": 180, "AccessTier": "DEEP_ARCHIVE_ACCESS"}],
    }
    s3.put_bucket_intelligent_tiering_configuration(
        Bucket="store", Id="originals", IntelligentTieringConfiguration=config
    )
    got = s3.get_bucket_intelligent_tiering_configuration(Bucket="store", Id="originals")
    assert got["IntelligentTieringConfiguration"] == config
    s3.delete_bucket_intelligent_tiering_configuration(Bucket="store", Id="originals")
    gone = error_of(lambda: s3.get_bucket_intelligent_tiering_configuration(Bucket="store", Id="originals"))
    assert gone == ("NoSuchConfiguration", 404)
