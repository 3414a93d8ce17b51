"""A proxy to an S3 server that injects planned faults and records what the server acknowledged.

The proxy forwards every request as it is (the signature covers the Host header, which stays). A :class:`Fault` occurs
at one of three moments of a request: ``head`` (nothing was forwarded), ``body`` (after some bytes of it), ``answer``
(the server has answered, the client has not heard it).
"""

from __future__ import annotations

import contextlib
import http.client
import io
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email.message import Message
from typing import Literal
from urllib.parse import parse_qs, unquote, urlsplit

from impp_edge.bucket.checksums import PROBE

Reader = io.BufferedReader
Upstream = http.client.HTTPConnection

CHUNK = 64 * 1024
_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length", "expect"})
_ABRUPT = struct.pack("ii", 1, 0)
"""SO_LINGER that makes close() send a reset."""


@dataclass(frozen=True)
class Request:
    """A request: its ``action`` in S3's terms, ``part`` and ``upload`` if it belongs to a multipart upload."""

    number: int
    method: str
    action: str
    key: str
    part: int | None
    upload: str | None
    size: int


@dataclass
class Exchange:
    """A request and its result: ``status`` is the server's response (None: no complete request), ``heard`` whether
    a response was forwarded."""

    request: Request
    status: int | None = None
    heard: bool = False

    @property
    def acknowledged(self) -> bool:
        """Whether the request succeeded, even if its response was lost."""
        return self.status is not None and self.status < 300


@dataclass(frozen=True)
class Fault:
    """``do`` is called at the moment ``at`` (``after`` bytes of the body); then, with a ``status``, the proxy answers
    in the server's place; with ``reset`` the client's connection is reset; with neither the request goes on."""

    at: Literal["head", "body", "answer"] = "head"
    after: int = 0
    do: Callable[[], object] = lambda: None
    status: int | None = None
    code: str = "InternalError"
    reset: bool = False


def slow_down() -> Fault:
    """S3's response to too many requests."""
    return Fault(status=503, code="SlowDown")


def reset_after(count: int) -> Fault:
    """The connection breaks within a body."""
    return Fault("body", after=count, reset=True)


def lost_response() -> Fault:
    """The server accepts the request, but its response is lost."""
    return Fault("answer", reset=True)


@dataclass
class Plan:
    """A fault for the next ``times`` requests for which ``when`` is true; ``met`` is set at the last one."""

    fault: Fault
    times: int = 1
    when: Callable[[Request], bool] = lambda _request: True
    met: threading.Event = field(default_factory=threading.Event)


class _Reset(Exception):
    """The client's connection is to be reset."""


