"""Buckets, objects, versions and uploads are on disk when the answer leaves, and come back with a new process."""

from __future__ import annotations

import contextlib
import os
import pickle
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from tests.support.local_cloud import wait_until
from tests.support.up_process import up

from impp_local.cloud import LocalCloud
from impp_local.kernel import moto, objects
from impp_local.services.s3 import restores, rows

pytestmark = pytest.mark.slow

MIB = 1 << 20
PART = os.urandom(5 * MIB)


@contextlib.contextmanager
def running(state: Path) -> Iterator[tuple[LocalCloud, Any]]:
    with LocalCloud(port=0, state=state) as cloud:
        yield cloud, cloud.client("s3")


def in_memory() -> dict[str, dict[str, Any]]:
    """What moto has, by row."""
    backend = objects.backend()
    memory: dict[str, dict[str, Any]] = {"s3.object": {}, "s3.upload": {}, "s3.part": {}}
    with moto.lock_of("s3"):
        for bucket in backend.buckets.values():
            for _, versions in bucket.keys.lists():
                memory["s3.object"] |= {rows._object_key(version): described(version) for version in versions}
            for upload in bucket.multiparts.values():
                memory["s3.upload"][f"{bucket.name}/{upload.id}"] = described(upload)
                for number, part in upload.parts.items():
                    memory["s3.part"][f"{bucket.name}/{upload.id}/{number:05}"] = described(part)
    return memory


def described(thing: Any) -> dict[str, Any]:
    return plain(pickle.loads(pickle.dumps(rows._state(thing))))


def plain(value: Any) -> Any:
    """Objects of moto compare by identity; their attributes do not."""
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return plain(vars(value)) if hasattr(value, "__dict__") else value


def on_disk(cloud: LocalCloud) -> dict[str, dict[str, Any]]:
    return {
        kind: {key: plain(pickle.loads(content)) for key, content in cloud.store.rows(kind)}
        for kind in ("s3.object", "s3.upload", "s3.part")
    }


@pytest.fixture
def endless_restores(monkeypatch: pytest.MonkeyPatch) -> None:
    """No restore finishes between two looks at the same objects."""
    monkeypatch.setattr(restores, "RESTORE_S", 3600)


def files(cloud: LocalCloud) -> set[str]:
    return {entry.name for entry in (cloud.state / "objects").iterdir()}


def named_files(memory: dict[str, dict[str, Any]]) -> set[str]:
    states = [*memory["s3.object"].values(), *memory["s3.part"].values()]
    return {state["blob"][0] for state in states if "blob" in state and state["blob"][1] > 4096}


