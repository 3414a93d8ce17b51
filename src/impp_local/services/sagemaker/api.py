"""SageMaker hosting: models, endpoint configurations and endpoints are moto's, what endpoints answer is a child's.

Serverless and asynchronous endpoints of one variant with one container, whose artifact is code and weights for AWS's
inference images (see `worker`). The image itself is not run: its name is only kept. An endpoint whose model does not
load is `Failed`, with the reason. An asynchronous endpoint has no instances that come and go here: a request is
processed at once and billed by the seconds that it takes.
"""

from __future__ import annotations

import json
import logging
import queue
import re
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from botocore.exceptions import ClientError

from impp_lambdas.core.money.pricing import GB
from impp_local.iam import enforcement, service_access
from impp_local.iam.need import Need
from impp_local.iam.policies import Caller
from impp_local.kernel import billing, moto, objects
from impp_local.kernel.contract import AwsError, Call, Cloud, Response, Service
from impp_local.kernel.defaults import ACCOUNT, REGION
from impp_local.kernel.jobs import JobRows
from impp_local.services.sagemaker.container import Container, ModelFailure, Unhealthy

LOG = logging.getLogger(__name__)

PRINCIPAL: Final = "sagemaker.amazonaws.com"
MAX_SERVERLESS: Final = 4 * 2**20
"""https://docs.aws.amazon.com/sagemaker/latest/dg/serverless-endpoints-invoke.html"""
MAX_ASYNCHRONOUS: Final = 2**30
"""https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference.html"""
MONTH_HOURS: Final = 730.0
INSTANCE_MB: Final = 8192
"""Memory of a container on an instance; ml.m5.large has 8 GiB."""
_S3: Final = re.compile(r"s3://([^/]+)/(.+)", re.DOTALL)


@dataclass(frozen=True)
class Hosted:
    """What an endpoint runs, as its configuration and model say. `revision` changes with any of it."""

    name: str
    revision: str
    variant: Mapping[str, Any]
    model: Any
    asynchronous: Mapping[str, Any] | None

    @property
    def serverless(self) -> Mapping[str, Any] | None:
        """`{MemorySizeInMB, MaxConcurrency}`, or None for instances."""
        return self.variant.get("ServerlessConfig")

    @property
    def memory_mb(self) -> int:
        """Memory of its container."""
        return int(self.serverless["MemorySizeInMB"]) if self.serverless else INSTANCE_MB


