"""Requests over HTTP/1.1: one persistent connection per thread, as little work per byte as possible.

Bodies are sent in small blocks: from memory, or from the page cache through one buffer. Responses are bounded in size
and time, and read even if the server responds before it has read the whole body.
"""

from __future__ import annotations

import base64
import http.client
import importlib.util
import os
import select
import socket
import ssl
import threading
import time
import weakref
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import SplitResult, unquote, urlsplit

from impp_edge.bucket.aws import Endpoint, Refused
from impp_edge.bucket.bandwidth import Bandwidth
from impp_edge.stop import Stopped

CONNECT_S = 10.0
READ_S = 60.0
"""Longest time in which a server neither sends nor accepts anything."""
ANSWER_S = 900.0
"""Longest time from the first byte of a response to its last."""
EARLY_S = 2.0
"""How long to wait for the response of a server that closed the connection before it had the whole body."""
IDLE_S = 15.0
"""Idle time after which a connection is replaced: S3 closes idle ones at about this time."""
STOP_S = 10.0
"""How long a body may continue after we were asked to stop, before it is abandoned."""
ANSWER_BYTES = 8 * 1024 * 1024
"""Most bytes of a response: a page of 1,000 keys of 1,024 characters, percent-encoded, has fewer."""

TRANSPORT_ERRORS = (OSError, http.client.HTTPException)
"""Raised by a bad network or a server that breaks off."""


class Dropped(ConnectionResetError):
    """The server had closed an idle connection: not an error, retry at once."""


class Body(Protocol):
    """A request body: ``size`` bytes, in blocks that are valid until the next one; read again for each attempt."""

    @property
    def size(self) -> int:
        """Bytes in all."""

    def blocks(self, most: int) -> Iterator[memoryview]:
        """The bytes from the first on, at most ``most`` at a time."""


@dataclass(frozen=True)
class Content:
    """A body in memory."""

    content: bytes | memoryview

    @property
    def size(self) -> int:
        """Bytes in all."""
        return len(self.content)

    def blocks(self, most: int) -> Iterator[memoryview]:
        """The bytes from the first on, at most ``most`` at a time."""
        for at in range(0, len(self.content), most):
            yield memoryview(self.content)[at : at + most]


@dataclass(frozen=True)
class Answer:
    """A complete response."""

    status: int
    reason: str
    headers: http.client.HTTPMessage
    body: bytes


