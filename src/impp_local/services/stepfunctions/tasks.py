"""Task states of the interpreter: how they call services, and the integrations that moto does wrongly or not at all.

Calls go to the local cloud's own endpoint with the state machine's role, so that they are metered and checked like
everyone else's; functions are run in this process. Error names are Step Functions' own: `DynamoDB.…` from the
optimised integration ``dynamodb:putItem`` but `DynamoDb.…` from ``aws-sdk:dynamodb:putItem``, a function's
``errorType`` as it is.
"""

from __future__ import annotations

import base64
import contextlib
import json
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import boto3
import botocore.exceptions
import botocore.session
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.response import StreamingBody
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
from moto.stepfunctions.parser.asl.eval.event.event_detail import EventDetails

from impp_local.kernel import functions, roles
from impp_local.kernel.contract import REGION
from impp_local.services.events import bus

POLL_S: Final = 5.0
"""How often a MediaConvert job is looked at when no event tells of its end (Step Functions, too, does both)."""

_SDK_NAMES: Final = {"dynamodb": "DynamoDb"}
"""Services whose error prefix is not simply made from botocore's service id (they follow the AWS SDK for Java 2)."""


# --- clients ----------------------------------------------------------------------------------------------------------


class Clients:
    """Clients for one endpoint, one for each service and role; botocore's are thread-safe, making them is not."""

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint
        self._lock = threading.Lock()
        self._made: dict[tuple[str, str, str], _Client] = {}

    def __call__(self, region: str, service: str, state_credentials: Any = None) -> _Client:
        """What the interpreter's ``boto_client_for`` is replaced by."""
        role = str(getattr(state_credentials, "role_arn", "") or "")
        key = (service, region or REGION, role)
        with self._lock:
            if key not in self._made:
                self._made[key] = _Client(self._make(*key))
            return self._made[key]

    def _make(self, service: str, region: str, role: str) -> Any:
        return boto3.session.Session().client(
            service,
            region_name=region,
            endpoint_url=self._endpoint,
            aws_access_key_id=roles.access_key(role) if role else "test",
            aws_secret_access_key="local",  # noqa: S106 - no secret: the local cloud takes any
            aws_session_token="local",  # noqa: S106
            config=Config(
                parameter_validation=False,
                retries={"total_max_attempts": 1},
                connect_timeout=10,
                read_timeout=900,
                max_pool_connections=64,
                s3={"addressing_style": "path"},
            ),
        )


class _Client:
    """A client whose answers are JSON: moments as ISO text, streams read, bytes as base64."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        call = getattr(self._client, operation)

        def answered(**arguments: Any) -> Any:
            try:
                return jsonable(call(**arguments))
            except botocore.exceptions.BotoCoreError as error:  # no answer at all
                raise client_error("SdkClientException", str(error), 400, operation) from error

        return answered


def client_error(code: str, message: str, status: int, operation: str) -> ClientError:
    """An error of a service as botocore would raise it."""
    meta: Any = {"HTTPStatusCode": status, "RequestId": "local", "HTTPHeaders": {}, "RetryAttempts": 0}
    return ClientError({"Error": {"Code": code, "Message": message}, "ResponseMetadata": meta}, operation)


def jsonable(value: Any) -> Any:
    """A boto3 answer as a state's JSON."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
    if isinstance(value, StreamingBody):
        return value.read().decode("utf-8", "replace")
    if isinstance(value, (bytes, bytearray)):
        return base64.b64encode(value).decode()
    if isinstance(value, Mapping):
        return {key: jsonable(element) for key, element in value.items()}
    if isinstance(value, (list, tuple)):
        return [jsonable(element) for element in value]
    return value


def sdk_service_name(service: str) -> str:
    """The prefix of an aws-sdk integration's errors: ``S3``, ``Transcribe``, ``SecretsManager``, ``Sfn``."""
    name = service.lower()
    if name in _SDK_NAMES:
        return _SDK_NAMES[name]
    try:
        found = str(botocore.session.get_session().get_service_model(name).service_id)
    except botocore.exceptions.UnknownServiceError:
        return service[:1].upper() + service[1:]
    return "".join(word.capitalize() if word.isupper() else word for word in found.split())


# --- lambda:invoke ----------------------------------------------------------------------------------------------------