def operations(s3: Any) -> Iterator[str]:
    """Operations that change objects, one after the other; yields what was done."""
    s3.create_bucket(Bucket="plain")
    s3.create_bucket(Bucket="versioned", ObjectLockEnabledForBucket=True)
    s3.put_bucket_versioning(Bucket="versioned", VersioningConfiguration={"Status": "Enabled"})
    yield "buckets"
    for bucket in ("plain", "versioned"):
        for body in (b"", b"small", os.urandom(100_000), b"small again"):
            s3.put_object(Bucket=bucket, Key="a b/ü#%.txt", Body=body, Metadata={"name": "value"}, Tagging="k=v")
            yield f"PutObject in {bucket}"
    key = {"Bucket": "versioned", "Key": "a b/ü#%.txt"}
    version = s3.put_object(**key, Body=b"x" * 5000)["VersionId"]
    s3.put_object_tagging(**key, VersionId=version, Tagging={"TagSet": [{"Key": "later", "Value": "1"}]})
    yield "PutObjectTagging"
    s3.put_object_acl(**key, ACL="bucket-owner-read")
    yield "PutObjectAcl"
    s3.copy_object(**key, CopySource=key, StorageClass="GLACIER", MetadataDirective="COPY")
    yield "CopyObject"
    s3.restore_object(**key, RestoreRequest={"Days": 2})
    yield "RestoreObject"
    s3.head_object(**key)
    yield "HeadObject, which lets a restore advance"
    s3.put_object_legal_hold(**key, LegalHold={"Status": "ON"})
    yield "PutObjectLegalHold"
    s3.put_object_legal_hold(**key, LegalHold={"Status": "OFF"})
    s3.delete_object_tagging(**key, VersionId=version)
    yield "DeleteObjectTagging"
    marker = s3.delete_object(**key)["VersionId"]
    yield "DeleteObject"
    s3.delete_object(**key)
    s3.delete_object(**key, VersionId=marker)
    yield "DeleteObject of a marker"
    s3.delete_object(**key, VersionId=version)
    yield "DeleteObject of a version"
    s3.put_object(Bucket="versioned", Key="one", Body=b"1" * 9000)
    s3.put_object(Bucket="versioned", Key="two", Body=b"2")
    s3.delete_objects(Bucket="versioned", Delete={"Objects": [{"Key": "one"}, {"Key": "two"}]})
    yield "DeleteObjects"
    s3.delete_object(Bucket="plain", Key="a b/ü#%.txt")
    yield "DeleteObject without versions"
    started = {"Bucket": "plain", "Key": "joined", "UploadId": begin(s3, "plain", "joined")}
    yield "CreateMultipartUpload"
    for number, body in ((2, b"end"), (1, b"too short"), (1, PART)):
        s3.upload_part(**started, PartNumber=number, Body=body)
        yield f"UploadPart {number}"
    s3.complete_multipart_upload(**started, MultipartUpload={"Parts": listed(s3, started)})
    yield "CompleteMultipartUpload"
    started = {"Bucket": "versioned", "Key": "single", "UploadId": begin(s3, "versioned", "single")}
    s3.upload_part_copy(**started, PartNumber=1, CopySource={"Bucket": "plain", "Key": "joined"})
    yield "UploadPartCopy"
    s3.complete_multipart_upload(**started, MultipartUpload={"Parts": listed(s3, started)})
    yield "CompleteMultipartUpload of one part"
    started = {"Bucket": "plain", "Key": "given up", "UploadId": begin(s3, "plain", "given up")}
    s3.upload_part(**started, PartNumber=1, Body=PART)
    s3.abort_multipart_upload(**started)
    yield "AbortMultipartUpload"
    s3.create_bucket(Bucket="short-lived")
    started = {"Bucket": "short-lived", "Key": "part", "UploadId": begin(s3, "short-lived", "part")}
    s3.upload_part(**started, PartNumber=1, Body=PART)
    s3.delete_bucket(Bucket="short-lived")
    yield "DeleteBucket"
    with contextlib.suppress(ClientError):
        s3.put_object(Bucket="plain", Key="refused", Body=b"r" * 9000, StorageClass="WRONG")
    yield "a refused PutObject"


def begin(s3: Any, bucket: str, key: str) -> str:
    return s3.create_multipart_upload(Bucket=bucket, Key=key, Metadata={"m": "1"}, Tagging="t=1")["UploadId"]


def listed(s3: Any, started: dict[str, str]) -> list[dict[str, Any]]:
    parts = s3.list_parts(**started)["Parts"]
    return [{"PartNumber": part["PartNumber"], "ETag": part["ETag"]} for part in parts]


@pytest.mark.usefixtures("endless_restores")
def test_after_each_operation_the_rows_and_files_are_what_moto_has(tmp_path: Path) -> None:
    with running(tmp_path) as (cloud, s3):
        for done in operations(s3):
            memory = in_memory()
            assert on_disk(cloud) == memory, done
            assert files(cloud) == named_files(memory), done
        small = {state["blob"][0] for state in memory["s3.object"].values() if state.get("blob", ("", 9999))[1] <= 4096}
        assert {name for name, _ in cloud.store.rows("blob")} <= small


