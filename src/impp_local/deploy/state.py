"""Terraform's state of the applied root: a file that this process serves to Terraform's `http` backend.

With the `local` backend, Terraform serialises the whole state three times per resource and writes it in place
(https://github.com/hashicorp/terraform/issues/34296). With 400 resources that was half of an apply's processor time and
two thirds of a destroy's, and a kill could cut the file. To a server it sends the state every 20 s and at the end
(https://developer.hashicorp.com/terraform/language/backend/http). What a killed apply has not sent is adopted.
"""

from __future__ import annotations

import http.server
import json
import os
import re
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from impp_local.kernel.defaults import ACCOUNT, HOST

BACKEND: Final = 'backend "http" {}'
"""In the root's `terraform` block; TF_HTTP_ADDRESS has the server's address."""

POLL_S: Final = 0.05
"""How long Terraform's end may wait for the server's."""


class StateFile:
    """Terraform's state in a file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> bytes | None:
        """The state; None without a file, or if the file holds something else."""
        try:
            content = self._path.read_bytes()
            return content if "serial" in json.loads(content) else None
        except (OSError, TypeError, ValueError):
            return None

    def write(self, content: bytes) -> None:
        """Replace the state; after a crash the file holds the old or the new one."""
        scratch = self._path.with_name(f"{self._path.name}.new")
        with scratch.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        scratch.replace(self._path)

    def move(self, endpoint: str) -> None:
        """Follow a local cloud that has moved to another port."""
        known = self.read()
        if known is not None and (moved := at_endpoint(endpoint, known.decode()).encode()) != known:
            self.write(moved)

    @contextmanager
    def served(self) -> Iterator[str]:
        """Serve the state on loopback, under a random path; yields the address."""
        path = f"/{secrets.token_urlsafe()}"
        file = self

        class Handler(_Handler):
            state = file
            address = path

        with http.server.ThreadingHTTPServer((HOST, 0), Handler) as server:
            threading.Thread(target=server.serve_forever, args=(POLL_S,), daemon=True).start()
            try:
                yield f"http://{HOST}:{server.server_port}{path}"
            finally:
                server.shutdown()


def at_endpoint(endpoint: str, text: str) -> str:
    """Text with the queues' URLs at this endpoint; nothing else that Terraform keeps contains the endpoint."""
    return re.sub(rf"http://{re.escape(HOST)}:\d+(?=/{ACCOUNT}/)", endpoint, text)


class _Handler(http.server.BaseHTTPRequestHandler):
    """The `http` backend's protocol, without locks: one process at a time runs a cloud, and applies to it."""

    state: StateFile
    address: str

    def do_GET(self) -> None:
        """Send the state."""
        if self.path != self.address:
            return self._respond(403)
        content = self.state.read()
        return self._respond(204) if content is None else self._respond(200, content)

    def do_POST(self) -> None:
        """Replace the state, unless the connection was cut meanwhile."""
        length = int(self.headers["Content-Length"])
        content = self.rfile.read(length)
        if self.path != self.address:
            self._respond(403)
        elif len(content) == length:
            self.state.write(content)
            self._respond(200)

    def _respond(self, status: int, content: bytes = b"") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Keep quiet."""
