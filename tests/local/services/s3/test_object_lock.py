"""Legal holds: a bucket with objects takes Object Lock, and a version on hold stays."""

from __future__ import annotations

import time
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.support.local_cloud import Maker

LOCK: Any = {"ObjectLockEnabled": "Enabled"}


def test_a_version_on_hold_is_not_deleted_whoever_asks(make: Maker) -> None:
    s3, bucket = make.client("s3"), f"evidence-{time.time_ns()}"
    s3.create_bucket(Bucket=bucket)
    with pytest.raises(ClientError, match="InvalidBucketState"):
        s3.put_object_lock_configuration(Bucket=bucket, ObjectLockConfiguration=LOCK)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    film = {"Bucket": bucket, "Key": "film", "VersionId": s3.put_object(Bucket=bucket, Key="film")["VersionId"]}
    s3.put_object_lock_configuration(Bucket=bucket, ObjectLockConfiguration=LOCK)  # there are objects already
    assert s3.get_object_lock_configuration(Bucket=bucket)["ObjectLockConfiguration"] == LOCK
    s3.put_object_legal_hold(**film, LegalHold={"Status": "ON"})
    assert s3.get_object_legal_hold(**film)["LegalHold"]["Status"] == "ON"
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.delete_object(**film)
    s3.delete_object(Bucket=bucket, Key="film")  # hides it
    assert s3.head_object(**film)["ObjectLockLegalHoldStatus"] == "ON"
    s3.put_object_legal_hold(**film, LegalHold={"Status": "OFF"})
    s3.delete_object(**film)
    with pytest.raises(ClientError, match="404"):
        s3.head_object(**film)


def test_without_object_lock_nothing_is_held(make: Maker) -> None:
    s3, bucket = make.client("s3"), f"plain-{time.time_ns()}"
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="film")
    with pytest.raises(ClientError, match="InvalidRequest"):
        s3.put_object_legal_hold(Bucket=bucket, Key="film", LegalHold={"Status": "ON"})