class SageMaker(Service):
    """Endpoints of both services, `sagemaker` and `sagemaker-runtime`."""

    name = "sagemaker"

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._rows = JobRows(cloud.store, "sagemaker")
        self._lock = threading.Lock()
        self._containers: dict[str, tuple[str, Container]] = {}
        self._calls: dict[str, int] = {}
        self._requests: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._worker: threading.Thread | None = None
        self._stopped = False

    def start(self) -> None:
        """Bill instances that never scale in."""
        billing.METER.watch(_instances)

    def resume(self) -> None:
        """Continue with the asynchronous requests that were waiting."""
        for _, row in self._rows.under_way():
            self._enqueue(row)

    def suspend(self) -> None:
        """Leave waiting requests for the next start."""
        self._stopped = True

    def close(self) -> None:
        """End all containers."""
        self._stopped = True
        self._requests.put(None)
        with self._lock:
            containers, self._containers = self._containers, {}
        for _, container in containers.values():
            container.close()

    def work(self) -> Mapping[str, int]:
        """Calls under way, and asynchronous requests without an answer."""
        with self._lock:
            calls = sum(self._calls.values())
        return {"inferences": calls + len(self._rows.under_way())}

    # --- control plane ------------------------------------------------------------------------------------------------

    def create_model(self, call: Call) -> Response:
        """moto's, with network isolation, which it forgets, and without the empty VPC that it describes; the role must
        be able to read the artifact.

        Can go when moto keeps EnableNetworkIsolation, describes no VpcConfig that was not given, and knows IAM.
        """
        container = call.params.get("PrimaryContainer") or {}
        role, url = call.params.get("ExecutionRoleArn") or "", container.get("ModelDataUrl")
        if url:
            try:
                bucket, key = _location(url)
                service_access.require_read(_assume(role), bucket, key)
                objects.find(bucket, key)
            except AwsError as error:
                # The words that AWS uses, by many public logs; its reference lists no messages.
                raise AwsError(
                    "ValidationException",
                    f'Could not access model data at {url}. Please ensure that the role "{role}" exists and that its '
                    'trust relationship policy allows the action "sts:AssumeRole" for the service principal '
                    '"sagemaker.amazonaws.com". Also ensure that the role has "s3:GetObject" permissions and that the '
                    f"object is located in {call.region}. ({error.message})",
                ) from None
        response = call.forward()
        if response.status < 300:
            with moto.changing("sagemaker"):
                model = _backend(call.region)._models[call.params["ModelName"]]
                model.enable_network_isolation = bool(call.params.get("EnableNetworkIsolation"))
                model.vpc_config = call.params.get("VpcConfig") or None
        return response

    def describe_endpoint_config(self, call: Call) -> Mapping[str, Any]:
        """moto's, without the empty capture of data that it describes. Can go when it describes none."""
        _find(_backend(call.region).endpoint_configs, call.params["EndpointConfigName"], "endpoint-config", call.region)
        body = call.forward().body
        described = json.loads(body if isinstance(body, bytes) else b"".join(body))
        return {name: value for name, value in described.items() if (name, value) != ("DataCaptureConfig", {})}

    def create_endpoint(self, call: Call) -> Response:
        """moto's; then the model is loaded."""
        response = call.forward()
        if response.status < 300:
            self._load(call.params["EndpointName"], call.region)
        return response

    def update_endpoint(self, call: Call) -> Mapping[str, Any]:
        """Another configuration for an endpoint. Can go when moto has UpdateEndpoint."""
        name, configuration = call.params["EndpointName"], call.params["EndpointConfigName"]
        backend = _backend(call.region)
        with moto.changing("sagemaker"):
            endpoint = _find(backend.endpoints, name, "endpoint", call.region)
            config = _find(backend.endpoint_configs, configuration, "endpoint-config", call.region)
            endpoint.endpoint_config_name = configuration
            endpoint.production_variants = endpoint._process_production_variants(config.production_variants)
        self._load(name, call.region)
        return {"EndpointArn": endpoint.arn}

    def delete_endpoint(self, call: Call) -> Response:
        """moto's; the container ends."""
        response = call.forward()
        with self._lock:
            _, container = self._containers.pop(call.params["EndpointName"], ("", None))
        if container:
            container.close()
        return response

    def _load(self, name: str, region: str) -> None:
        """Load an endpoint's model as AWS does while its status is Creating; it becomes InService or Failed."""
        status, reason = "InService", None
        try:
            self._container(_hosted(name, region))
        except (Unhealthy, AwsError) as error:
            status = "Failed"
            # The words of a failed endpoint's FailureReason, by many public logs; ours adds why.
            reason = (
                "The primary container for production variant did not pass the ping health check. Please check "
                f"CloudWatch logs for this endpoint. {error}"
            )[:1024]
        with moto.changing("sagemaker"):
            endpoint = _backend(region).endpoints[name]
            endpoint.endpoint_status, endpoint.failure_reason = status, reason

    # --- runtime ------------------------------------------------------------------------------------------------------

    def invoke_endpoint(self, call: Call) -> Mapping[str, Any]:
        """The model's response. Raises ValidationError, ThrottlingException and ModelError."""
        hosted = self._in_service(call)
        if hosted.asynchronous is not None:
            raise AwsError("ValidationError", f"Endpoint {hosted.name} answers asynchronously: use InvokeEndpointAsync")
        body = bytes(call.params["Body"])
        if hosted.serverless and len(body) > MAX_SERVERLESS:
            raise AwsError("ValidationError", f"The payload has {len(body)} bytes; the maximum is {MAX_SERVERLESS}")
        with self._admitted(hosted):
            answer, kind = self._invoke(
                hosted,
                body,
                call.params.get("ContentType") or "application/octet-stream",
                call.params.get("Accept") or "application/json",
                call.params.get("InferenceId") or "",
            )
        return {"Body": answer, "ContentType": kind, "InvokedProductionVariant": hosted.variant["VariantName"]}

    def invoke_endpoint_async(self, call: Call) -> Mapping[str, Any]:
        """Queue a request; its answer becomes an object at OutputLocation, or its error one at FailureLocation.

        https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference-invoke-endpoint.html
        """
        hosted = self._in_service(call)
        if hosted.asynchronous is None:
            raise AwsError("ValidationError", f"Endpoint {hosted.name} is not an asynchronous endpoint")
        location = call.params.get("InputLocation")
        if not location or not _S3.fullmatch(location):
            raise AwsError("ValidationError", "InputLocation must be an object's address, s3://bucket/key")
        inference = call.params.get("InferenceId") or str(uuid.uuid4())
        file, output = str(uuid.uuid4()), hosted.asynchronous["OutputConfig"]
        failures = output.get("S3FailurePath")
        row = {
            "id": file,
            "endpoint": hosted.name,
            "region": call.region,
            "input": location,
            "content_type": call.params.get("ContentType") or "application/octet-stream",
            "accept": call.params.get("Accept") or "application/json",
            "inference": inference,
            "expires": time.time() + int(call.params.get("RequestTTLSeconds") or 21_600),
            "seconds": int(call.params.get("InvocationTimeoutSeconds") or 900),
            "output": f"{output['S3OutputPath'].rstrip('/')}/{file}.out",
            "failure": f"{failures.rstrip('/')}/{file}-error.out" if failures else None,
        }
        self._rows.write(file, row)
        self._enqueue(row)
        answer = {"InferenceId": inference, "OutputLocation": row["output"]}
        return answer | ({"FailureLocation": row["failure"]} if failures else {})

    def _in_service(self, call: Call) -> Hosted:
        name = call.params["EndpointName"]
        endpoint = _backend(call.region).endpoints.get(name)
        if endpoint is None or endpoint.endpoint_status != "InService":
            # As AWS words it, by many public logs.
            raise AwsError("ValidationError", f"Endpoint {name} of account {ACCOUNT} not found.")
        return _hosted(name, call.region)

    def _admitted(self, hosted: Hosted) -> _Admission:
        """Count a call to a serverless endpoint. Raises ThrottlingException beyond MaxConcurrency.

        https://docs.aws.amazon.com/sagemaker/latest/dg/serverless-endpoints.html ("Concurrent invocations")
        """
        return _Admission(self._calls, self._lock, hosted)

    def _invoke(
        self, hosted: Hosted, body: bytes, content_type: str, accept: str, owner: str, seconds: float = 60.0
    ) -> tuple[bytes, str]:
        started = time.perf_counter()
        try:
            container = self._container(hosted)
            answer, kind = container.invoke(body, content_type, accept, seconds)
        except (ModelFailure, Unhealthy) as error:
            status = error.status if isinstance(error, ModelFailure) else 0
            raise AwsError(
                "ModelError",
                f'Received server error ({status}) from primary with message "{error}". See the log group '
                f"/aws/sagemaker/Endpoints/{hosted.name} in account {ACCOUNT} for more information.",
                424,
                OriginalStatusCode=status,
                OriginalMessage=str(error)[:2048],
            ) from None
        finally:
            self._log(hosted)
        _bill(hosted, time.perf_counter() - started, len(body) + len(answer), owner)
        return answer, kind

    def _container(self, hosted: Hosted) -> Container:
        """The endpoint's container, started when there is none yet or its model has changed. Raises Unhealthy."""
        with self._lock:
            revision, container = self._containers.get(hosted.name, ("", None))
            if container and revision == hosted.revision and container.is_alive:
                return container
            if container:
                container.close()
            primary = hosted.model.primary_container or {}
            bucket, key = _location(primary.get("ModelDataUrl") or "")
            service_access.require_read(_assume(hosted.model.execution_role_arn), bucket, key)
            with objects.open_object(bucket, key) as artifact:
                container = Container(Path(artifact), hosted.memory_mb, dict(primary.get("Environment") or {}))
            self._containers[hosted.name] = (hosted.revision, container)
            return container

    # --- asynchronous requests ----------------------------------------------------------------------------------------

    def _enqueue(self, row: dict[str, Any]) -> None:
        self._requests.put(row)
        with self._lock:
            if self._worker is None:
                self._worker = threading.Thread(target=self._process, name="sagemaker-async", daemon=True)
                self._worker.start()

    def _process(self) -> None:
        while (row := self._requests.get()) is not None and not self._stopped:
            try:
                self._answer(row)
            except (AwsError, ClientError) as error:
                LOG.warning("asynchronous request to %s failed: %s", row["endpoint"], error)
            except Exception:
                LOG.exception("asynchronous request to %s failed", row["endpoint"])
            if not self._stopped:
                self._rows.delete(row["id"])

    def _answer(self, row: Mapping[str, Any]) -> None:
        hosted = _hosted(row["endpoint"], row["region"])
        role = _assume(hosted.model.execution_role_arn)
        try:
            if time.time() > row["expires"]:
                raise AwsError("ModelError", "The request expired in the queue")
            bucket, key = _location(row["input"])
            service_access.require_read(role, bucket, key)
            body = objects.read_object(bucket, key)
            billing.meter("s3", "get", 1, detail=key)
            answer, kind = self._invoke(
                hosted, body, row["content_type"], row["accept"], row["inference"], row["seconds"]
            )
        except AwsError as error:
            if row["failure"]:
                self._put(role, row["failure"], error.message.encode(), "text/plain")
            return
        self._put(role, row["output"], answer, kind)

    def _put(self, role: Caller, location: str, body: bytes, kind: str) -> None:
        bucket, key = _location(location)
        service_access.require_write(role, bucket, key)
        objects.put_object(self._cloud, bucket, key, body, kind)

    def _log(self, hosted: Hosted) -> None:
        """What the container printed, in its log group, if the role may write there.

        https://docs.aws.amazon.com/sagemaker/latest/dg/logging-cloudwatch.html
        """
        _, container = self._containers.get(hosted.name, ("", None))
        lines = container.take_lines() if container else []
        if not lines:
            return
        group, stream = f"/aws/sagemaker/Endpoints/{hosted.name}", f"{hosted.variant['VariantName']}/local"
        arn = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{group}:log-stream:{stream}"
        if not enforcement.may(_assume(hosted.model.execution_role_arn), [Need("logs:PutLogEvents", arn)]):
            return
        from moto.logs.models import logs_backends

        now = int(time.time() * 1000)
        with moto.changing("logs"):
            backend = logs_backends[ACCOUNT][REGION]
            backend.ensure_log_group(group)
            backend.ensure_log_stream(group, stream)
            backend.put_log_events(group, stream, [{"timestamp": now, "message": line} for line in lines])


