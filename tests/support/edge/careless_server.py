"""An S3 server that verifies nothing, as `rclone serve s3` and s3rver do: it stores what arrives, damaged or not, and
returns the checksum that it was sent.

With ``verifies`` it refuses what does not match its CRC-64/NVME instead: of parts only, or of objects too.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from urllib.parse import parse_qs, unquote, urlsplit

from impp_edge.digest import crc64nvme, text

NOTHING, PARTS, EVERYTHING = "nothing", "parts", "everything"


@dataclass
class CarelessServer:
    """``damage``: how many of the next bodies, other than the probe's, are damaged in transit; ``md5``: whether ETags
    are MD5s; ``sent`` lists the requests as (method, key, part number or None)."""

    endpoint: str
    verifies: str = NOTHING
    md5: bool = True
    damage: int = 0
    objects: dict[str, bytes] = field(default_factory=dict)
    headers: dict[str, dict[str, str]] = field(default_factory=dict)
    uploads: dict[str, dict[int, bytes]] = field(default_factory=dict)
    sent: list[tuple[str, str, int | None]] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)

    def etag(self, body: bytes) -> str:
        return hashlib.md5(body if self.md5 else b"opaque" + body, usedforsecurity=False).hexdigest()

    def arriving(self, key: str, body: bytes) -> bytes:
        """The body as it arrives."""
        if body and self.damage and not key.endswith(".impp-probe"):
            self.damage -= 1
            return bytes([body[0] ^ 1]) + body[1:]
        return body


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    store: CarelessServer

    def log_message(self, *_: object) -> None:
        pass

    def handle_one(self) -> None:
        url = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(url.query, keep_blank_values=True).items()}
        key = unquote(url.path).lstrip("/").partition("/")[2]
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        with self.store.lock:
            number = int(query["partNumber"]) if "partNumber" in query else None
            self.store.sent.append((self.command, key, number))
            getattr(self, f"_{self.command.lower()}")(key, query, self.store.arriving(key, body))

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = handle_one

    def _get(self, key: str, query: dict[str, str], _body: bytes) -> None:
        if not key or "uploadId" in query:
            root = "ListPartsResult" if key else "ListMultipartUploadsResult"
            self._answer(200, f"<{root}></{root}>".encode())
        elif key not in self.store.objects:
            self._answer(404)
        else:
            content, wanted = self.store.objects[key], re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("range", ""))
            self._answer(206 if wanted else 200, content[int(wanted[1]) : int(wanted[2]) + 1] if wanted else content)

    def _head(self, key: str, _query: dict[str, str], _body: bytes) -> None:
        if key in self.store.objects:
            self._answer(200, self.store.objects[key], **self.store.headers[key])
        elif not key:
            self._answer(200)
        else:
            self._answer(404)

    def _put(self, key: str, query: dict[str, str], body: bytes) -> None:
        part = "partNumber" in query
        checked = self.store.verifies == EVERYTHING or (part and self.store.verifies == PARTS)
        if checked and self.headers["x-amz-checksum-crc64nvme"] != text(crc64nvme(body, 0)):
            self._answer(400, b"<Error><Code>BadDigest</Code></Error>")
        elif part:
            self.store.uploads[query["uploadId"]][int(query["partNumber"])] = body
            self._answer(200, etag=f'"{self.store.etag(body)}"')
        elif key in self.store.objects:
            self._answer(412, b"<Error><Code>PreconditionFailed</Code></Error>")
        else:
            self._keep(key, body, self.store.etag(body))
            self._answer(200, **self.store.headers[key])

    def _post(self, key: str, query: dict[str, str], _body: bytes) -> None:
        if "uploads" in query:
            upload = str(len(self.store.sent))
            self.store.uploads[upload] = {}
            self.store.headers[upload] = self._metadata()
            root = "InitiateMultipartUploadResult"
            self._answer(200, f"<{root}><UploadId>{upload}</UploadId></{root}>".encode())
            return
        parts = [body for _, body in sorted(self.store.uploads.pop(query["uploadId"]).items())]
        md5s = b"".join(hashlib.md5(body, usedforsecurity=False).digest() for body in parts)
        self._keep(key, b"".join(parts), f"{self.store.etag(md5s)}-{len(parts)}")
        self.store.headers[key] |= self.store.headers.pop(query["uploadId"])
        self._answer(200, b"<CompleteMultipartUploadResult></CompleteMultipartUploadResult>", **self.store.headers[key])

    def _delete(self, _key: str, query: dict[str, str], _body: bytes) -> None:
        self.store.uploads.pop(query["uploadId"], None)
        self._answer(204)

    def _keep(self, key: str, body: bytes, etag: str) -> None:
        echoed = {"x-amz-checksum-crc64nvme": self.headers.get("x-amz-checksum-crc64nvme", "")}
        self.store.objects[key] = body
        self.store.headers[key] = {"etag": f'"{etag}"', **echoed, **self._metadata()}

    def _metadata(self) -> dict[str, str]:
        return {name.lower(): value for name, value in self.headers.items() if name.lower().startswith("x-amz-meta-")}

    def _answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


@contextmanager
def run_careless_server(verifies: str = NOTHING) -> Iterator[CarelessServer]:
    """A server on loopback."""
    handler = type("Handler", (_Handler,), {})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        handler.store = CarelessServer(f"http://127.0.0.1:{server.server_port}", verifies)  # type: ignore[attr-defined]
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield handler.store  # type: ignore[attr-defined]
        finally:
            server.shutdown()
            thread.join()