def facts(s3: Any) -> dict[str, Any]:
    """What a client sees of all buckets."""
    seen: dict[str, Any] = {}
    for bucket in [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]:
        listing = s3.list_object_versions(Bucket=bucket)
        seen[bucket] = [listing.get("Versions"), listing.get("DeleteMarkers")]
        for version in listing.get("Versions", []):
            one = {"Bucket": bucket, "Key": version["Key"]}
            if version["VersionId"] != "null":
                one["VersionId"] = version["VersionId"]
            head = s3.head_object(**one, ChecksumMode="ENABLED")
            del head["ResponseMetadata"]
            seen[f"{bucket}/{version['Key']}/{version['VersionId']}"] = [
                head,
                s3.get_object_tagging(**one)["TagSet"],
                b"" if head.get("StorageClass") == "GLACIER" else s3.get_object(**one)["Body"].read(),
            ]
        for upload in s3.list_multipart_uploads(Bucket=bucket).get("Uploads", []):
            parts = s3.list_parts(Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"])["Parts"]
            seen[f"{bucket}/{upload['UploadId']}"] = parts
    return seen


def configurations(s3: Any, bucket: str) -> list[Any]:
    answers = [
        s3.get_bucket_versioning(Bucket=bucket),
        s3.get_bucket_policy(Bucket=bucket)["Policy"],
        s3.get_bucket_tagging(Bucket=bucket)["TagSet"],
        s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"],
        s3.get_bucket_notification_configuration(Bucket=bucket),
        s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"],
        s3.list_bucket_intelligent_tiering_configurations(Bucket=bucket)["IntelligentTieringConfigurationList"],
    ]
    for answer in answers:
        if isinstance(answer, dict):
            answer.pop("ResponseMetadata", None)
    return answers


def configure(s3: Any, bucket: str) -> None:
    s3.put_bucket_policy(Bucket=bucket, Policy='{"Version":"2012-10-17","Statement":[]}')
    s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": [{"Key": "k", "Value": "v"}]})
    rule = {"ID": "r", "Status": "Enabled", "Filter": {"Prefix": "p/"}, "Expiration": {"Days": 3}}
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": [rule]})
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={"EventBridgeConfiguration": {}})
    encryption = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]}
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration=encryption)
    tiering = {"Id": "t", "Status": "Enabled", "Tierings": [{"Days": 90, "AccessTier": "ARCHIVE_ACCESS"}]}
    s3.put_bucket_intelligent_tiering_configuration(Bucket=bucket, Id="t", IntelligentTieringConfiguration=tiering)


@pytest.mark.usefixtures("endless_restores")
def test_a_new_cloud_with_the_same_folder_answers_as_the_old_one(tmp_path: Path) -> None:
    with running(tmp_path) as (_, s3):
        assert len(list(operations(s3))) > 20
        configure(s3, "versioned")
        upload = {"Bucket": "plain", "Key": "later", "UploadId": begin(s3, "plain", "later")}
        s3.upload_part(**upload, PartNumber=1, Body=PART)
        before, settings, memory = facts(s3), configurations(s3, "versioned"), in_memory()
    with running(tmp_path) as (cloud, s3):
        assert (facts(s3), configurations(s3, "versioned")) == (before, settings)
        assert in_memory() == memory == on_disk(cloud)
        s3.upload_part(**upload, PartNumber=2, Body=b"end")
        s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": listed(s3, upload)})
        assert s3.get_object(Bucket="plain", Key="later")["Body"].read() == PART + b"end"
        head = s3.head_object(Bucket="plain", Key="later", ChecksumMode="ENABLED")
        assert (head["ChecksumType"], head["Metadata"]) == ("FULL_OBJECT", {"m": "1"})
        marker = s3.list_object_versions(Bucket="versioned", Prefix="one")["DeleteMarkers"][0]["VersionId"]
        s3.delete_object(Bucket="versioned", Key="one", VersionId=marker)
        assert s3.get_object(Bucket="versioned", Key="one")["Body"].read() == b"1" * 9000
        assert on_disk(cloud) == in_memory()


def test_a_listing_continues_after_a_restart(tmp_path: Path) -> None:
    keys = ["a", "b%41/ü", "c"]
    with running(tmp_path) as (_, s3):
        s3.create_bucket(Bucket="plain")
        for key in keys:
            s3.put_object(Bucket="plain", Key=key)
        page = s3.list_objects_v2(Bucket="plain", MaxKeys=2)
    with running(tmp_path) as (_, s3):
        rest = s3.list_objects_v2(Bucket="plain", ContinuationToken=page["NextContinuationToken"])
        assert [entry["Key"] for entry in page["Contents"] + rest["Contents"]] == keys
        with pytest.raises(ClientError, match="InvalidArgument"):
            s3.list_objects_v2(Bucket="plain", ContinuationToken="never issued")


