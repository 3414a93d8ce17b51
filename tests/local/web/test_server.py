"""The HTTP server, spoken to over a plain socket."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from impp_local.kernel.defaults import HOST
from impp_local.web.server import Server


def echo(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    body = environ["wsgi.input"].read()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]


@pytest.fixture
def connection() -> Iterator[socket.socket]:
    server = Server((HOST, 0), echo)
    threading.Thread(target=server.serve, daemon=True).start()
    with socket.create_connection((HOST, server.port), timeout=60) as client:
        yield client
    server.stop()


def test_a_client_that_expects_100_continue_is_invited_before_it_sends_its_body(connection: socket.socket) -> None:
    connection.sendall(b"PUT /bucket/key HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n")
    assert connection.recv(1024).startswith(b"HTTP/1.1 100 Continue\r\n")
    connection.sendall(b"body")
    response = connection.recv(1024)
    assert response.startswith(b"HTTP/1.1 200 OK\r\n")
    assert response.endswith(b"body")


@pytest.mark.parametrize("length", ["-5", "+4", "4_0", "x"])
def test_a_length_that_is_none_ends_the_connection(connection: socket.socket, length: str) -> None:
    connection.settimeout(20)
    connection.sendall(f"PUT /a HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\nbody".encode())
    received = b""
    while piece := connection.recv(1024):
        received += piece
    assert received.startswith(b"HTTP/1.1 200 OK\r\n") and b"Connection: close" in received
