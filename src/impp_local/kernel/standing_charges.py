"""What AWS bills by the month, whether anything runs or not: stored bytes, keys, secrets, alarms, dashboards."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from moto.cloudwatch.models import cloudwatch_backends
from moto.kms.models import kms_backends
from moto.s3.models import s3_backends
from moto.secretsmanager.models import secretsmanager_backends

from impp_lambdas.core.money.storage import CLASSES
from impp_local.kernel.defaults import ACCOUNT, REGION

STORAGE: Final = {storage_class.name: storage_class.items[0] for storage_class in CLASSES}
"""S3 storage classes and their items in the price book."""


def storage() -> Iterator[tuple[str, str, float]]:
    """Stored GB (10^9 bytes, every version counts) by storage class."""
    for bucket in list(s3_backends[ACCOUNT]["aws"].buckets.values()):
        for _, versions in list(bucket.keys.lists()):
            for version in versions:
                size = getattr(version, "size", None)
                item = STORAGE.get(getattr(version, "storage_class", "STANDARD") or "STANDARD")
                if size and item:
                    yield "s3", item, size / 1e9


def fixtures() -> Iterator[tuple[str, str, float]]:
    """Customer managed keys, secrets, dashboards and alarms, before any free tier."""
    kms = kms_backends[ACCOUNT][REGION]
    yield "kms", "key", sum(1 for key in list(kms.keys.values()) if key.key_manager == "CUSTOMER")
    yield "secretsmanager", "secret", len(list(secretsmanager_backends[ACCOUNT][REGION].secrets.values()))
    cloudwatch = cloudwatch_backends[ACCOUNT][REGION]
    yield "cloudwatch", "dashboard", len(cloudwatch.dashboards)
    yield "cloudwatch", "alarm", len(cloudwatch.alarms)