def test_what_a_killed_cloud_has_acknowledged_is_there_and_nothing_else(tmp_path: Path) -> None:
    acknowledged: dict[str, bytes] = {}
    parts: dict[int, str] = {}
    with up(tmp_path) as cloud:
        s3 = cloud.client("s3")
        s3.create_bucket(Bucket="store")
        upload = {"Bucket": "store", "Key": "long", "UploadId": begin(s3, "store", "long")}

        def write(thread: int) -> None:
            mine = cloud.client("s3")
            with contextlib.suppress(BotoCoreError, ClientError):
                for number in range(10_000):
                    body = os.urandom((100, 20_000, 300_000)[number % 3])
                    mine.put_object(Bucket="store", Key=f"{thread}/{number}", Body=body)
                    acknowledged[f"{thread}/{number}"] = body
                    if thread == 0 and number % 20 == 0:
                        part = mine.upload_part(**upload, PartNumber=number // 20 + 1, Body=PART)
                        parts[number // 20 + 1] = part["ETag"]

        threads = [threading.Thread(target=write, args=(thread,)) for thread in range(4)]
        for thread in threads:
            thread.start()
        while len(acknowledged) < 150:
            threads[0].join(0.02)
        cloud.kill()
        for thread in threads:
            thread.join()
    with up(tmp_path) as cloud:
        s3 = cloud.client("s3")
        for key, body in acknowledged.items():
            assert s3.get_object(Bucket="store", Key=key, ChecksumMode="ENABLED")["Body"].read() == body
        stored = {part["PartNumber"]: part["ETag"] for part in s3.list_parts(**upload)["Parts"]}
        assert parts.items() <= stored.items()
        s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": listed(s3, upload)})
        assert s3.head_object(Bucket="store", Key="long")["ContentLength"] == len(PART) * len(stored)
        listing = s3.list_objects_v2(Bucket="store")["Contents"]
        large = [entry for entry in listing if entry["Size"] > 4096]
        assert len(list((tmp_path / "objects").iterdir())) == len(large)
        assert len(listing) - 1 - len(acknowledged) <= len(threads)  # answered by the cloud, not read by the client
    assert ((tmp_path / "objects").stat().st_mode & 0o777) == 0o700


def test_a_download_goes_on_when_its_object_is_deleted(tmp_path: Path) -> None:
    with running(tmp_path) as (_, s3):
        s3.create_bucket(Bucket="store")
        s3.put_object(Bucket="store", Key="large", Body=PART)
        stored = objects.find("store", "large")
        blocks = stored.read()
        s3.delete_object(Bucket="store", Key="large")
        assert b"".join(blocks) == PART
        with pytest.raises(Exception, match="NoSuchKey"):
            stored.read()


def test_objects_share_one_access_list_before_and_after_a_restart(tmp_path: Path) -> None:
    with running(tmp_path) as (_, s3):
        s3.create_bucket(Bucket="store")
        s3.put_object(Bucket="store", Key="before", Body=b"1")
    with running(tmp_path) as (_, s3):
        s3.put_object(Bucket="store", Key="after", Body=b"1")
        lists = {id(objects.find("store", key).key.acl) for key in ("before", "after")}
        assert len(lists) == 1
        assert s3.get_object_acl(Bucket="store", Key="after")["Grants"][0]["Permission"] == "FULL_CONTROL"


def test_a_restore_goes_on_after_a_restart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    film = {"Bucket": "archive", "Key": "film"}
    request = {"Days": 1, "GlacierJobParameters": {"Tier": "Bulk"}}
    with running(tmp_path) as (_, s3):
        s3.create_bucket(Bucket="archive")
        s3.put_object(**film, Body=b"old", StorageClass="GLACIER")
        monkeypatch.setattr(restores, "RESTORE_S", 600)
        s3.restore_object(**film, RestoreRequest=request)
    with running(tmp_path) as (_, s3):
        assert s3.head_object(**film)["Restore"] == 'ongoing-request="true"'
    monkeypatch.setattr(restores, "RESTORE_S", 0)
    with running(tmp_path) as (_, s3):
        wait_until(lambda: "false" in s3.head_object(**film)["Restore"])
        assert s3.get_object(**film)["Body"].read() == b"old"
