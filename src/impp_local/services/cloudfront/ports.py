"""Addresses of distributions on this machine: a port each, whose paths are those of the distribution.

Browsers resolve no `….cloudfront.net` of ours, and pages with absolute paths need a root of their own. Browsers accept
cookies with `Secure` from loopback addresses without TLS ("potentially trustworthy",
https://www.w3.org/TR/secure-contexts/).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from impp_local.kernel.defaults import HOST
from impp_local.web.server import Server

Application = Callable[[dict[str, Any], Callable[..., Any]], Any]


class Ports:
    """The servers of distributions. `known` remembers ports from one start to the next, by distribution id."""

    def __init__(self, known: dict[str, int], first: int) -> None:
        self.known = known
        self._first = first
        self._servers: dict[str, Server] = {}
        self._lock = threading.Lock()

    def open(self, distribution: str, application: Application) -> None:
        """Serve a distribution: on its former port, else on the one after the cloud's, else on any that is free."""
        with self._lock:
            if distribution in self._servers:
                return
            for port in (self.known.get(distribution), self._first, 0):
                if port is None:
                    continue
                try:
                    server = Server((HOST, port), application)
                except OSError:
                    continue
                break
            else:
                return
            self._servers[distribution] = server
            self.known[distribution] = server.port
        threading.Thread(target=server.serve, name=f"cloudfront-{distribution}", daemon=True).start()

    def close(self, distribution: str) -> None:
        """Serve it no longer."""
        with self._lock:
            server = self._servers.pop(distribution, None)
        if server:
            server.stop()

    def close_all(self) -> None:
        """Close all servers; their ports stay known."""
        for distribution in list(self._servers):
            self.close(distribution)

    def urls(self) -> dict[str, str]:
        """`http://127.0.0.1:<port>` by distribution id."""
        return {distribution: f"http://{HOST}:{server.port}" for distribution, server in list(self._servers.items())}
