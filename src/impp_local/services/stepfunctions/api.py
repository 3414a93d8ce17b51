"""Step Functions as a service of the local cloud: moto's, corrected, and the operations that moto 5.2.5 lacks.

The AWS provider calls ValidateStateMachineDefinition at every plan, and ListStateMachineVersions after it creates a
machine. Each can go when moto has it.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from typing import Any, Final

from moto.stepfunctions.exceptions import ExecutionAlreadyExists
from moto.stepfunctions.parser.models import stepfunctions_parser_backends
from moto.stepfunctions.responses import get_backend

from impp_local.iam import enforcement, needs
from impp_local.iam.need import Need
from impp_local.kernel import targets
from impp_local.kernel.contract import AwsError, Call, Cloud, Response, Service
from impp_local.kernel.defaults import ACCOUNT, REGION
from impp_local.kernel.dispatch import Undeliverable
from impp_local.kernel.moto import lock_of
from impp_local.services.stepfunctions import moto_patches, tokens
from impp_local.services.stepfunctions.validation import diagnostics


class StepFunctions(Service):
    """Validation of definitions, and the (empty) list of published versions."""

    name = "stepfunctions"

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud

    def start(self) -> None:
        """Make moto's interpreter behave as AWS's. State machines are targets."""
        moto_patches.install(self._cloud)
        targets.register("states", receive)
        needs.know_tokens(tokens.machine_of)

    def resume(self) -> None:
        """Continue the executions that ran."""
        moto_patches.resume()

    def suspend(self) -> None:
        """Leave the executions that run as they are on disk."""
        moto_patches.suspend()

    def work(self) -> Mapping[str, int]:
        """Executions that have not ended."""
        return {"executions": moto_patches.running()}

    def validate_state_machine_definition(self, call: Call) -> Mapping[str, Any]:
        """What CreateStateMachine would refuse."""
        errors = diagnostics(call.params["definition"])
        limit = int(call.params.get("maxResults") or 100)
        return {"result": "FAIL" if errors else "OK", "diagnostics": errors[:limit], "truncated": len(errors) > limit}

    def create_state_machine(self, call: Call) -> Response:
        """moto's, for a role that may do what Step Functions will do with it. Raises AccessDeniedException."""
        _check_role(call.params, call.params["roleArn"])
        return call.forward()

    def update_state_machine(self, call: Call) -> Response:
        """As CreateStateMachine."""
        if role := call.params.get("roleArn"):
            _check_role(call.params, role)
        return call.forward()

    def list_state_machine_versions(self, call: Call) -> Mapping[str, Any]:
        """No version: moto publishes none. Raises StateMachineDoesNotExist."""
        arn = call.params["stateMachineArn"]
        machines = get_backend(ACCOUNT, call.region).state_machines
        if not any(machine.arn == arn for machine in list(machines)):
            raise AwsError("StateMachineDoesNotExist", f"State Machine Does Not Exist: '{arn}'")
        return {"stateMachineVersions": []}


LOG_DELIVERY: Final = (
    "CreateLogDelivery",
    "DeleteLogDelivery",
    "DescribeLogGroups",
    "DescribeResourcePolicies",
    "GetLogDelivery",
    "ListLogDeliveries",
    "PutResourcePolicy",
    "UpdateLogDelivery",
)
"""https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html#cloudwatch-iam-policy"""
MANAGED_RULE: Final = "StepFunctionsGetEventsForMediaConvertJobRule"
RULE_ACTIONS: Final = ("PutTargets", "PutRule", "DescribeRule")
"""https://docs.aws.amazon.com/step-functions/latest/dg/connect-mediaconvert.html"""


def _check_role(params: Mapping[str, Any], role_arn: str) -> None:
    """Raise AccessDeniedException unless a state machine's role may log and follow jobs, where the machine does."""
    if not enforcement.is_on():
        return
    role = enforcement.session(role_arn, "states")
    if (params.get("loggingConfiguration") or {}).get("level", "OFF") != "OFF":
        logging = [Need(f"logs:{action}", "*") for action in LOG_DELIVERY]
        if not enforcement.may(role, logging):
            message = "The state machine IAM Role is not authorized to access the Log Destination"
            raise AwsError("AccessDeniedException", message)
    if "mediaconvert:createJob.sync" in params.get("definition", ""):
        rule = f"arn:aws:events:{REGION}:{ACCOUNT}:rule/{MANAGED_RULE}"
        if not enforcement.may(role, [Need(f"events:{action}", rule) for action in RULE_ACTIONS]):
            raise AwsError("AccessDeniedException", f"'{role_arn}' is not authorized to create managed-rule.")
    if key := (params.get("encryptionConfiguration") or {}).get("kmsKeyId"):
        arn = needs.key_arn(key, REGION) or key
        enforcement.require(role, "stepfunctions", [Need("kms:GenerateDataKey", arn), Need("kms:Decrypt", arn)])


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
