"""Requests over HTTP/1.1, one kept connection for each thread, as little work a byte as can be.

Bodies go into the connection in small blocks: from memory, or from the page cache through one buffer. Answers are
bounded in size and time, and understood even where the server answers before it has read all.
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
"""Longest silence of a server, be it that it says nothing or that it takes nothing."""
ANSWER_S = 900.0
"""Longest that an answer may take from its first byte to its last."""
EARLY_S = 2.0
"""How long to wait for the answer of a server that closed the connection before it had all."""
IDLE_S = 15.0
"""After so long a connection is created again: S3 closes idle ones at about this time."""
STOP_S = 10.0
"""How long a body may go on after we were asked to stop: then it is given up half sent."""
ANSWER_BYTES = 8 * 1024 * 1024
"""Most bytes of an answer: a page of 1,000 keys of 1,024 characters, percent-encoded, has less."""

TRANSPORT = (OSError, http.client.HTTPException)
"""What a bad network or a server that breaks off raises."""


class Dropped(ConnectionResetError):
    """The server had closed a connection that we kept: nothing is wrong, try again at once."""


class Body(Protocol):
    """What is sent: ``size`` bytes, in blocks that are valid until the next one is asked for; again for each try."""

    @property
    def size(self) -> int:
        """Bytes in all."""

    def blocks(self, most: int) -> Iterator[memoryview]:
        """The bytes from the first on, at most ``most`` at a time."""


@dataclass(frozen=True)
class Content:
    """A body that is in memory already."""

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
    """What a server said, read to its end."""

    status: int
    reason: str
    headers: http.client.HTTPMessage
    body: bytes


class Wire:
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
        """Close the connections of all threads, which must be at rest; they are created again when needed."""
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
        """Send one request and read the answer.

        Raises one of :data:`TRANSPORT` (:class:`Dropped` where a kept connection proved dead), Stopped while the body
        waits, and what the body raises.
        """
        line, used = self._line(place)
        try:
            return self._once(line, method, self._seen_from(place, target), headers, body, silence_s)
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
            early = error  # it may have answered, and closed, before it had all
            if line.sock is None:
                raise
            line.sock.settimeout(EARLY_S)
        try:
            answer = _read(line.getresponse())
        except TRANSPORT as error:
            raise (early or error) from None
        if early and answer.status < 300:
            raise early
        if early:
            line.close()
        self._kept.since = time.monotonic()
        return answer

    def _send(self, sock: socket.socket, body: Body) -> None:
        asked_at: float | None = None
        for block in body.blocks(self._pace.block):
            self._pace.take(len(block))
            sock.sendall(block)
            if self._stop.is_set():
                asked_at = asked_at or time.monotonic()
                if time.monotonic() - asked_at > STOP_S:
                    raise Stopped("asked to stop")

    # --- connections --------------------------------------------------------------------------------------------------

    def _line(self, place: Endpoint) -> tuple[http.client.HTTPConnection, bool]:
        """This thread's connection, open; and whether it was used before."""
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
            line.close()  # else a connection without TLS stays where the handshake failed
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
    def _seen_from(place: Endpoint, target: str) -> str:
        """The request's target: a proxy for plain HTTP wants the whole URL."""
        return f"http://{place.netloc}{target}" if place.scheme == "http" and _proxy(place) else target


def _read(response: http.client.HTTPResponse) -> Answer:
    """An answer to its end. Raises :data:`TRANSPORT` where it breaks off, is too long or takes too long."""
    begun, body = time.monotonic(), bytearray()
    while block := response.read1(65536):
        body += block
        if len(body) > ANSWER_BYTES or time.monotonic() - begun > ANSWER_S:
            raise http.client.HTTPException("the answer has no end")
    if response.length:
        raise http.client.IncompleteRead(bytes(body[:100]), response.length)
    response.close()  # one without a body is not at its end by itself, and keeps the connection from being used again
    return Answer(response.status, response.reason, response.headers, bytes(body))


def _readable(sock: socket.socket) -> bool:
    """Whether an idle connection has something to say: then the server has closed it."""
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(0))


def _authorities() -> str | None:
    """None where the system has its own list of certificate authorities, else the one that botocore brings."""
    paths = ssl.get_default_verify_paths()
    if paths.cafile or (paths.capath and any(Path(paths.capath).iterdir())):
        return None
    botocore = importlib.util.find_spec("botocore")
    places = botocore.submodule_search_locations if botocore else None
    return str(Path(places[0]) / "cacert.pem") if places else None


def _proxy(place: Endpoint) -> SplitResult | None:
    """The proxy that the environment names for a place: HTTPS_PROXY, HTTP_PROXY, ALL_PROXY but for NO_PROXY."""
    if not any(name.lower().endswith("_proxy") for name in os.environ):
        return None  # and urllib.request need not be imported
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
