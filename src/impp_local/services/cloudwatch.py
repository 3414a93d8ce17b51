"""CloudWatch's PutCompositeAlarm, which moto lacks although it lists composite alarms; can go when moto has it."""

from __future__ import annotations

from typing import Any

from impp_local.kernel.contract import AwsError, Call, Cloud, Service
from impp_local.kernel.defaults import ACCOUNT


class CloudWatch(Service):
    """Composite alarms, kept beside moto's metric alarms so that moto describes, tags and deletes them."""

    name = "cloudwatch"

    def put_composite_alarm(self, request: Call) -> None:
        """Create or replace a composite alarm. Raises ValidationError for a rule that names an unknown alarm."""
        from moto.cloudwatch.models import cloudwatch_backends

        asked = request.params
        backend = cloudwatch_backends[ACCOUNT][request.region]
        for named in alarms_of(asked["AlarmRule"]):
            if named.rpartition(":")[2] not in backend.alarms:
                raise AwsError("ValidationError", f"Could not find alarm {named}")
        alarm: Any = backend.put_metric_alarm(
            name=asked["AlarmName"],
            namespace=None,  # type: ignore[arg-type]
            metric_name=None,  # type: ignore[arg-type]
            comparison_operator=None,  # type: ignore[arg-type]
            evaluation_periods=None,  # type: ignore[arg-type]
            period=None,  # type: ignore[arg-type]
            threshold=None,  # type: ignore[arg-type]
            statistic=None,  # type: ignore[arg-type]
            description=asked.get("AlarmDescription", ""),
            dimensions=[],
            alarm_actions=asked.get("AlarmActions", []),
            ok_actions=asked.get("OKActions", []),
            insufficient_data_actions=asked.get("InsufficientDataActions", []),
            actions_enabled=asked.get("ActionsEnabled", True),
            rule=asked["AlarmRule"],
            tags=asked.get("Tags", []),
        )
        alarm.alarm_rule = asked["AlarmRule"]
        alarm.actions_suppressor = asked.get("ActionsSuppressor")
        alarm.actions_suppressor_wait_period = asked.get("ActionsSuppressorWaitPeriod")
        alarm.actions_suppressor_extension_period = asked.get("ActionsSuppressorExtensionPeriod")


def alarms_of(rule: str) -> list[str]:
    """Names or ARNs of the alarms that a rule (`ALARM("a") OR NOT OK(b)`) asks for."""
    import re

    return [
        quoted or bare
        for quoted, bare in re.findall(r"(?:ALARM|OK|INSUFFICIENT_DATA)\(\s*(?:\"([^\"]*)\"|([^)\"]*?))\s*\)", rule)
    ]


def create(cloud: Cloud) -> Service:  # noqa: ARG001  # all state is moto's
    """Called by the gateway at the first request for CloudWatch."""
    return CloudWatch()