class Transport:
    """Sends requests. Thread-safe; each thread has its own connection."""

    def __init__(self, ca_bundle: str | None, pace: Bandwidth, stop: threading.Event) -> None:
        self._ca_bundle = ca_bundle
        self._pace = pace
        self._stop = stop
        self._mutex = threading.Lock()
        self._kept = threading.local()
        self._lines: weakref.WeakSet[http.client.HTTPConnection] = weakref.WeakSet()
        self._tls: ssl.SSLContext | None = None

    def close(self) -> None:
        """Close the connections of all threads, which must be idle; they are opened again when needed."""
        with self._mutex:
            lines = list(self._lines)
        for line in lines:
            line.close()

    def exchange(
        self,
        place: Endpoint,
        method: str,
        target: str,
        headers: Mapping[str, str],
        body: Body | None = None,
        silence_s: float = READ_S,
    ) -> Answer:
        """Send one request and read the response.

        Raises one of :data:`TRANSPORT_ERRORS` (:class:`Dropped` if a kept connection was dead), Stopped while the
        body waits, and what the body raises.
        """
        line, used = self._line(place)
        try:
            return self._once(line, method, self._target(place, target), headers, body, silence_s)
        except (BrokenPipeError, ConnectionResetError, ssl.SSLEOFError, ssl.SSLZeroReturnError) as error:
            line.close()
            raise (Dropped(str(error)) if used else error) from error
        except BaseException:
            line.close()
            raise

    def _once(
        self,
        line: http.client.HTTPConnection,
        method: str,
        target: str,
        headers: Mapping[str, str],
        body: Body | None,
        silence_s: float,
    ) -> Answer:
        early: OSError | None = None
        line.sock.settimeout(READ_S)
        try:
            line.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
            for name, value in headers.items():
                line.putheader(name, value)
            if body is not None or method in ("PUT", "POST"):
                line.putheader("content-length", str(body.size if body else 0))
            line.endheaders()
            if body is not None:
                self._send(line.sock, body)
            line.sock.settimeout(silence_s)
        except (BrokenPipeError, ConnectionResetError, TimeoutError, ssl.SSLError) as error:
            early = error  # it may have responded and closed before it had the whole body
            if line.sock is None:
                raise
            line.sock.settimeout(EARLY_S)
        try:
            answer = _read(line.getresponse())
        except TRANSPORT_ERRORS as error:
            raise (early or error) from None
        if early and answer.status < 300:
            raise early
        if early:
            line.close()
        self._kept.since = time.monotonic()
        return answer

    def _send(self, sock: socket.socket, body: Body) -> None:
        stop_requested_at: float | None = None
        for block in body.blocks(self._pace.block):
            self._pace.take(len(block))
            sock.sendall(block)
            if self._stop.is_set():
                stop_requested_at = stop_requested_at or time.monotonic()
                if time.monotonic() - stop_requested_at > STOP_S:
                    raise Stopped("asked to stop")

    # --- connections --------------------------------------------------------------------------------------------------

    def _line(self, place: Endpoint) -> tuple[http.client.HTTPConnection, bool]:
        """This thread's open connection, and whether it was used before."""
        line: http.client.HTTPConnection | None = getattr(self._kept, "line", None)
        if line is None or self._kept.place != place:
            if line is not None:
                line.close()
            line = self._kept.line = self._new(place)
            self._kept.place = place
        if line.sock is not None and time.monotonic() - self._kept.since < IDLE_S and not _readable(line.sock):
            return line, True
        line.close()
        self._connect(line)
        return line, False

    def _new(self, place: Endpoint) -> http.client.HTTPConnection:
        proxy = _proxy(place)
        host, port = (proxy.hostname or "", proxy.port or 8080) if proxy else (place.host, place.port)
        line: http.client.HTTPConnection
        if place.scheme == "https":
            line = http.client.HTTPSConnection(host, port, timeout=CONNECT_S, context=self._context())
        else:
            line = http.client.HTTPConnection(host, port, timeout=CONNECT_S)
        if proxy and place.scheme == "https":
            line.set_tunnel(place.host, place.port, _proxy_headers(proxy.username, proxy.password))
        with self._mutex:
            self._lines.add(line)
        return line

    def _connect(self, line: http.client.HTTPConnection) -> None:
        try:
            line.connect()
        except BaseException:
            line.close()  # else a failed handshake leaves a connection without TLS
            raise

    def _context(self) -> ssl.SSLContext:
        with self._mutex:
            if self._tls is None:
                try:
                    self._tls = ssl.create_default_context(cafile=self._ca_bundle or _authorities())
                except OSError as error:
                    raise Refused(f"ca_bundle {self._ca_bundle}: {error.strerror or error}") from error
            return self._tls

    @staticmethod
    def _target(place: Endpoint, target: str) -> str:
        """The request's target: a proxy for plain HTTP needs the whole URL."""
        return f"http://{place.netloc}{target}" if place.scheme == "http" and _proxy(place) else target


def _read(response: http.client.HTTPResponse) -> Answer:
    """Read a whole response. Raises :data:`TRANSPORT_ERRORS` if it breaks off, is too long or takes too long."""
    begun, body = time.monotonic(), bytearray()
    while block := response.read1(65536):
        body += block
        if len(body) > ANSWER_BYTES or time.monotonic() - begun > ANSWER_S:
            raise http.client.HTTPException("the answer has no end")
    if response.length:
        raise http.client.IncompleteRead(bytes(body[:100]), response.length)
    response.close()  # a response without a body must be closed before the connection can be reused
    return Answer(response.status, response.reason, response.headers, bytes(body))


def _readable(sock: socket.socket) -> bool:
    """Whether an idle connection is readable: then the server has closed it."""
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(0))


def _authorities() -> str | None:
    """None if the system has its own list of certificate authorities, else botocore's."""
    paths = ssl.get_default_verify_paths()
    if paths.cafile or (paths.capath and any(Path(paths.capath).iterdir())):
        return None
    botocore = importlib.util.find_spec("botocore")
    places = botocore.submodule_search_locations if botocore else None
    return str(Path(places[0]) / "cacert.pem") if places else None


def _proxy(place: Endpoint) -> SplitResult | None:
    """The proxy that the environment names for a place: HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, minus NO_PROXY."""
    if not any(name.lower().endswith("_proxy") for name in os.environ):
        return None  # saves the import of urllib.request
    from urllib import request

    proxies = request.getproxies_environment()
    url = proxies.get(place.scheme) or proxies.get("all")
    if not url or request.proxy_bypass_environment(place.netloc, proxies):  # type: ignore[attr-defined]  # untyped
        return None
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        usable = parts.scheme == "http" and parts.hostname and (parts.port or True)
    except ValueError:
        usable = False
    if not usable:
        raise Refused(f"{place.scheme.upper()}_PROXY: must be one like http://proxy.example.org:3128")
    return parts


def _proxy_headers(user: str | None, password: str | None) -> dict[str, str]:
    if user is None:
        return {}
    secret = base64.b64encode(f"{unquote(user)}:{unquote(password or '')}".encode()).decode()
    return {"Proxy-Authorization": f"Basic {secret}"}
