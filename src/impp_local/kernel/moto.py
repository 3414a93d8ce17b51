"""moto in this process: each of its services on first use, called through WSGI, one call at a time.

moto keeps its state in plain Python objects and was written for one thread. One lock per service makes conditional
operations atomic (two DynamoDB puts, two S3 puts with If-None-Match); calls that wait for something do not take it.
"""

from __future__ import annotations

import io
import os
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from impp_local.kernel.defaults import ACCOUNT, REGION

# Read by moto when it is first imported: CORS headers cost time, and moto would derive accounts from keys.
os.environ.setdefault("MOTO_DISABLE_GLOBAL_CORS", "true")
os.environ.setdefault("MOTO_ACCOUNT_ID", ACCOUNT)

import moto.core
import moto.core.responses
from moto.core.request import Request as MotoRequest
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

from impp_local.kernel import moto_fields
from impp_local.kernel.contract import Lazy, Response

WAITING = {
    ("sqs", "ReceiveMessage"),
    ("stepfunctions", "GetActivityTask"),
    ("stepfunctions", "StartSyncExecution"),
    ("lambda", "Invoke"),
}
"""Operations that may wait for long, or for another call to the same service."""

_READS: Final = (
    "Get", "List", "Describe", "Head", "BatchGet", "Query", "Scan", "Filter", "Search", "Lookup", "Simulate",
    "Validate", "Test", "Verify", "Estimate", "Probe", "Decrypt", "Encrypt", "GenerateDataKey", "GenerateRandom",
    "Invoke",
)  # fmt: skip
"""First words of operations that change nothing worth keeping."""


def _import_on_use(package: str) -> None:
    """Import a package's backends when they are used, not with one of its modules."""
    module = ModuleType(package)
    module.__path__ = [str(Path(moto.core.__path__[0]).parent / package.partition(".")[2])]

    def attribute(name: str) -> Any:
        # `inspect` and Hypothesis ask every module in `sys.modules` for its `__file__`: that is not a use.
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(import_module(f"{package}.models"), name)

    module.__getattr__ = attribute  # type: ignore[method-assign]
    sys.modules.setdefault(package, module)


# Step Functions' parser wants an enumeration of Batch, whose backends import EC2: 2 s and 60 MB.
_import_on_use("moto.batch")

# moto lists all methods of its class at each request, which is a tenth of the time of a small one.
_responses: Final[Any] = moto.core.responses
_responses.method_names_from_class = cache(_responses.method_names_from_class)
moto_fields.keep()

_dispatcher = DomainDispatcherApplication(create_backend_app)
_importing = threading.Lock()


class NoSuchBackend(LookupError):
    """moto has no service by that name."""


def _make_app(host: str) -> Any:
    with _importing:
        url = f"http://{host}"
        backends = (name for name, pattern in _dispatcher.backend_url_patterns if name == host or pattern.match(url))
        backend = next(backends, None)
        if backend is None:
            raise NoSuchBackend(host)
        return create_backend_app(backend)  # type: ignore[arg-type]


_apps = Lazy(_make_app)
_locks = Lazy(lambda _service: threading.RLock())
_observers: list[Callable[[str], None]] = []


def lock_of(service: str) -> Any:
    """The lock under which moto's state of a service is read and written (re-entrant)."""
    return _locks(service)


@contextmanager
def changing(service: str) -> Iterator[None]:
    """Change moto's state of a service, under its lock; the change is kept."""
    with lock_of(service):
        yield
        report_change(service)


def report_change(service: str) -> None:
    """Tell that moto's state of a service changed, under its lock."""
    for observer in _observers:
        observer(service)


def observe(observer: Callable[[str], None] | None) -> None:
    """Have `observer` called when moto's state of a service changed, before that is acknowledged; None: nobody."""
    _observers[:] = [observer] if observer else []


def is_read(operation: str) -> bool:
    """Whether an operation only reads, by its name."""
    return operation.startswith(_READS)


def environ_with_body(environ: dict[str, Any], body: bytes) -> dict[str, Any]:
    """A copy of a WSGI environment whose input is `body`, for a request that will be read again."""
    copied = dict(environ)
    copied["wsgi.input"] = io.BytesIO(body)
    copied["wsgi.input_terminated"] = True
    copied["CONTENT_LENGTH"] = str(len(body))
    copied.pop("HTTP_TRANSFER_ENCODING", None)
    copied.pop("werkzeug.request", None)
    return copied


def request_of(environ: dict[str, Any]) -> MotoRequest:
    """moto's view of a WSGI request (it reads `wsgi.input`)."""
    return MotoRequest(environ)


def call(service: str, operation: str, environ: dict[str, Any]) -> Response:
    """moto's answer to a request.

    Raises NoSuchBackend for a service that moto does not have, NotImplementedError for an operation that it lacks,
    and any exception of an error inside moto.
    """
    host = _dispatcher.infer_service_region_host(environ, environ.get("PATH_INFO", "/"))
    app = _apps(host or f"s3.{REGION}.amazonaws.com")
    guard = nullcontext() if (service, operation) in WAITING else lock_of(service)
    answered: list[Any] = []

    def start_response(status: str, headers: list[tuple[str, str]], _exc: Any = None) -> None:
        answered[:] = [int(status.split(" ", 1)[0]), headers]

    with guard:
        chunks: Iterable[bytes] = app(environ, start_response)
        body = b"".join(chunks)
        if not is_read(operation):
            report_change(service)
    close = getattr(chunks, "close", None)
    if close:
        close()
    return Response(answered[0], dict(answered[1]), body)
