"""The local cloud as one object: its server, its gateway and its services.

    with LocalCloud(port=0, state=Path("build/local-cloud")) as cloud:
        cloud.client("s3").list_buckets()

A cloud that starts with the folder of an earlier one has its data again (`docs/design/adr/0014`). moto keeps state in
module globals, so a process can hold only one cloud at a time.
"""

from __future__ import annotations

import errno
import os
import resource
import threading
from collections import Counter
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from impp_local.kernel import memory, moto  # first: it sets what moto reads when it is imported
from impp_local.kernel.clients import Clients
from impp_local.kernel.contract import Call, Response
from impp_local.kernel.defaults import HOST, PORT, REGION, STATE
from impp_local.kernel.processes import resident
from impp_local.kernel.store import Store
from impp_local.web.server import Server

if TYPE_CHECKING:
    from impp_local.kernel.resources import Resources
    from impp_local.services import Services
    from impp_local.web.gateway import Gateway

MANY_FILES = 65536
_running = threading.Lock()

PAGES: Final = {
    "GET /_impp/health": "whether it is ready, and its process id",
    "GET /_impp/bill": "what AWS would have charged so far",
    "POST /_impp/bill/reset": "start a new bill",
    "GET /_impp/idle": "whether work is in progress",
    "GET /_impp/metrics": "memory, workers, cold starts",
    "GET /_impp/permissions": "which IAM policy statements have been needed so far, and which have not",
}
"""The cloud's own pages, with their purposes."""


class PortTaken(OSError):
    """Another program listens on the port; the message says what to do."""


