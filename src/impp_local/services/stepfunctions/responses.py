"""Responses of Step Functions' API that `moto_patches` puts in the place of moto's (5.2.5)."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, Final

from moto.core.responses import ActionResult, EmptyResult
from moto.stepfunctions.parser.api import ExecutionStatus
from moto.stepfunctions.responses import StepFunctionResponse

from impp_local.services.stepfunctions import executions

HISTORY_PAGE: Final = 1000
"""Most events per page of GetExecutionHistory (Step Functions API Reference)."""


_describe_in_moto: Final = StepFunctionResponse.describe_execution


def stop_execution(self: Any) -> ActionResult:
    """StopExecution, at once and with its error and cause."""
    execution = self.stepfunction_backend.describe_execution(self._get_param("executionArn"))
    executions.abort(execution, error=self._get_param("error"), cause=self._get_param("cause"))
    return ActionResult({"stopDate": execution.stop_date})


def describe_execution(self: Any) -> ActionResult:
    """DescribeExecution with the stop date of every ended execution, and an output that is JSON."""
    answer = _describe_in_moto(self)
    execution = self.stepfunction_backend.describe_execution(self._get_param("executionArn"))
    result: Any = answer._result
    if execution.stop_date is not None:
        result["stopDate"] = execution.stop_date
    if isinstance(execution.output, str) and execution.exec_status == ExecutionStatus.SUCCEEDED:
        result["output"] = json.dumps(execution.output)
    result.update(inputDetails={"included": True}, redriveCount=0)
    return answer


def list_executions(self: Any) -> str:
    """ListExecutions, with the stop date of every ended execution."""
    found, following = self.stepfunction_backend.list_executions(
        self._get_param("stateMachineArn"),
        status_filter=self._get_param("statusFilter"),
        max_results=self._get_int_param("maxResults"),
        next_token=self._get_param("nextToken"),
    )
    executions = [
        {
            "executionArn": execution.execution_arn,
            "name": execution.name,
            "startDate": execution.start_date.timestamp(),
            "stateMachineArn": execution.state_machine_arn,
            "status": execution.status,
            **({"stopDate": execution.stop_date.timestamp()} if execution.stop_date is not None else {}),
        }
        for execution in found
    ]
    return _plain({"executions": executions, **({"nextToken": following} if following else {})})


def get_execution_history(self: Any) -> str:
    """GetExecutionHistory in pages and in either order; a page's token is its place in the list."""
    events = self.stepfunction_backend.get_execution_history(self._get_param("executionArn"))["events"]
    if self._get_param("reverseOrder"):
        events.reverse()
    size = min(int(self._get_param("maxResults") or HISTORY_PAGE), HISTORY_PAGE)
    start = int(self._get_param("nextToken") or 0)
    page: dict[str, Any] = {
        "events": [
            {**event, "timestamp": datetime.fromisoformat(str(event["timestamp"])).timestamp()}
            for event in events[start : start + size]
        ]
    }
    if start + size < len(events):
        page["nextToken"] = str(start + size)
    return _plain(page)


def _plain(answer: dict[str, Any]) -> str:
    """An answer as JSON without empty members. moto's serializer takes ten times as long, and these answers are large
    and asked for again and again while somebody waits."""
    return json.dumps(_without_none(answer), ensure_ascii=False, separators=(",", ":"))


def _without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_none(member) for name, member in value.items() if member is not None}
    return [_without_none(member) for member in value] if isinstance(value, list) else value


def send_task_failure(self: Any) -> EmptyResult:
    """SendTaskFailure with its cause."""
    token, error, cause = (self._get_param(name) for name in ("taskToken", "error", "cause"))
    self.stepfunction_backend.send_task_failure(token, error=error, cause=cause)
    return EmptyResult()
