"""Step Functions as a service of the local cloud: moto's, corrected, and the operations that moto 5.2.5 lacks.

The AWS provider calls ValidateStateMachineDefinition at every plan, and ListStateMachineVersions after it creates a
machine. Each can go when moto has it.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from typing import Any

from moto.stepfunctions.exceptions import ExecutionAlreadyExists
from moto.stepfunctions.parser.models import stepfunctions_parser_backends
from moto.stepfunctions.responses import get_backend

from impp_local.kernel import targets
from impp_local.kernel.contract import AwsError, Call, Cloud, Service
from impp_local.kernel.defaults import ACCOUNT
from impp_local.kernel.dispatch import Undeliverable
from impp_local.kernel.moto import lock_of
from impp_local.services.stepfunctions import interpreter
from impp_local.services.stepfunctions.validation import diagnostics


class StepFunctions(Service):
    """Validation of definitions, and the (empty) list of published versions."""

    name = "stepfunctions"

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud

    def start(self) -> None:
        """Make moto's interpreter behave as AWS's. State machines are targets."""
        interpreter.install(self._cloud)
        targets.register("states", receive)

    def resume(self) -> None:
        """Continue the executions that ran."""
        interpreter.resume()

    def suspend(self) -> None:
        """Leave the executions that run as they are on disk."""
        interpreter.suspend()

    def work(self) -> Mapping[str, int]:
        """Executions that have not ended."""
        return {"executions": interpreter.running()}

    def validate_state_machine_definition(self, call: Call) -> Mapping[str, Any]:
        """Whether a definition is a state machine: JSON, known types, no state missing or unreachable."""
        errors = list(diagnostics(call.params["definition"]))
        limit = int(call.params.get("maxResults") or 100)
        return {"result": "FAIL" if errors else "OK", "diagnostics": errors[:limit], "truncated": len(errors) > limit}

    def list_state_machine_versions(self, call: Call) -> Mapping[str, Any]:
        """No version: moto publishes none. Raises StateMachineDoesNotExist."""
        arn = call.params["stateMachineArn"]
        machines = get_backend(ACCOUNT, call.region).state_machines
        if not any(machine.arn == arn for machine in list(machines)):
            raise AwsError("StateMachineDoesNotExist", f"State Machine Does Not Exist: '{arn}'")
        return {"stateMachineVersions": []}


def receive(arn: str, payload: str, target: Mapping[str, Any]) -> None:
    """Start a state machine with what was sent to its ARN. Raises :class:`Undeliverable`."""
    try:
        json.loads(payload)
    except ValueError as error:
        raise Undeliverable("INVALID_JSON", f"The input of {arn} is not JSON: {error}", retry=False) from error
    _, _, _, region, account, *_ = arn.split(":")
    delivery = target.get("DeliveryId")
    name = str(delivery or f"{uuid.uuid4()}_{uuid.uuid4()}")  # as EventBridge names executions
    with lock_of("stepfunctions"):
        try:
            stepfunctions_parser_backends[account][region].start_execution(arn, name=name, execution_input=payload)
        except ExecutionAlreadyExists:
            if not delivery:
                raise
            # It was delivered before the cloud stopped.
