"""Task states: the integrations that moto does wrongly or lacks, and the names of their errors.

Functions run in this process, without a request. Error names are Step Functions' own: `DynamoDB.…` from the optimised
integration ``dynamodb:putItem`` but `DynamoDb.…` from ``aws-sdk:dynamodb:putItem``, a function's ``errorType`` as it
is.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final

import botocore.exceptions
import botocore.session
from botocore.exceptions import ClientError
from moto.awslambda.exceptions import LambdaClientError
from moto.stepfunctions.parser.api import HistoryEventType, TaskFailedEventDetails
from moto.stepfunctions.parser.asl.component.common.error_name.error_name import ErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import (
    FailureEvent,
    FailureEventException,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task import lambda_eval_utils
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.resource import ResourceCondition
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_callback import (
    StateTaskServiceCallback,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_factory import (
    state_task_service_for,
)
from moto.stepfunctions.parser.asl.eval.event.event_detail import EventDetails

from impp_local.iam import enforcement
from impp_local.iam.need import Need
from impp_local.kernel import events, functions
from impp_local.kernel.contract import AwsError
from impp_local.services.stepfunctions import positions
from impp_local.services.stepfunctions.clients import SESSION, Clients, JsonClient, client_error

POLL_S: Final = 30.0
"""How often a MediaConvert job is read while no event reports its end (Step Functions, too, does both)."""

_SDK_NAMES: Final = {"dynamodb": "DynamoDb"}
"""Services whose error prefix is not derived from botocore's service id (they follow the AWS SDK for Java 2)."""


def task_service_for(service_name: str) -> Any:
    """The integration of a service: moto's, or our own."""
    return MediaConvertTask() if service_name == "mediaconvert" else state_task_service_for(service_name)


@cache
def sdk_service_name(service: str) -> str:
    """The prefix of an aws-sdk integration's errors: ``S3``, ``Transcribe``, ``SecretsManager``, ``Sfn``."""
    name = service.lower()
    if name in _SDK_NAMES:
        return _SDK_NAMES[name]
    try:
        service_id = str(botocore.session.get_session().get_service_model(name).service_id)
    except botocore.exceptions.UnknownServiceError:
        return service[:1].upper() + service[1:]
    return "".join(word.capitalize() if word.isupper() else word for word in service_id.split())


# --- lambda:invoke ----------------------------------------------------------------------------------------------------


def invoke_function(env: Any, parameters: Mapping[str, Any], region: str, state_credentials: Any) -> None:  # noqa: ARG001
    """Run a function and push what the integration returns."""
    context = env.states.context_object.context_object_data
    owner = context["Execution"]["Id"]
    _check_role(state_credentials, context["StateMachine"]["Id"], str(parameters["FunctionName"]))
    payload = lambda_eval_utils.to_payload_type(parameters.get("Payload")) or b"{}"
    name, qualifier = str(parameters["FunctionName"]), parameters.get("Qualifier")
    try:
        if parameters.get("InvocationType") == "Event":
            functions.invoke_async(name, payload, qualifier=qualifier, owner=owner)
            env.stack.append({"Payload": "", "StatusCode": 202})
            return
        wait = getattr(env, "queued", None)
        report = functions.invoke(name, payload, qualifier=qualifier, owner=owner, wait=wait)
    except LambdaClientError as error:
        raise client_error(str(error.error_type), error.message, error.code or 400, "Invoke") from error
    if report.error:
        raise lambda_eval_utils.LambdaFunctionErrorException(report.error, report.payload.decode())
    env.stack.append({"ExecutedVersion": report.version, "Payload": json.loads(report.payload), "StatusCode": 200})


def _check_role(state_credentials: Any, machine_arn: str, function: str) -> None:
    """Raise ClientError unless the state's role may invoke the function."""
    try:
        caller = enforcement.assume(state_credentials.role_arn, "states.amazonaws.com", SESSION, machine_arn)
        enforcement.require(caller, "lambda", [Need("lambda:InvokeFunction", function)])
    except AwsError as error:
        raise client_error(error.code, error.message, 403, "Invoke") from error


# --- mediaconvert:createJob(.sync) ------------------------------------------------------------------------------------


class JobWatch:
    """Wakes the tasks that wait for a MediaConvert job when its state-change event passes the bus."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: defaultdict[str, list[threading.Event]] = defaultdict(list)

    def __call__(self, event: Mapping[str, Any], _bus: str) -> None:
        """A subscriber of the services' events."""
        if event.get("source") == "aws.mediaconvert":
            with self._lock:
                for waiting in self._waiting.get(str(event["detail"].get("jobId")), ()):
                    waiting.set()

    @contextlib.contextmanager
    def of(self, job: str) -> Iterator[threading.Event]:
        """An event that is set at each state change of the job."""
        changed = threading.Event()
        with self._lock:
            self._waiting[job].append(changed)
        try:
            yield changed
        finally:
            with self._lock:
                self._waiting[job].remove(changed)
                if not self._waiting[job]:
                    del self._waiting[job]


