"""One deployed local cloud for all tests of this folder: the real root and the real zips."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from tests.support.e2e_media import make_all
from tests.support.paths import REPOSITORY
from tests.support.system import SECRET_URL, Chat, System

from impp_local.cloud import LocalCloud
from impp_local.demo.sample_card import make_sample_card
from impp_local.deploy.root import deploy


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


@pytest.fixture(scope="package")
def built() -> Path:
    """The manifest of a build for this host."""
    subprocess.run([sys.executable, "build.py", "all", "--target", "local"], cwd=REPOSITORY, check=True)
    return REPOSITORY / "build" / "manifest.local.json"


@pytest.fixture(scope="package")
def making(tmp_path_factory: pytest.TempPathFactory) -> Future[dict[str, Path]]:
    """The media, and the sample card in its cache, while Terraform mostly waits."""

    def make() -> dict[str, Path]:
        make_sample_card(tmp_path_factory.mktemp("card"))
        return make_all(tmp_path_factory.mktemp("media"))

    executor = ThreadPoolExecutor(max_workers=1)
    media = executor.submit(make)
    executor.shutdown(wait=False)
    return media


@pytest.fixture(scope="package")
def system(
    tmp_path_factory: pytest.TempPathFactory, chat: Chat, built: Path, making: Future[dict[str, Path]]
) -> Iterator[System]:
    """The real root, applied to an empty local cloud."""
    state = tmp_path_factory.mktemp("cloud")
    viewer = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = viewer.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    with LocalCloud(port=0, state=state) as cloud:
        outputs = deploy(
            cloud.endpoint,
            state,
            built,
            variables={
                "viewer_public_keys": {"tests": public.decode()},
                "webhooks": {"slack": [SECRET_URL]},
                "webhooks_version": 1,
            },
        )
        webhooks = {"slack": [f"{chat.url}/slack"], "discord": [f"{chat.url}/discord"]}
        cloud.client("secretsmanager").put_secret_value(
            SecretId=outputs["webhook_secret_arn"], SecretString=json.dumps(webhooks)
        )
        yield System(cloud, outputs, state, chat, viewer)


@pytest.fixture(scope="package")
def media(making: Future[dict[str, Path]]) -> dict[str, Path]:
    return making.result()