class _Admission:
    """One of an endpoint's concurrent calls."""

    def __init__(self, calls: dict[str, int], lock: threading.Lock, hosted: Hosted) -> None:
        self._calls, self._lock, self._hosted = calls, lock, hosted

    def __enter__(self) -> None:
        name, serverless = self._hosted.name, self._hosted.serverless
        with self._lock:
            calls = self._calls.get(name, 0)
            if serverless and calls >= int(serverless["MaxConcurrency"]):
                raise AwsError("ThrottlingException", "Rate exceeded", 429)
            self._calls[name] = calls + 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._calls[self._hosted.name] -= 1


def create(cloud: Cloud) -> Service:
    """The service."""
    return SageMaker(cloud)


def _backend(region: str) -> Any:
    from moto.sagemaker.models import sagemaker_backends

    return sagemaker_backends[ACCOUNT][region]


def _find(rows: Mapping[str, Any], name: str, kind: str, region: str) -> Any:
    if name not in rows:
        arn = f"arn:aws:sagemaker:{region}:{ACCOUNT}:{kind}/{name}"
        raise AwsError("ValidationException", f'Could not find {kind} "{arn}".')
    return rows[name]


def _hosted(name: str, region: str) -> Hosted:
    """What an endpoint runs. Raises AwsError for what this cloud does not imitate."""
    backend = _backend(region)
    endpoint = _find(backend.endpoints, name, "endpoint", region)
    configuration = _find(backend.endpoint_configs, endpoint.endpoint_config_name, "endpoint-config", region)
    if len(configuration.production_variants) != 1:
        raise AwsError("ValidationException", "The local cloud supports one production variant per endpoint")
    (variant,) = configuration.production_variants
    model = _find(backend._models, variant["ModelName"], "model", region)
    revision = f"{configuration.endpoint_config_name} {model.model_name} {model.creation_time}"
    return Hosted(name, revision, variant, model, configuration.async_inference_config or None)


