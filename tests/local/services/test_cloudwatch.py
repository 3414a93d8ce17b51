"""Composite alarms of the local CloudWatch."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from impp_local.cloud import LocalCloud


def test_a_composite_alarm_is_described_and_its_rule_checked(cloud: LocalCloud) -> None:
    cloudwatch = cloud.client("cloudwatch")
    cloudwatch.put_metric_alarm(
        AlarmName="part",
        Namespace="n",
        MetricName="m",
        ComparisonOperator="GreaterThanThreshold",
        EvaluationPeriods=1,
        Period=60,
        Statistic="Sum",
        Threshold=0,
    )
    cloudwatch.put_composite_alarm(
        AlarmName="whole", AlarmRule='ALARM("part")', AlarmActions=["arn:aws:sns:us-east-1:1:t"]
    )
    (whole,) = cloudwatch.describe_alarms(AlarmNames=["whole"], AlarmTypes=["CompositeAlarm"])["CompositeAlarms"]
    assert (whole["AlarmRule"], whole["AlarmActions"]) == ('ALARM("part")', ["arn:aws:sns:us-east-1:1:t"])
    with pytest.raises(ClientError, match="Could not find alarm none"):
        cloudwatch.put_composite_alarm(AlarmName="bad", AlarmRule="OK(none)")
