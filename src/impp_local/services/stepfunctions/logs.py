"""Execution logs: the history's events in the log group that the state machine's logging configuration names.

The events are written together when the execution's thread ends; level and `includeExecutionData` decide which and with
what, as on AWS (https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html). moto's own writer (5.2.5) hands
CloudWatch Logs objects that it cannot store.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, Final

from moto.logs.models import logs_backends
from moto.stepfunctions.parser.asl.eval.event.logging import CloudWatchLoggingConfiguration, is_logging_enabled_for
from moto.stepfunctions.parser.backend.execution import Execution

from impp_local.kernel import billing
from impp_local.kernel.moto import changing

_DATA: Final = ("input", "inputDetails", "output", "outputDetails", "assignedVariables", "assignedVariablesDetails")


def write(execution: Execution) -> None:
    """Log the events of an execution if its state machine has logging configured and the log group exists."""
    machine: Any = execution.state_machine
    logging: Any = machine.loggingConfiguration or {}
    configuration = CloudWatchLoggingConfiguration.from_logging_configuration(machine.arn, logging)
    if configuration is None:
        return
    lines = [
        _entry(event, execution.exec_arn, configuration.include_execution_data)
        for event in execution.to_history_output()["events"]
        if is_logging_enabled_for(configuration.log_level, event["type"])
    ]
    group = configuration.log_group_name
    stream = f"states/{machine.name}/{datetime.now(UTC):%Y-%m-%d-%H-%M}/{execution.name[:8]}"
    backend = logs_backends[configuration.log_account_id][configuration.log_region]
    with changing("logs"):
        if not lines or group not in backend.groups:
            return
        backend.ensure_log_stream(group, stream)
        backend.put_log_events(group, stream, lines)
    billing.meter("cloudwatch", "logs_ingest", sum(len(line["message"].encode()) + 26 for line in lines) / 1e9)


def _entry(event: Any, execution_arn: str, with_data: bool) -> dict[str, Any]:
    """A log event, in the shape that the page above shows."""
    moment = int(datetime.fromisoformat(str(event["timestamp"])).timestamp() * 1000)
    details: dict[str, Any] = next((value for key, value in event.items() if key.endswith("EventDetails")), {})
    message = {
        "id": str(event["id"]),
        "type": str(getattr(event["type"], "value", event["type"])),
        "details": {key: value for key, value in details.items() if with_data or key not in _DATA},
        "previous_event_id": str(event["previousEventId"]),
        "event_timestamp": str(moment),
        "execution_arn": execution_arn,
    }
    return {"timestamp": moment, "message": json.dumps(message, default=str)}
