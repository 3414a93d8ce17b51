"""CloudWatch's PutCompositeAlarm, which moto lacks although it lists composite alarms; can go when moto has it."""

from __future__ import annotations

from typing import Any

from impp_local.kernel.contract import AwsError, Call, Cloud, Service
from impp_local.kernel.defaults import ACCOUNT


class CloudWatch(Service):
    """Composite alarms, kept beside moto's metric alarms so that moto describes, tags and deletes them."""

    name = "cloudwatch"

    def put_composite_alarm(self, call: Call) -> None:
        """Create or replace a composite alarm. Raises ValidationError for a rule that names an unknown alarm."""
        from moto.cloudwatch.models import cloudwatch_backends

        params = call.params
        backend = cloudwatch_backends[ACCOUNT][call.region]
        for named in alarms_of(params["AlarmRule"]):
            if named.rpartition(":")[2] not in backend.alarms:
                raise AwsError("ValidationError", f"Could not find alarm {named}")
        alarm: Any = backend.put_metric_alarm(
            name=params["AlarmName"],
            namespace=None,  # type: ignore[arg-type]
            metric_name=None,  # type: ignore[arg-type]
            comparison_operator=None,  # type: ignore[arg-type]
            evaluation_periods=None,  # type: ignore[arg-type]
            period=None,  # type: ignore[arg-type]
            threshold=None,  # type: ignore[arg-type]
            statistic=None,  # type: ignore[arg-type]
            description=params.get("AlarmDescription", ""),
            dimensions=[],
            alarm_actions=params.get("AlarmActions", []),
            ok_actions=params.get("OKActions", []),
            insufficient_data_actions=params.get("InsufficientDataActions", []),
            actions_enabled=params.get("ActionsEnabled", True),
            rule=params["AlarmRule"],
            tags=params.get("Tags", []),
        )
        alarm.alarm_rule = params["AlarmRule"]
        alarm.actions_suppressor = params.get("ActionsSuppressor")
        alarm.actions_suppressor_wait_period = params.get("ActionsSuppressorWaitPeriod")
        alarm.actions_suppressor_extension_period = params.get("ActionsSuppressorExtensionPeriod")


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
