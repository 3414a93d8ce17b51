"""Cost Explorer of the local cloud."""

from __future__ import annotations

import json
import urllib.request

import pytest

from impp_local.cloud import LocalCloud


def test_costs_by_service_are_those_of_the_local_bill(cloud: LocalCloud) -> None:
    from datetime import UTC, datetime, timedelta

    cloud.client("s3").create_bucket(Bucket="costs")
    cloud.client("s3").put_object(Bucket="costs", Key="k", Body=b"1")
    today = datetime.now(UTC).date()
    days = cloud.client("ce").get_cost_and_usage(
        TimePeriod={"Start": str(today - timedelta(days=1)), "End": str(today + timedelta(days=1))},
        Granularity="DAILY",
        Metrics=["UnblendedCost"],
        GroupBy=[{"Type": "DIMENSION", "Key": "SERVICE"}],
    )["ResultsByTime"]
    assert [len(day["Groups"]) > 0 for day in days] == [False, True]
    with urllib.request.urlopen(f"{cloud.endpoint}/_impp/bill") as answer:
        lines = json.load(answer)["lines"]
    billed = sum(line["usd"] for line in lines if line["service"] == "s3")
    (group,) = (g for g in days[1]["Groups"] if g["Keys"] == ["Amazon Simple Storage Service"])
    assert float(group["Metrics"]["UnblendedCost"]["Amount"]) == pytest.approx(billed, abs=1e-9)


def test_a_second_monitor_of_a_dimension_is_refused(cloud: LocalCloud) -> None:
    ce = cloud.client("ce")
    services = {"MonitorName": "services", "MonitorType": "DIMENSIONAL", "MonitorDimension": "SERVICE"}
    arn = ce.create_anomaly_monitor(AnomalyMonitor=services)["MonitorArn"]
    try:
        with pytest.raises(ce.exceptions.ClientError, match="Limit exceeded on dimensional spend monitor creation"):
            ce.create_anomaly_monitor(AnomalyMonitor={**services, "MonitorName": "another"})
    finally:
        ce.delete_anomaly_monitor(MonitorArn=arn)
