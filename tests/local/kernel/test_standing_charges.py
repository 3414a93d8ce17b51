"""What AWS bills by the month: keys of the customer, not AWS's own, buckets under Macie, cost reports."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
from moto.cloudwatch.models import CloudWatchBackend, Metric, MetricDataQuery, MetricStat
from moto.kms.models import KmsBackend
from moto.macie2.models import MacieBackend
from moto.s3.models import S3Backend
from moto.scheduler.models import EventBridgeSchedulerBackend

from impp_local.kernel import standing_charges
from impp_local.kernel.defaults import ACCOUNT, REGION
from impp_local.kernel.standing_charges import MONTH_DAYS


def monthly() -> dict[tuple[str, str], float]:
    """Monthly items and their quantities."""
    return {(service, item): quantity for service, item, quantity in standing_charges.fixtures()}


def replace_backend(monkeypatch: pytest.MonkeyPatch, service: str, kind: type[Any], region: str = REGION) -> Any:
    """A service without resources, apart from the account that other tests use."""
    backend = kind(region, ACCOUNT)
    monkeypatch.setattr(standing_charges, f"{service}_backends", {ACCOUNT: {region: backend}})
    return backend


def test_only_the_customers_own_keys_are_billed(monkeypatch: pytest.MonkeyPatch) -> None:
    kms = replace_backend(monkeypatch, "kms", KmsBackend)
    for _ in range(2):
        key = kms.create_key(None, "ENCRYPT_DECRYPT", "SYMMETRIC_DEFAULT", "", None)
    kms.schedule_key_deletion(key.id, 7)
    kms.get_key_id_from_alias("alias/aws/s3")  # AWS's own key, which exists from its first use
    assert len(kms.keys) == 3
    assert monthly()["kms", "key"] == 1


def test_an_alarm_is_billed_for_each_metric_that_it_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    cloudwatch = replace_backend(monkeypatch, "cloudwatch", CloudWatchBackend)
    settings = dict.fromkeys(inspect.signature(cloudwatch.put_metric_alarm).parameters)
    stat = MetricStat(Metric("Errors", "AWS/States", []), "60", "Sum", "Count")
    total = MetricDataQuery("total", "", "60", "true", expression="SUM(METRICS())")
    both = [MetricDataQuery(name, "", "60", "false", metric_stat=stat) for name in ("m0", "m1")]
    one = {"dimensions": [], "alarm_actions": [], "tags": []}
    cloudwatch.put_metric_alarm(**{**settings, **one, "name": "one", "metric_name": "Errors"})
    cloudwatch.put_metric_alarm(**{**settings, **one, "name": "sum", "metric_data_queries": [total, *both]})
    cloudwatch.put_metric_alarm(**{**settings, **one, "name": "all", "rule": "ALARM(one) OR ALARM(sum)"})
    assert monthly()["cloudwatch", "alarm"] == 3
    assert monthly()["cloudwatch", "composite_alarm"] == 1


def test_macie_bills_each_bucket_while_it_is_enabled(monkeypatch: pytest.MonkeyPatch) -> None:
    replace_backend(monkeypatch, "s3", S3Backend, "aws").create_bucket("footage", REGION)
    macie = replace_backend(monkeypatch, "macie2", MacieBackend)
    macie.enable_macie()
    assert monthly()["macie", "bucket"] == 1
    macie.disable_macie()
    assert ("macie", "bucket") not in monthly()


def test_each_daily_cost_report_is_a_request_to_cost_explorer(monkeypatch: pytest.MonkeyPatch) -> None:
    scheduler = replace_backend(monkeypatch, "scheduler", EventBridgeSchedulerBackend)
    for function in ("impp-dev-cost-report", "other"):
        scheduler.create_schedule(
            description=None,
            end_date=None,
            flexible_time_window={"Mode": "OFF"},
            group_name="default",
            kms_key_arn=None,
            name=function,
            schedule_expression="cron(0 6 * * ? *)",
            schedule_expression_timezone="UTC",
            start_date=None,
            state="ENABLED",
            target={"Arn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{function}", "RoleArn": "role"},
            action_after_completion=None,
        )
    assert monthly()["ce", "api_request"] == pytest.approx(MONTH_DAYS)