def invoke_function(env: Any, parameters: Mapping[str, Any], region: str, state_credentials: Any) -> None:  # noqa: ARG001
    """Run a function in this process and push what the integration returns."""
    owner = env.states.context_object.context_object_data["Execution"]["Id"]
    payload = lambda_eval_utils.to_payload_type(parameters.get("Payload")) or b"{}"
    name, qualifier = str(parameters["FunctionName"]), parameters.get("Qualifier")
    try:
        if parameters.get("InvocationType") == "Event":
            functions.runtime().invoke_async(name, payload, qualifier=qualifier, owner=owner)
            env.stack.append({"Payload": "", "StatusCode": 202})
            return
        wait = getattr(env, "queued", None)
        done = functions.runtime().invoke(name, payload, qualifier=qualifier, owner=owner, wait=wait)
    except LambdaClientError as error:
        raise client_error(str(error.error_type), error.message, error.code or 400, "Invoke") from error
    if done.error:
        raise lambda_eval_utils.LambdaFunctionErrorException(done.error, done.payload.decode())
    answer = json.loads(done.payload)
    env.stack.append({"ExecutedVersion": done.version, "Payload": answer, "StatusCode": 200})


# --- mediaconvert:createJob(.sync) ------------------------------------------------------------------------------------


class JobWatch:
    """Wakes those who wait for a MediaConvert job when its state-change event passes the bus."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[str, threading.Event] = {}

    def __call__(self, event: Mapping[str, Any]) -> None:
        """A listener of the event bus."""
        if event.get("source") == "aws.mediaconvert":
            with self._lock:
                waiting = self._waiting.get(str(event["detail"].get("jobId")))
            if waiting:
                waiting.set()

    def of(self, job: str) -> threading.Event:
        """An event that is set when something happens to the job."""
        with self._lock:
            return self._waiting.setdefault(job, threading.Event())

    def forget(self, job: str) -> None:
        """Nobody waits for the job any more."""
        with self._lock:
            self._waiting.pop(job, None)


class MediaConvertTask(StateTaskServiceCallback):
    """``mediaconvert:createJob`` and ``.sync``: the parameters and results are in MediaConvert's PascalCase.

    ``.sync`` ends when the job is COMPLETE with GetJob's answer ``{"Job": {…}}``; a job that ends in ERROR or CANCELED
    fails the task with ``States.TaskFailed`` and the job as JSON for its cause; what MediaConvert refuses is
    ``MediaConvert.<code>``. A task that is stopped or times out cancels its job.
    """

    clients: Clients
    watch: JobWatch = JobWatch()

    def __init__(self) -> None:
        super().__init__(supported_integration_patterns={ResourceCondition(ResourceCondition.Sync)})

    def _get_supported_parameters(self) -> set[str] | None:
        if self.resource.api_action.lower() != "createjob":
            return None
        model = botocore.session.get_session().get_service_model("mediaconvert")
        shape: Any = model.operation_model("CreateJob").input_shape
        return set(shape.members)

    def _client(self, region: str, credentials: Any) -> _Client:
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
        """Wait for the job's end."""
        job_id = env.stack.pop()["Job"]["Id"]
        client = self._client(resource_runtime_part.region, state_credentials)
        changed = self.watch.of(job_id)
        try:
            while env.is_running():
                changed.clear()
                answer = client.get_job(Id=job_id)
                answer.pop("ResponseMetadata", None)
                status = answer["Job"]["Status"]
                if status == "COMPLETE":
                    env.stack.append(answer)
                    return
                if status in ("ERROR", "CANCELED"):
                    cause = json.dumps(answer["Job"], ensure_ascii=False, separators=(",", ":"))
                    raise FailureEventException(self._failed(env, "States.TaskFailed", cause))
                waited = 0.0
                while not changed.wait(0.25) and env.is_running() and waited < POLL_S:
                    waited += 0.25
            self._cancel(client, job_id)
            env.stack.append({})
        finally:
            self.watch.forget(job_id)

    @staticmethod
    def _cancel(client: _Client, job_id: str) -> None:
        with contextlib.suppress(ClientError):  # it may have ended by itself meanwhile
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


def listen() -> None:
    """Let the event bus wake waiting tasks."""
    bus.listen(MediaConvertTask.watch)
