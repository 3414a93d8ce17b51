"""A server that answers by a script, one scene per request, faulty answers included."""

from __future__ import annotations

import datetime as dt
import ipaddress
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.utils import formatdate
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

HEAD_BYTES = 256 * 1024


@dataclass
class ReceivedRequest:
    """A request as it came: its head, and the connection (counted from 0) that it came on. ``body`` if it was read."""

    method: str
    target: str
    headers: dict[str, str]
    connection: int
    body: bytes = b""

    @property
    def scope(self) -> str:
        """Region and service that it was signed for."""
        return "/".join(self.headers["authorization"].split("Credential=")[1].split(",")[0].split("/")[2:4])


Scene = Callable[[socket.socket, ReceivedRequest], bool]
"""Plays one request; True to keep the connection."""


def answer(status: int, body: bytes = b"", /, **headers: str) -> Scene:
    """Read the whole request and answer it; header names with ``_`` for ``-``."""

    def scene(connection: socket.socket, request: ReceivedRequest) -> bool:
        _rest(connection, request)
        connection.sendall(reply(status, body, request.method, **headers))
        return "close" not in headers.get("connection", "")

    return scene


def error(status: int, code: str, message: str = "as scripted", more: str = "", /, **headers: str) -> Scene:
    """Answer with one of S3's errors."""
    text = f'<?xml version="1.0"?>\n<Error><Code>{code}</Code><Message>{message}</Message>{more}</Error>'
    return answer(status, text.encode(), **headers)


def early(status: int, code: str) -> Scene:
    """Answer before the body was read, and close the connection: what was sent meanwhile makes it a reset."""

    def scene(connection: socket.socket, request: ReceivedRequest) -> bool:
        connection.sendall(reply(status, f"<Error><Code>{code}</Code></Error>".encode(), request.method))
        return False

    return scene


def reset(connection: socket.socket, request: ReceivedRequest) -> bool:
    """Break off in the middle of the body."""
    connection.recv(1024)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return False


def hang_up(connection: socket.socket, request: ReceivedRequest) -> bool:
    """Read the request and close without a response."""
    _rest(connection, request)
    return False


def raw(content: bytes, keep: bool = False) -> Scene:
    """Read the whole request and send these bytes as they are."""

    def scene(connection: socket.socket, request: ReceivedRequest) -> bool:
        _rest(connection, request)
        with suppress(OSError):  # the client may have closed the connection
            connection.sendall(content)
        return keep

    return scene


def reply(status: int, body: bytes = b"", method: str = "GET", /, **headers: str) -> bytes:
    """An answer in the bytes of HTTP."""
    lines = {"date": formatdate(usegmt=True), "content-length": str(len(body)), **headers}
    head = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in lines.items())
    return f"HTTP/1.1 {status} Scripted\r\n{head}\r\n".encode() + (b"" if method == "HEAD" else body)


@dataclass
class ScriptedServer:
    """The server: ``scenes`` yet to be played and the ``requests`` so far. Without a scene it answers 418."""

    port: int
    scenes: list[Scene] = field(default_factory=list)
    requests: list[ReceivedRequest] = field(default_factory=list)
    certificate: Path | None = None
    open: set[socket.socket] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"{'https' if self.certificate else 'http'}://127.0.0.1:{self.port}"

    def play(self, connection: socket.socket, number: int) -> None:
        """Requests of one connection until a scene ends it."""
        keep = True
        while keep and (request := _head(connection, number)):
            self.requests.append(request)
            scene = self.scenes.pop(0) if self.scenes else answer(418)
            keep = scene(connection, request)


@contextmanager
def run_scripted_server(folder: Path | None = None) -> Iterator[ScriptedServer]:
    """A server on loopback; over TLS, with a certificate of its own in ``folder``, if one is given."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = ScriptedServer(listener.getsockname()[1], certificate=_certify(folder) if folder else None)
        context = None
        if server.certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(server.certificate)
        threads: list[threading.Thread] = []
        accepting = threading.Thread(target=_accept, args=(listener, server, context, threads))
        accepting.start()
        try:
            yield server
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            accepting.join(30)
            for connection in tuple(server.open):
                with suppress(OSError):  # it may have ended already
                    connection.shutdown(socket.SHUT_RDWR)
            for thread in threads:
                thread.join(30)


def _accept(
    listener: socket.socket, server: ScriptedServer, context: ssl.SSLContext | None, threads: list[threading.Thread]
) -> None:
    with suppress(OSError):
        while True:
            connection, _ = listener.accept()
            connection.settimeout(30)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else a close may overtake an answer
            threads.append(threading.Thread(target=_serve, args=(connection, server, context, len(threads))))
            threads[-1].start()


def _serve(connection: socket.socket, server: ScriptedServer, context: ssl.SSLContext | None, number: int) -> None:
    with suppress(OSError):
        if context:
            connection = context.wrap_socket(connection, server_side=True)
        server.open.add(connection)
        with connection:
            server.play(connection, number)
    server.open.discard(connection)


def _head(connection: socket.socket, number: int) -> ReceivedRequest | None:
    head = b""
    while not head.endswith(b"\r\n\r\n") and len(head) < HEAD_BYTES:
        if not (byte := connection.recv(1)):
            return None
        head += byte
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
    method, target, _ = first.split(" ")
    return ReceivedRequest(method, target, headers, number)


def _rest(connection: socket.socket, request: ReceivedRequest) -> None:
    left, blocks = int(request.headers.get("content-length", 0)), []
    while left and (block := connection.recv(min(left, 1 << 20))):
        blocks.append(block)
        left -= len(block)
    request.body = b"".join(blocks)


def _certify(folder: Path) -> Path:
    """A certificate for 127.0.0.1 with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    built = x509.CertificateBuilder(name, name, key.public_key(), 1, now - dt.timedelta(1), now + dt.timedelta(1))
    signed = built.add_extension(x509.SubjectAlternativeName([address]), critical=False).sign(key, hashes.SHA256())
    path = folder / "server.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + signed.public_bytes(serialization.Encoding.PEM)
    )
    return path