class Proxy:
    """Listens on a loopback port of its own; clients connect to ``endpoint``."""

    def __init__(self, upstream_port: int) -> None:
        self.record: list[Exchange] = []
        self._upstream = upstream_port
        self._plans: list[Plan] = []
        self._lock = threading.Condition()
        self._busy = 0
        self._count = 0
        self._clients: set[socket.socket] = set()
        self._holder = (
            socket.socket()
        )  # bound but not listening: reserves the port and refuses connections while the listener is away
        self._holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self._holder.bind(("127.0.0.1", 0))
        self.port = int(self._holder.getsockname()[1])
        self._listener = self._listen()
        self.endpoint = f"http://127.0.0.1:{self.port}"

    def plan(self, fault: Fault, times: int = 1, when: Callable[[Request], bool] = lambda _request: True) -> Plan:
        """Plan a fault for the next requests. Plans apply in the order of their creation."""
        plan = Plan(fault, times, when)
        with self._lock:
            self._plans.append(plan)
        return plan

    def clear(self) -> None:
        """Forget all plans."""
        with self._lock:
            self._plans.clear()

    def go_away(self) -> None:
        """Refuse new connections and reset open ones, like a host without a network."""
        with self._lock:
            self._shut(self._listener)
            for client in self._clients:
                self._shut(client)

    def come_back(self) -> None:
        """Listen again, on the same port."""
        self._listener = self._listen()

    def drain(self, timeout_s: float = 30) -> None:
        """Wait until no request is in progress: all requests of a killed client are then on record."""
        with self._lock:
            assert self._lock.wait_for(lambda: not self._busy, timeout_s), "a request never ended"

    def hung_up(self, timeout_s: float = 30) -> None:
        """Wait until every connection has ended, as those of a killed process do: no request is in transit any more."""
        with self._lock:
            assert self._lock.wait_for(lambda: not self._clients, timeout_s), "a connection never ended"

    def acknowledged(self, *actions: str) -> list[Request]:
        """The successful requests of these actions, in the order of their responses."""
        return [e.request for e in list(self.record) if e.acknowledged and e.request.action in actions]

    def close(self) -> None:
        """Stop listening, and end every connection."""
        self.go_away()
        self._holder.close()

    # --- connections --------------------------------------------------------------------------------------------------

    def _listen(self) -> socket.socket:
        listener = socket.create_server(("127.0.0.1", self.port), backlog=128, reuse_port=True)
        threading.Thread(target=self._accept, args=(listener,), daemon=True, name="proxy").start()
        return listener

    def _accept(self, listener: socket.socket) -> None:
        with listener:
            while True:
                try:
                    client, _ = listener.accept()
                except OSError:  # shut down
                    return
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=self._serve, args=(client,), daemon=True, name="proxied").start()

    def _serve(self, client: socket.socket) -> None:
        with self._lock:
            self._clients.add(client)
        upstream = http.client.HTTPConnection("127.0.0.1", self._upstream, timeout=60)
        try:
            with client.makefile("rb", buffering=CHUNK) as reader:
                while line := reader.readline(CHUNK):
                    self._exchange(client, reader, upstream, line.decode("latin-1"))
        except (OSError, http.client.HTTPException):
            pass  # either end is gone: the record shows the result of the request
        except _Reset:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABRUPT)
        finally:
            upstream.close()
            client.close()
            with self._lock:
                self._clients.discard(client)
                self._lock.notify_all()

    @staticmethod
    def _shut(open_socket: socket.socket) -> None:
        with contextlib.suppress(OSError):
            open_socket.shutdown(socket.SHUT_RDWR)

    # --- one request --------------------------------------------------------------------------------------------------

    def _exchange(self, client: socket.socket, reader: Reader, upstream: Upstream, line: str) -> None:
        method, target, _ = line.split(" ", 2)
        headers = http.client.parse_headers(reader)
        with self._lock:
            self._busy += 1
            self._count += 1
            request = _parse_request(self._count, method, target, int(headers.get("Content-Length") or 0))
        exchange = Exchange(request)
        try:
            try:
                answer = self._answer(client, reader, upstream, target, headers, exchange)
            finally:
                self.record.append(exchange)  # before the response is sent: the client may check at once
            client.sendall(answer)
            exchange.heard = True
        finally:
            with self._lock:
                self._busy -= 1
                self._lock.notify_all()

    def _answer(
        self,
        client: socket.socket,
        reader: Reader,
        upstream: Upstream,
        target: str,
        headers: Message,
        exchange: Exchange,
    ) -> bytes:
        """The response for the client: the server's, or that of a fault."""
        request = exchange.request
        fault = self._fault(request)
        self._meet(fault, "head")
        if "100-continue" in headers.get("Expect", "").lower():
            client.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        if fault and fault.status:
            _read(reader, request.size, lambda _piece: None)
            return _fault_response(fault, request.method)
        upstream.putrequest(request.method, target, skip_host=True, skip_accept_encoding=True)
        for name, value in headers.items():
            if name.lower() not in _HOP:
                upstream.putheader(name, value)
        if request.size or request.method in ("PUT", "POST"):
            upstream.putheader("Content-Length", str(request.size))
        upstream.endheaders()
        before = min(fault.after, request.size) if fault and fault.at == "body" else 0
        _read(reader, before, upstream.send)
        self._meet(fault, "body")
        _read(reader, request.size - before, upstream.send)
        answer = upstream.getresponse()
        content = answer.read()
        exchange.status = answer.status
        self._meet(fault, "answer")
        return _forwarded_response(answer, content, request.method)

    @staticmethod
    def _meet(fault: Fault | None, moment: str) -> None:
        if fault and fault.at == moment:
            fault.do()
            if fault.reset:
                raise _Reset

    def _fault(self, request: Request) -> Fault | None:
        with self._lock:
            for plan in self._plans:
                if plan.when(request):
                    plan.times -= 1
                    if plan.times == 0:
                        self._plans.remove(plan)
                        plan.met.set()
                    return plan.fault
        return None


@contextlib.contextmanager
def proxied(upstream_port: int) -> Iterator[Proxy]:
    """A proxy for a local server."""
    proxy = Proxy(upstream_port)
    try:
        yield proxy
    finally:
        proxy.close()


def _read(reader: Reader, size: int, take: Callable[[bytes], object]) -> None:
    while size:
        piece = reader.read1(min(size, CHUNK))
        if not piece:
            raise ConnectionAbortedError("the client went away within a body")
        take(piece)
        size -= len(piece)


def _parse_request(number: int, method: str, target: str, size: int) -> Request:
    url = urlsplit(target)
    query = parse_qs(url.query, keep_blank_values=True)
    key = unquote(url.path).lstrip("/").partition("/")[2]
    part = int(query["partNumber"][0]) if "partNumber" in query else None
    upload = query["uploadId"][0] if "uploadId" in query else None
    return Request(number, method, _action(method, query, key, upload), key, part, upload, size)


def _action(method: str, query: dict[str, list[str]], key: str, upload: str | None) -> str:
    if not key:
        return "uploads" if "uploads" in query else f"{method.lower()} bucket"
    if key.endswith(PROBE):
        return "probe"
    if upload:
        return {"PUT": "part", "POST": "complete", "DELETE": "abort", "GET": "parts"}.get(method, method)
    if method == "POST" and "uploads" in query:
        return "create"
    return f"{method.lower()} tagging" if "tagging" in query else method.lower()


def _fault_response(fault: Fault, method: str) -> bytes:
    body = (
        b"" if method == "HEAD" else f"<Error><Code>{fault.code}</Code><Message>as planned</Message></Error>".encode()
    )
    lines = [f"HTTP/1.1 {fault.status} {fault.code}", "Content-Type: application/xml", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body


def _forwarded_response(answer: http.client.HTTPResponse, content: bytes, method: str) -> bytes:
    lines = [f"HTTP/1.1 {answer.status} {answer.reason}"]
    lines += [f"{name}: {value}" for name, value in answer.getheaders() if name.lower() not in _HOP]
    length = answer.getheader("Content-Length", "0") if method == "HEAD" else str(len(content))
    return "\r\n".join([*lines, f"Content-Length: {length}", "", ""]).encode("latin-1") + content
