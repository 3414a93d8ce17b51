"""What AWS bills by the month, whether anything runs or not: stored bytes, keys, secrets, alarms, dashboards, Macie's
watch over the buckets, and the daily request to Cost Explorer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from moto.cloudwatch.models import Alarm, cloudwatch_backends
from moto.kms.models import kms_backends
from moto.macie2.models import macie2_backends
from moto.s3.models import s3_backends
from moto.scheduler.models import scheduler_backends
from moto.secretsmanager.models import secretsmanager_backends

from impp_lambdas.core.money.pricing import GB
from impp_lambdas.core.money.storage import CLASSES, MONTH_DAYS
from impp_local.kernel.defaults import ACCOUNT, REGION

STORAGE: Final = {storage_class.name: storage_class.items[0] for storage_class in CLASSES}
"""S3 storage classes and their items in the price book."""


def storage() -> Iterator[tuple[str, str, float]]:
    """Stored GB (every version counts) by storage class."""
    for bucket in list(s3_backends[ACCOUNT]["aws"].buckets.values()):
        for _, versions in list(bucket.keys.lists()):
            for version in versions:
                size = getattr(version, "size", None)
                item = STORAGE.get(getattr(version, "storage_class", "STANDARD") or "STANDARD")
                if size and item:
                    yield "s3", item, size / GB


def fixtures() -> Iterator[tuple[str, str, float]]:
    """Keys, secrets, dashboards, alarms, buckets under Macie and cost reports, before any free tier."""
    yield "kms", "key", _customer_keys()
    yield "secretsmanager", "secret", len(list(secretsmanager_backends[ACCOUNT][REGION].secrets.values()))
    cloudwatch = cloudwatch_backends[ACCOUNT][REGION]
    yield "cloudwatch", "dashboard", len(cloudwatch.dashboards)
    alarms = list(cloudwatch.alarms.values())
    yield "cloudwatch", "alarm", sum(_metrics(alarm) for alarm in alarms if alarm.rule is None)
    yield "cloudwatch", "composite_alarm", sum(alarm.rule is not None for alarm in alarms)
    session = macie2_backends[ACCOUNT][REGION].macie_session
    if session and session["status"] == "ENABLED":
        yield "macie", "bucket", len(s3_backends[ACCOUNT]["aws"].buckets)
    yield "ce", "api_request", MONTH_DAYS * _daily_cost_reports()


def _metrics(alarm: Alarm) -> int:
    """Metrics that an alarm reads, each of which is billed (https://aws.amazon.com/cloudwatch/pricing/)."""
    return sum(query.metric_stat is not None for query in alarm.metric_data_queries) or 1


def _customer_keys() -> int:
    """Keys that AWS bills: not those that it manages itself (`alias/aws/…`), which moto creates when they are first
    used, nor those that await deletion (https://aws.amazon.com/kms/pricing/)."""
    keys = list(kms_backends[ACCOUNT][REGION].keys.values())
    own = (key for key in keys if not any(alias.startswith("alias/aws/") for alias in key.aliases))
    return sum(key.key_state != "PendingDeletion" for key in own)


def _daily_cost_reports() -> int:
    """Daily schedules of the cost report, each of which asks Cost Explorer once."""
    groups = list(scheduler_backends[ACCOUNT][REGION].schedule_groups.values())
    schedules = [schedule for group in groups for schedule in list(group.schedules.values())]
    return sum(s.state == "ENABLED" and s.target["Arn"].endswith("cost-report") for s in schedules)