class LocalCloud:
    """All services on one port. `port` 0 takes any free one; `state` is the folder for what is kept on disk.

    `durable` waits for the disk before anything is acknowledged, so that a power cut loses nothing either. `enforce`
    judges each request by IAM's policies; without it, everybody may do everything.
    """

    def __init__(self, port: int = PORT, state: Path = STATE, *, durable: bool = False, enforce: bool = False) -> None:
        self._port = port
        self._state = state.absolute()
        self._durable = durable
        self._enforce = enforce
        self._store: Store | None = None
        self._resources: Resources | None = None
        self._releaser: memory.Releaser | None = None
        self._server: Server | None = None
        self._services: Services | None = None
        self._thread: threading.Thread | None = None
        self._clients: Clients | None = None

    @property
    def endpoint(self) -> str:
        """`http://127.0.0.1:<port>`; the port is known once the cloud has started."""
        return f"http://{HOST}:{self._port}"

    @property
    def state(self) -> Path:
        """Folder for what services keep on disk."""
        return self._state

    @property
    def store(self) -> Store:
        """Rows that outlive the process."""
        assert self._store is not None, "the cloud has not started"
        return self._store

    @property
    def resources(self) -> Resources:
        """What is written shortly after it changed."""
        assert self._resources is not None, "the cloud has not started"
        return self._resources

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self._port

    def client(self, service: str) -> Any:
        """A boto3 client for this cloud, made once per service."""
        assert self._clients is not None, "the cloud has not started"
        return self._clients(service)

    def start(self) -> None:
        """Listen and be ready for requests.

        Raises PortTaken, StoreInUse, StoreUnreadable, and RuntimeError while another cloud runs in this process.
        """
        if not _running.acquire(blocking=False):
            raise RuntimeError("A local cloud already runs in this process")
        _allow_many_files()
        memory.limit()
        try:
            self._listen()
        except BaseException:
            self._close()
            raise

    def stop(self) -> None:
        """Stop listening, end workers and threads. Safe to call twice."""
        if self._server is not None:
            self._close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def _listen(self) -> None:
        self._store = Store(self._state, durable=self._durable)
        try:
            # The application needs the port, which is known only after binding.
            server = Server((HOST, self._port), _not_ready)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise PortTaken(
                    errno.EADDRINUSE,
                    f"Port {self._port} is taken by another program. Stop it (`make down` stops a local cloud), or"
                    " choose another port: make up PORT=<port>, or --port.",
                ) from None
            raise
        self._server = server
        self._port = server.port
        self._clients = Clients(self.endpoint, retries=2, connections=32)
        server.application = self._compose()
        self._releaser = memory.Releaser()
        self._thread = threading.Thread(target=server.serve, name="local-cloud", daemon=True)
        self._thread.start()
        if self._services is not None:
            self._services.resume()

    def _compose(self) -> Gateway:
        from moto.moto_api._internal.models import moto_api_backend

        from impp_local.iam import enforcement
        from impp_local.kernel import billing, moto_bounds, standing_charges
        from impp_local.kernel.resources import Resources
        from impp_local.services import Services
        from impp_local.web.gateway import Gateway

        moto_api_backend.reset()
        if self._enforce:
            enforcement.switch_on()
        else:
            enforcement.switch_off()
        billing.METER.reset()
        moto_bounds.apply()
        self._resources = resources = Resources(self.store)
        resources.restore()
        billing.METER.restore(resources.keep("meter", billing.METER.state))
        resources.start()
        billing.METER.watch(standing_charges.storage)
        billing.METER.watch(standing_charges.fixtures)
        self._services = Services(self)
        self._services.start()
        pages = [service.page for service in self._services]
        return Gateway(self._services, [*pages, self._page], self._answered, self._has_host, enforcement)

    def _has_host(self, name: str) -> bool:
        return any(service.has_host(name) for service in self._services or ())

    def _answered(self, call: Call, response: Response) -> None:
        from impp_local.services import PART_OF
        from impp_local.web.metering import meter_request

        meter_request(call, response)
        resources = self._resources
        if resources is None:  # answered while the cloud stopped
            return
        resources.changed("meter")
        if not moto.is_read(call.operation):
            resources.changed(PART_OF.get(call.service, call.service))

    def _page(self, call: Call) -> Response | None:
        """The cloud's own pages, `/_impp/...`."""
        from impp_local.kernel import billing
        from impp_local.web import index

        if index.is_for_people(call):
            return index.page(self.endpoint, self._state, self._pages(), self.work())
        if not call.path.startswith("/_impp/"):
            return None
        match call.method, call.path.removeprefix("/_impp/"):
            case _, "health":
                answer = {"status": "ready", "endpoint": self.endpoint, "region": REGION, "pid": os.getpid()}
                return Response.of_json(answer)
            case "GET", "bill":
                return Response.of_json(billing.bill())
            case "POST", "bill/reset":  # so that a bill does not include the deployment
                billing.METER.reset()
                self.resources.changed("meter")
                return Response.of_json(billing.bill())
            case "GET", "idle":
                work = self.work()
                return Response.of_json({"idle": not any(work.values()), **work})
            case "GET", "metrics":
                return Response.of_json(self.metrics())
            case "GET", "permissions":
                from impp_local.iam import enforcement

                return Response.of_json({"enforced": enforcement.is_on(), **enforcement.statements()})
        message = f"No page {call.path} in the local cloud; {self.endpoint}/_impp/ lists the pages"
        return Response.of_json({"message": message}, 404)

    def _pages(self) -> dict[str, str]:
        """Requests that the local cloud answers beside AWS's, with their purposes."""
        return PAGES | {
            request: purpose for service in self._services or () for request, purpose in service.pages().items()
        }

    def work(self) -> dict[str, int]:
        """How much is under way: ``{executions, events, invocations}``; the cloud is idle when all of it is 0."""
        work: Counter[str] = Counter()
        for service in self._services or ():
            work.update(service.work())
        return dict(work)

    def metrics(self) -> dict[str, Any]:
        """``{rss_bytes, peak_rss_bytes, work}`` and what services add (``workers``, ``cold_starts``, …)."""
        added = {name: value for service in self._services or () for name, value in service.metrics().items()}
        return {
            "rss_bytes": resident("self"),
            "peak_rss_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
            **added,
            "work": self.work(),
        }

    def _close(self) -> None:
        from impp_local.iam import enforcement

        if self._services is not None:
            self._services.suspend()
        if self._server is not None and self._thread is None:  # it never served: the state could not be read
            self._server.server_close()
        elif self._server is not None and self._thread is not None:
            self._server.stop()
            self._thread.join(timeout=10)
        if self._services is not None:
            self._services.close()
        if self._resources is not None:
            self._resources.close()
        if self._releaser is not None:
            self._releaser.close()
        if self._store is not None:
            self._store.close()
        self._store = self._resources = self._releaser = None
        self._server = self._thread = self._services = None
        enforcement.switch_off()
        _running.release()


def _allow_many_files() -> None:
    """Raise the limit of open files as far as the system allows: connections, workers and downloads hold one each."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = MANY_FILES if hard == resource.RLIM_INFINITY else min(hard, MANY_FILES)
    if soft != resource.RLIM_INFINITY and soft < limit:
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))


def _not_ready(_environ: dict[str, Any], start_response: Any) -> list[bytes]:
    start_response("503 Service Unavailable", [("Content-Length", "0")])
    return []
