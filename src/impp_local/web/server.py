"""A WSGI server for HTTP/1.1 with one thread per connection, on the standard library.

Simple on purpose. One thread per connection lets any number of calls wait for each other (a state machine's Lambda
task holds one while its function makes calls of its own), and no connection changes hands between threads.
"""

from __future__ import annotations

import io
import socket
import socketserver
import sys
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from typing import Any, ClassVar, Final
from urllib.parse import unquote_to_bytes

from impp_local.kernel.chunks import size_of

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

IDLE_SECONDS: Final = 300
"""How long a connection may stay silent: longer than SDKs keep an unused one, so that they close it first."""

_NO_BREAKS: Final = dict.fromkeys(map(ord, "\r\n\0"), " ")

DRAIN: Final = 1 << 20
"""How much of an unread body is discarded to keep a connection."""


class Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    """Serves `application` on `address`; the constructor binds, and raises OSError when the port is in use."""

    allow_reuse_address = True
    block_on_close = False
    daemon_threads = True
    request_queue_size = 1024

    def __init__(self, address: tuple[str, int], application: Application) -> None:
        self.application = application
        self._open: set[socket.socket] = set()
        self._guard = threading.Lock()
        super().__init__(address, _Handler)

    @property
    def port(self) -> int:
        """The port it is bound to."""
        return int(self.server_address[1])

    def serve(self) -> None:
        """Accept connections until `stop` is called."""
        self.serve_forever(poll_interval=0.05)

    def stop(self) -> None:
        """Stop accepting, and close the open connections."""
        self.shutdown()
        self.server_close()
        with self._guard:
            remaining = list(self._open)
        for connection in remaining:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Remember the connection, and start its thread."""
        with self._guard:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Forget the connection."""
        with self._guard:
            self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that disconnects is not an error; everything else is printed."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = IDLE_SECONDS
    wbufsize = -1
    disable_nagle_algorithm = True
    server_version = "impp-local"
    server: Server
    rfile: io.BufferedReader
    _known: ClassVar[dict[int, str]] = {code: text for code, (text, _) in BaseHTTPRequestHandler.responses.items()}

    def handle_one_request(self) -> None:
        """Read one request, answer it, and leave the connection ready for the next."""
        try:
            self.raw_requestline = self.rfile.readline(65537)
        except (TimeoutError, ConnectionError):
            self.raw_requestline = b""
        if not self.raw_requestline or len(self.raw_requestline) > 65536:
            self.close_connection = True
            return
        if not self.parse_request():
            return
        body = self._body()
        self._answer(body)
        if body.read(DRAIN + 1) and body.read(1):
            self.close_connection = True
        self.wfile.flush()

    def _answer(self, body: _Body) -> None:
        started: list[Any] = []

        def start_response(status: str, headers: list[tuple[str, str]], _exc: Any = None) -> None:
            started[:] = [status, headers]

        chunks = self.server.application(self._environ(body), start_response)
        try:
            status, headers = started
            lengths = [value for name, value in headers if name.lower() == "content-length"]
            bare = self.command == "HEAD" or status[:3] in ("204", "304")
            chunked = not lengths and not bare
            self._head(status, headers, chunked)
            for chunk in chunks:
                if chunk and not bare:
                    self.wfile.write(b"%x\r\n%b\r\n" % (len(chunk), chunk) if chunked else chunk)
            if chunked:
                self.wfile.write(b"0\r\n\r\n")
        except BaseException:
            self.close_connection = True
            raise
        finally:
            close = getattr(chunks, "close", None)
            if close:
                close()

    def _head(self, status: str, headers: list[tuple[str, str]], chunked: bool) -> None:
        named = {name.lower() for name, _ in headers}
        lines = [f"{self.protocol_version} {status}", *(f"{name}: {value}" for name, value in headers)]
        if "date" not in named:
            lines.append(f"Date: {self.date_time_string()}")
        if "server" not in named:
            lines.append(f"Server: {self.server_version}")
        if chunked:
            lines.append("Transfer-Encoding: chunked")
        if self.close_connection:
            lines.append("Connection: close")
        # A value may come from a request (`response-content-type`, a form's metadata). RFC 9110, 5.5: a space replaces
        # CR, LF and NUL, or the value would go on as headers and body of its own.
        lines = [line.translate(_NO_BREAKS) for line in lines]
        self.wfile.write("\r\n".join([*lines, "", ""]).encode("latin-1", "replace"))

    def _body(self) -> _Body:
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            return _ChunkedBody(self.rfile)
        length = self.headers.get("Content-Length") or "0"
        if not (length.isascii() and length.isdigit()):  # RFC 9110, 8.6; int() reads signs and underscores too
            length, self.close_connection = "0", True
        return _Body(self.rfile, int(length))

    def _environ(self, body: _Body) -> dict[str, Any]:
        target = self.path
        if not target.startswith("/"):  # an absolute URI, as clients send to a proxy
            target = "/" + target.partition("://")[2].partition("/")[2]
        path, _, query = target.partition("?")
        environ: dict[str, Any] = {
            "REQUEST_METHOD": self.command,
            "REQUEST_URI": target,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
            "QUERY_STRING": query,
            "REMOTE_ADDR": self.client_address[0],
            "REMOTE_PORT": str(self.client_address[1]),
            "SERVER_NAME": str(self.server.server_address[0]),
            "SERVER_PORT": str(self.server.port),
            "SERVER_PROTOCOL": self.request_version,
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": body,
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }
        for name, value in self.headers.items():
            key = name.upper().replace("-", "_")
            key = key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"
            environ[key] = f"{environ[key]},{value}" if key in environ else value
        return environ

    def handle_expect_100(self) -> bool:
        """Invite the body at once: botocore waits a second for the answer to `Expect: 100-continue`."""
        invited = super().handle_expect_100()
        self.wfile.flush()
        return invited

    def log_message(self, format: str, *args: Any) -> None:
        """Requests are not logged."""


class _Body:
    """The request's body, up to its length."""

    def __init__(self, stream: io.BufferedReader, length: int) -> None:
        self._stream = stream
        self._left = length

    def read(self, size: int = -1) -> bytes:
        """At most `size` bytes (all that is left by default)."""
        length = self._left if size is None or size < 0 else min(size, self._left)
        data = self._stream.read(length) if length else b""
        self._left = self._left - len(data) if len(data) == length else 0
        return data


class _ChunkedBody(_Body):
    """A body in HTTP's chunks; its trailing headers are read and dropped."""

    def __init__(self, stream: io.BufferedReader) -> None:
        super().__init__(stream, 0)
        self._ended = False

    def read(self, size: int = -1) -> bytes:
        """At most `size` bytes (all that is left by default)."""
        pieces: list[bytes] = []
        total = 0
        while size is None or size < 0 or total < size:
            if not self._left and not self._next_chunk():
                break
            limit = self._left if size is None or size < 0 else min(self._left, size - total)
            piece = self._stream.read(limit)
            if not piece:
                self._ended = True
                break
            pieces.append(piece)
            total += len(piece)
            self._left -= len(piece)
            if not self._left:
                self._stream.readline()
        return b"".join(pieces)

    def _next_chunk(self) -> bool:
        if self._ended:
            return False
        self._left = size_of(self._stream.readline(1024).split(b";")[0]) or 0
        if not self._left:
            self._ended = True
            while self._stream.readline(65536).strip():
                pass
        return bool(self._left)
