"""The clients with which tasks call services: the local cloud's own endpoint, with the state machine's role.

So these calls are metered and checked like everyone else's.
"""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import boto3
import botocore.exceptions
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.response import StreamingBody

from impp_local.kernel import principals
from impp_local.kernel.defaults import ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY

SESSION: Final = "states"
"""The name of state machines' role sessions; AWS's are random."""


class Clients:
    """Clients for one endpoint, one per service and role. botocore's clients are thread-safe, creating them is not."""

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint
        self._session = boto3.session.Session()  # shared, so that what it loads for one client serves the next
        self._lock = threading.Lock()
        self._clients: dict[tuple[str, str, str], JsonClient] = {}

    def __call__(self, region: str, service: str, state_credentials: Any = None) -> JsonClient:
        """Replaces the interpreter's ``boto_client_for``."""
        role = str(getattr(state_credentials, "role_arn", "") or "")
        key = (service, region or REGION, role)
        with self._lock:
            if key not in self._clients:
                self._clients[key] = JsonClient(self._create(*key))
            return self._clients[key]

    def _create(self, service: str, region: str, role: str) -> Any:
        session = principals.Session(role, SESSION) if role else None
        return self._session.client(
            service,
            region_name=region,
            endpoint_url=self._endpoint,
            aws_access_key_id=session.access_key if session else ACCESS_KEY_ID,
            aws_secret_access_key=principals.SESSION_SECRET if session else SECRET_ACCESS_KEY,
            aws_session_token=session.token if session else None,
            config=Config(
                parameter_validation=False,
                retries={"total_max_attempts": 1},
                connect_timeout=10,
                read_timeout=900,
                max_pool_connections=64,
                s3={"addressing_style": "path"},
            ),
        )


class JsonClient:
    """A client whose answers are JSON: moments as ISO text, streams read, bytes as base64."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        call = getattr(self._client, operation)

        def call_as_json(**arguments: Any) -> Any:
            try:
                return jsonable(call(**arguments))
            except botocore.exceptions.BotoCoreError as error:  # the service did not answer
                raise client_error("SdkClientException", str(error), 400, operation) from error

        return call_as_json


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
