"""A deployed local cloud for the tests of this folder: the real root and the real zips, applied once per test run."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from tests.support.deployment import Deployment, deployment, record_statements
from tests.support.system import Chat, System

from impp_local.iam import enforcement


@pytest.fixture(scope="package")
def chat() -> Iterator[Chat]:
    posts: list[tuple[str, dict[str, Any]]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            posts.append((self.path, json.loads(body)))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield Chat(f"http://127.0.0.1:{server.server_port}", posts)
    server.shutdown()


@pytest.fixture(scope="session")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    """The real root, applied to an empty local cloud by one of the processes of a test run."""
    own = tmp_path_factory.getbasetemp()
    return deployment((own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "deployed")


@pytest.fixture(scope="package")
def system(deployed: Deployment, tmp_path_factory: pytest.TempPathFactory, chat: Chat) -> Iterator[System]:
    """A deployed environment, whose webhooks are the chat."""
    state = tmp_path_factory.mktemp("system") / "cloud"
    with deployed.copy(state) as (cloud, outputs):
        webhooks = {"slack": [f"{chat.url}/slack"], "discord": [f"{chat.url}/discord"]}
        cloud.client("secretsmanager").put_secret_value(
            SecretId=outputs["webhook_secret_arn"], SecretString=json.dumps(webhooks)
        )
        yield System(cloud, outputs, state, chat)


@pytest.fixture(scope="session")
def media(deployed: Deployment) -> dict[str, Path]:
    """Files of all kinds by name; see `tests.support.e2e_media`."""
    return deployed.media


@pytest.fixture(autouse=True)
def needed_statements(request: pytest.FixtureRequest) -> Iterator[None]:
    """Record the IAM statements that a test needed."""
    yield
    if enforcement.is_on() and request.node.name != "test_destroy_leaves_nothing":
        record_statements()
