"""The local cloud as one object: its server, its gateway, and what runs behind the calls.

    with LocalCloud(port=0, state=Path("build/local-cloud")) as cloud:
        cloud.client("s3").list_buckets()

Nothing outlives the process: the cloud starts empty each time. moto keeps its state in module globals, so there can
be only one cloud in a process at a time.
"""

from __future__ import annotations

import errno
import os
import resource
import threading
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from impp_local.kernel import moto  # noqa: F401  # first: it sets what moto reads when it is imported
from impp_local.kernel.contract import REGION, Lazy, Response
from impp_local.web.server import Server

HOST = "127.0.0.1"
DEFAULT_PORT = 4580
MANY_FILES = 65536
_running = threading.Lock()


class PortTaken(OSError):
    """Another program listens on the port; the message says what to do."""


class LocalCloud:
    """All services on one port. `port` 0 takes any free one; `state` is the folder for what is kept on disk."""

    def __init__(self, port: int = DEFAULT_PORT, state: Path = Path("build/local-cloud")) -> None:
        self._port = port
        self._state = state.absolute()
        self._server: Server | None = None
        self._gateway: Any = None
        self._runtime: Any = None
        self._thread: threading.Thread | None = None
        self._clients = Lazy(self._make_client)

    @property
    def endpoint(self) -> str:
        """`http://127.0.0.1:<port>`; the port is known once the cloud has started."""
        return f"http://{HOST}:{self._port}"

    @property
    def state(self) -> Path:
        """Folder for what services keep on disk."""
        return self._state

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self._port

    def client(self, service: str) -> Any:
        """A boto3 client for this cloud, made once for each service."""
        return self._clients(service)

    def start(self) -> None:
        """Listen and be ready for requests. Raises PortTaken, and RuntimeError while another cloud runs here."""
        if not _running.acquire(blocking=False):
            raise RuntimeError("A local cloud already runs in this process")
        _allow_many_files()
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
        self._state.mkdir(parents=True, exist_ok=True)
        try:
            # The application is known after the port is, and the port only after binding.
            server = Server((HOST, self._port), _not_ready)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise PortTaken(
                    errno.EADDRINUSE,
                    f"Port {self._port} is taken by another program. Stop it (`python -m impp_local down` stops a local"
                    " cloud), or choose another port with --port.",
                ) from None
            raise
        self._server = server
        self._port = server.port
        server.application = self._compose()
        self._thread = threading.Thread(target=server.serve, name="local-cloud", daemon=True)
        self._thread.start()

    def _compose(self) -> Any:
        from moto.moto_api._internal.models import moto_api_backend

        from impp_local.runtime import Runtime
        from impp_local.services.cloudfront.cdn import Cdn
        from impp_local.services.events import bus
        from impp_local.services.s3.front import S3Front
        from impp_local.web.gateway import Gateway
        from impp_local.web.metering import meter_request

        moto_api_backend.reset()
        self._runtime = Runtime(self)
        self._gateway = Gateway(
            self,
            pages=[self._page, Cdn(lambda: self._gateway.service("cloudfront"))],
            s3=S3Front(bus.publish, meter_request),
            meter=meter_request,
        )
        return self._gateway

    def _page(self, environ: dict[str, Any]) -> Response | None:
        """The cloud's own pages, `/_impp/...`."""
        path = environ["PATH_INFO"]
        if not path.startswith("/_impp/"):
            return None
        if path == "/_impp/health":
            return Response.of_json(
                {"status": "ready", "endpoint": self.endpoint, "region": REGION, "pid": os.getpid()}
            )
        try:
            answer = self._runtime.page(environ["REQUEST_METHOD"], path)
        except KeyError as error:
            return Response.of_json({"message": f"Not found: {error.args[0]}"}, 404)
        if answer is None:
            return Response.of_json({"message": f"No page {path} in the local cloud"}, 404)
        return Response.of_json(answer)

    def _make_client(self, service: str) -> Any:
        import boto3
        from botocore.config import Config

        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",  # noqa: S106  # any key does here
            config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 2}, max_pool_connections=32),
        )

    def _close(self) -> None:
        if self._server is not None:
            self._server.stop()
        if self._thread is not None:
            self._thread.join(timeout=10)
        if self._gateway is not None:
            self._gateway.close()
        if self._runtime is not None:
            self._runtime.close()
        self._server = self._thread = self._gateway = self._runtime = None
        _running.release()


def _allow_many_files() -> None:
    """Raise the limit of open files as far as the system lets us: each large object keeps one open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MANY_FILES if hard == resource.RLIM_INFINITY else min(hard, MANY_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _not_ready(_environ: dict[str, Any], start_response: Any) -> list[bytes]:
    start_response("503 Service Unavailable", [("Content-Length", "0")])
    return []