@cache
def _create_job_members() -> set[str]:
    model = botocore.session.get_session().get_service_model("mediaconvert")
    shape: Any = model.operation_model("CreateJob").input_shape
    return set(shape.members)


class MediaConvertTask(StateTaskServiceCallback):
    """``mediaconvert:createJob`` and ``.sync``: the parameters and results are in MediaConvert's PascalCase.

    ``.sync`` ends when the job is COMPLETE and returns GetJob's answer ``{"Job": {…}}``. A job that ends in ERROR or
    CANCELED fails the task with ``States.TaskFailed`` and the job as JSON for its cause; a request that MediaConvert
    refuses fails it with ``MediaConvert.<code>``. A task that is stopped or times out cancels its job.
    https://docs.aws.amazon.com/step-functions/latest/dg/connect-mediaconvert.html
    """

    clients: Clients
    watch: JobWatch = JobWatch()

    def __init__(self) -> None:
        super().__init__(supported_integration_patterns={ResourceCondition(ResourceCondition.Sync)})

    def _get_supported_parameters(self) -> set[str] | None:
        if self.resource.api_action.lower() != "createjob":
            return None
        return _create_job_members()

    def _client(self, region: str, credentials: Any) -> JsonClient:
        return self.clients(region, "mediaconvert", credentials)

    def _eval_service_task(
        self, env: Any, resource_runtime_part: Any, normalised_parameters: dict[str, Any], state_credentials: Any
    ) -> None:
        tags = {"ManagedByService": "AWSStepFunctions"} | (normalised_parameters.get("Tags") or {})
        answer = self._client(resource_runtime_part.region, state_credentials).create_job(
            **normalised_parameters | {"Tags": tags}
        )
        answer.pop("ResponseMetadata", None)
        env.stack.append(answer)

    def _eval_integration_pattern(
        self,
        env: Any,
        resource_runtime_part: Any,
        normalised_parameters: Any,  # noqa: ARG002 - the base class' signature
        state_credentials: Any,
    ) -> None:
        """Wait until the job ends."""
        job_id = env.stack.pop()["Job"]["Id"]
        client = self._client(resource_runtime_part.region, state_credentials)
        with self.watch.of(job_id) as changed:
            env.waker = changed
            while True:
                changed.clear()  # first: what follows may have changed since
                if not env.is_running():
                    break
                answer = client.get_job(Id=job_id)
                answer.pop("ResponseMetadata", None)
                status = answer["Job"]["Status"]
                if status == "COMPLETE":
                    env.stack.append(answer)
                    return
                if status in ("ERROR", "CANCELED"):
                    cause = json.dumps(answer["Job"], ensure_ascii=False, separators=(",", ":"))
                    raise FailureEventException(self._failed(env, "States.TaskFailed", cause))
                changed.wait(POLL_S)
        position = positions.position_of(env)
        if position is None or not position.journal.is_suspended:
            self._cancel(client, job_id)
        env.stack.append({})

    @staticmethod
    def _cancel(client: JsonClient, job_id: str) -> None:
        with contextlib.suppress(ClientError):  # it may have ended meanwhile
            client.cancel_job(Id=job_id)

    def _from_error(self, env: Any, ex: Exception) -> FailureEvent:
        if not isinstance(ex, ClientError):
            return super()._from_error(env=env, ex=ex)
        error, meta = ex.response["Error"], ex.response["ResponseMetadata"]
        cause = (
            f"{error.get('Message')} (Service: AWSMediaConvert; Status Code: {meta['HTTPStatusCode']}; "
            f"Error Code: {error.get('Code')}; Request ID: {meta.get('RequestId')}; Proxy: null)"
        )
        return self._failed(env, f"MediaConvert.{error.get('Code')}", cause)

    def _failed(self, env: Any, error: str, cause: str) -> FailureEvent:
        details = TaskFailedEventDetails(
            error=error, cause=cause, resource=self._get_sfn_resource(), resourceType=self._get_sfn_resource_type()
        )
        return FailureEvent(
            env=env,
            error_name=ErrorName(error),  # a custom one must not begin with "States."
            event_type=HistoryEventType.TaskFailed,
            event_details=EventDetails(taskFailedEventDetails=details),  # type: ignore[typeddict-item]
        )


def wake(env: Any) -> None:
    """Let tasks that wait for a job see that their environment has ended or was stopped."""
    for frame in [*env._frames]:
        wake(frame)
    if waker := getattr(env, "waker", None):
        waker.set()


def listen() -> None:
    """Wake waiting tasks by the events on the bus."""
    events.subscribe(MediaConvertTask.watch)
