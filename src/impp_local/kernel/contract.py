"""What every service of the local cloud is made of: `Call`, `Response`, `AwsError`, `Service`.

A service of our own is a module or package of `impp_local.services` under botocore's name ("-" as "_", a Python keyword
with "_" behind it), with a function `create(cloud)`. The gateway imports it at the first request for that service, so
nothing has to be registered and a service that nobody calls costs no memory. A whole example:

    class MediaConvert(Service):
        name = "mediaconvert"                       # botocore's service name

        def __init__(self, cloud: Cloud) -> None:
            self._jobs: dict[str, dict[str, Any]] = {}

        def get_job(self, call: Call) -> Mapping[str, Any]:   # the operation GetJob, snake-cased by botocore
            job = self._jobs.get(call.params["Id"])  # params: parsed and typed by the botocore model
            if job is None:
                raise AwsError("NotFoundException", f"Job {call.params['Id']} not found", 404)
            return {"Job": job}                     # serialised by the botocore model (REST-JSON, JSON, query, XML)

    def create(cloud: Cloud) -> Service:
        return MediaConvert(cloud)

An operation that the service does not define goes to moto; one that moto lacks too is answered with the error that AWS
gives for an unknown operation, in the protocol of the service. An operation may also change moto's answer:
`answer = call.forward()`. Methods run on many threads at once: guard shared state. An exception that is neither an
`AwsError` nor moto's own is logged with its traceback and answered as `InternalFailure`.

Services reach each other through the kernel only: `targets` (sending to an ARN), `events` (what happened), `functions`
(running a function) and `objects` (reading and writing S3).
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from botocore import xform_name

from impp_local.kernel.defaults import ACCOUNT, REGION
from impp_local.kernel.store import Store

if TYPE_CHECKING:
    from impp_local.kernel.resources import Resources


class Cloud(Protocol):
    """The cloud as its services see it."""

    @property
    def endpoint(self) -> str:
        """`http://127.0.0.1:<port>`, the one endpoint of all services."""

    @property
    def state(self) -> Path:
        """Folder for what the services keep on disk; each uses a subfolder of its own name."""

    @property
    def store(self) -> Store:
        """What the services keep on disk and find again when the cloud starts with the same folder."""

    @property
    def resources(self) -> Resources:
        """What is written shortly after it changed: moto's backends and `Service.kept`."""

    def client(self, service: str) -> Any:
        """A boto3 client for this cloud, with fake keys: thread-safe, cached."""


@dataclass
class Call:
    """One request, parsed once.

    `path` is percent-decoded, `query` keeps the first value of each name, `headers` has lower-case names. `service` is
    botocore's name; `access_key` is the caller's access key id, or None when the request is not signed. `environ` is
    WSGI's view of the same request, for moto. A page (see :meth:`Service.page`) sees a call without `operation` and
    `body`, which are read only for the API.
    """

    service: str
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    environ: dict[str, Any] = field(repr=False)
    operation: str = ""
    body: bytes = field(repr=False, default=b"")
    region: str = REGION
    account: str = ACCOUNT
    access_key: str | None = None
    parse: Callable[[], Mapping[str, Any]] = field(repr=False, default=dict)
    """Parses the input by the botocore model, see :attr:`params`."""
    forward: Callable[[], Response] = field(repr=False, default=lambda: Response(501))
    """Hands the same call on to moto and returns its answer (errors included, as a Response)."""

    @cached_property
    def params(self) -> Mapping[str, Any]:
        """The operation's input by the botocore model; timestamps are aware `datetime`, blobs are `bytes`.

        Raises AwsError for a body that cannot be read and for missing members.
        """
        return self.parse()

    def json(self) -> Any:
        """The body as JSON; an empty body is an empty object. Raises AwsError SerializationException."""
        if not self.body:
            return {}
        try:
            return json.loads(self.body)
        except ValueError as error:
            raise AwsError("SerializationException", f"The body is not JSON: {error}") from error


@dataclass
class Response:
    """The HTTP response. A `body` that is an iterable of bytes is streamed; `cookies` are values of Set-Cookie."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | Iterable[bytes] = b""
    cookies: list[str] = field(default_factory=list)

    @classmethod
    def of_json(cls, value: object, status: int = 200) -> Response:
        """A plain JSON response, for pages (`/_impp/...`)."""
        return cls(status, {"Content-Type": "application/json"}, json.dumps(value, default=str).encode())


class AwsError(Exception):
    """An error as AWS reports it: `code` as in the API reference, sent in the protocol of the service.

    `status` is the HTTP status for codes that the botocore model does not know (else the model decides);
    `members` are further fields of the modelled error shape.
    """

    def __init__(self, code: str, message: str, status: int = 400, **members: Any) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.members = members


class Service:
    """Base of a service: its public methods named like the service's operations, snake-cased, answer them.

    A method takes the `Call` and returns the operation's output as a mapping by the botocore model, None for an
    empty one, or a `Response` to answer byte by byte; it raises `AwsError` for an error.
    """

    name: ClassVar[str]
    kept: ClassVar[tuple[str, ...]] = ()
    """Attributes with what Terraform and people set up, which come back when the cloud starts with the same folder.
    They are written shortly after a call (`kernel.resources`); what must not be lost has rows of its own."""

    def handler(self, operation: str) -> Callable[[Call], Mapping[str, Any] | Response | None] | None:
        """The method that answers `operation` ("CreateJob"), or None when this service leaves it to moto."""
        method = xform_name(operation)
        if method.startswith("_") or hasattr(Service, method):
            return None
        return getattr(self, method, None)

    def start(self) -> None:
        """Change moto, register targets, subscribe to events; called once, when the service is made."""

    def resume(self) -> None:
        """Continue what was under way when the cloud last stopped; called once it listens and all state is back."""

    def suspend(self) -> None:
        """Change nothing on disk any more: what is under way continues when the cloud starts again.

        Called once, before the cloud stops listening, so that nothing fails because it does.
        """

    def close(self) -> None:
        """End threads and processes; called once when the cloud stops."""

    def page(self, call: Call) -> Response | None:
        """Answer a request that is not an API call (`/_impp/...`, a viewer's); None for all others.

        Only services that start with the cloud are asked (`services.STARTED_WITH_THE_CLOUD`).
        """

    def has_host(self, name: str) -> bool:  # noqa: ARG002  # for services that answer viewers
        """Whether it answers to a host name other than this machine's and AWS's; asked as `page` is."""
        return False

    def pages(self) -> Mapping[str, str]:
        """What `page` offers people, for the index: `{"GET /_impp/schedules": "the schedules"}`."""
        return {}

    def work(self) -> Mapping[str, int]:
        """How much is under way, by kind (`{"executions": 2}`): the cloud is idle when all of it is 0."""
        return {}

    def metrics(self) -> Mapping[str, Any]:
        """What the service adds to `/_impp/metrics`."""
        return {}


class Lazy:
    """Thread-safe store of values that are made on first use; `make` runs once per name."""

    def __init__(self, make: Callable[[str], Any]) -> None:
        self._make = make
        self._values: dict[str, Any] = {}
        self._lock = threading.RLock()

    def __call__(self, name: str) -> Any:
        try:
            return self._values[name]
        except KeyError:
            with self._lock:
                if name not in self._values:
                    self._values[name] = self._make(name)
                return self._values[name]

    def values(self) -> list[Any]:
        """The values made so far."""
        with self._lock:
            return list(self._values.values())