def _assume(role: str) -> Caller:
    return enforcement.assume(role, PRINCIPAL, "SageMaker")


def _location(url: str) -> tuple[str, str]:
    match = _S3.fullmatch(url)
    if not match:
        raise AwsError("ValidationException", f"{url!r} is not an object's address")
    return match[1], match[2]


def _bill(hosted: Hosted, seconds: float, data_bytes: int, owner: str) -> None:
    """Charge a call: memory times milliseconds (serverless), or an instance's share of an hour."""
    if hosted.serverless:
        gb_seconds = round(seconds, 3) * hosted.memory_mb / 1024
        billing.meter("sagemaker", "serverless_gb_second", gb_seconds, detail=owner)
    elif (item := hosted.variant.get("InstanceType")) and _is_priced(item):
        billing.meter("sagemaker", item, seconds / 3600, detail=owner)
    billing.meter("sagemaker", "data", data_bytes / GB, detail=owner)


def _is_priced(item: str) -> bool:
    try:
        billing.METER.book.price("sagemaker", item)
    except KeyError:
        return False
    return True


def _instances() -> Iterator[tuple[str, str, float]]:
    """Instances that run day and night: those of endpoints that Application Auto Scaling may not scale in to zero."""
    from moto.applicationautoscaling.models import applicationautoscaling_backends

    targets = list(
        applicationautoscaling_backends[ACCOUNT][REGION]
        .targets.get("sagemaker:variant:DesiredInstanceCount", {})
        .values()
    )
    elastic = {target.resource_id.split("/")[1] for target in targets if not target.min_capacity}
    for name in list(_backend(REGION).endpoints):
        if name not in elastic:
            hosted = _hosted(name, REGION)
            item = hosted.variant.get("InstanceType")
            if item and _is_priced(item):
                yield "sagemaker", item, MONTH_HOURS * int(hosted.variant.get("InitialInstanceCount") or 1)
