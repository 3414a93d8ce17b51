"""An S3 endpoint over TLS that discards and counts bytes; its responses suffice for every client measured here.

It shares the machine with what it measures, so it does as little as it can: one thread, one buffer for all bodies, no
hash of its own. Objects are remembered by their size and the checksums they came with, so that clients that look
afterwards (rclone, impp-edge) find them, and listings are correct. Bodies of GET, delimiters and errors beyond 404
are not its subject.

    python benchmarks/tls_sink.py FOLDER

writes ``cert.pem`` into FOLDER and prints its port. Then it reads one JSON object per line from standard input and
answers each with one: ``{"report": BUCKET}`` gives bytes, objects and the moment of the first byte of a body (seconds,
CLOCK_MONOTONIC); ``{"seed": BUCKET, "folder": PATH, "prefix": TEXT}`` adds every file below PATH as an object. It ends
with its standard input.
"""

from __future__ import annotations

import base64
import binascii
import bisect
import datetime as dt
import hashlib
import ipaddress
import json
import os
import selectors
import socket
import ssl
import sys
import time
from collections.abc import Generator
from dataclasses import dataclass, field
from email.utils import formatdate
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE
RECORD = 16 * 1024
"""Most bytes of a TLS record, so of one read: the buffer stays in the processor's cache."""
TURN = 64
"""Records read from one connection before the others get a turn."""
PAGE = 1000
PROBE = ".impp-probe"
"""Keys that impp-edge writes to with a wrong checksum before it trusts an endpoint that is not AWS's."""
HEAD_LIMIT = 64 * 1024

Steps = Generator[int, None, None]


@dataclass
class Stored:
    """Size, ETag and headers of an object."""

    size: int
    etag: str
    headers: dict[str, str]


@dataclass
class Bucket:
    """Traffic of a bucket: ``bytes`` of all bodies of objects and parts, the ``first`` of them at this moment."""

    objects: dict[str, Stored] = field(default_factory=dict)
    uploads: dict[str, dict[int, tuple[int, str]]] = field(default_factory=dict)  # part → size, ETag
    labels: dict[str, dict[str, str]] = field(default_factory=dict)
    keys: list[str] = field(default_factory=list)  # sorted; made when a listing needs it
    bytes: int = 0
    first: float | None = None
    requests: int = 0


@dataclass
class Request:
    """The head of a request."""

    method: str
    bucket: str
    key: str
    query: dict[str, list[str]]
    headers: dict[str, str]

    @property
    def is_content(self) -> bool:
        """Whether its body is file content."""
        written = self.method == "PUT" and bool(self.key) and not self.key.endswith(PROBE)
        return written and not (self.query.keys() & {"tagging", "acl"})


class Sink:
    """Buckets and the responses about them."""

    def __init__(self) -> None:
        self.buckets: dict[str, Bucket] = {}
        self._now = formatdate(usegmt=True)
        self._stamp = dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")

    def bucket(self, name: str) -> Bucket:
        """The bucket of this name; every name exists."""
        return self.buckets.setdefault(name, Bucket())

    def command(self, line: str) -> dict[str, Any]:
        """Execute a command from standard input."""
        command_fields = json.loads(line)
        if "seed" in command_fields:
            return self._seed(
                self.bucket(command_fields["seed"]), Path(command_fields["folder"]), command_fields["prefix"]
            )
        bucket = self.bucket(command_fields["report"])
        cpu = time.process_time()
        return {
            "bytes": bucket.bytes,
            "objects": len(bucket.objects),
            "requests": bucket.requests,
            "first": bucket.first,
            "cpu": cpu,
        }

    def _seed(self, bucket: Bucket, folder: Path, prefix: str) -> dict[str, Any]:
        for where, _, names in os.walk(folder):
            below = Path(where).relative_to(folder).as_posix()
            for name in names:
                key = f"{prefix}{'' if below == '.' else below + '/'}{name}"
                bucket.objects[key] = Stored((Path(where) / name).stat().st_size, '"seeded-1"', {})
        return {"objects": len(bucket.objects)}

    def answer(self, request: Request, size: int) -> bytes:
        """The whole response to a request whose body had ``size`` bytes."""
        bucket = self.bucket(request.bucket)
        bucket.requests += 1
        if not request.key:
            return self._about_bucket(bucket, request)
        upload = request.query.get("uploadId", [""])[0]
        if request.method == "PUT" and request.key.endswith(PROBE):  # as S3, which the endpoint stands in for
            return response(400, body="<Error><Code>BadDigest</Code></Error>")
        if request.method == "PUT":
            return self._part(bucket, request, upload, size) if upload else self._put(bucket, request, size)
        if request.method == "POST":
            return self._complete(bucket, request, upload) if upload else self._create(bucket, request)
        if request.method == "HEAD":
            return self._head(bucket, request)
        if request.method == "DELETE":
            bucket.uploads.pop(upload, None)
            return response(204)
        return response(200, body="<ListPartsResult><IsTruncated>false</IsTruncated></ListPartsResult>")

    def _put(self, bucket: Bucket, request: Request, size: int) -> bytes:
        kept = head_headers(request.headers)
        bucket.objects[request.key] = Stored(size, etag(request.headers), kept)
        return response(200, {"etag": bucket.objects[request.key].etag, **checksums(kept)})

    def _create(self, bucket: Bucket, request: Request) -> bytes:
        upload = f"upload-{len(bucket.uploads)}-{len(bucket.objects)}"
        bucket.uploads[upload] = {}
        bucket.labels[upload] = head_headers(request.headers)
        where = f"<Bucket>{request.bucket}</Bucket><Key>{escape(request.key)}</Key><UploadId>{upload}</UploadId>"
        return response(200, body=f"<InitiateMultipartUploadResult>{where}</InitiateMultipartUploadResult>")

    @staticmethod
    def _part(bucket: Bucket, request: Request, upload: str, size: int) -> bytes:
        tag = etag(request.headers)
        bucket.uploads[upload][int(request.query["partNumber"][0])] = (size, tag)
        return response(200, {"etag": tag, **checksums(request.headers)})

    @staticmethod
    def _complete(bucket: Bucket, request: Request, upload: str) -> bytes:
        parts = [part for _, part in sorted(bucket.uploads.pop(upload).items())]
        joined = hashlib.md5(b"".join(plain(tag) for _, tag in parts), usedforsecurity=False).hexdigest()
        crc = request.headers.get("x-amz-checksum-crc64nvme", "")
        kept = bucket.labels.pop(upload) | ({"x-amz-checksum-crc64nvme": crc} if crc else {})
        bucket.objects[request.key] = Stored(sum(size for size, _ in parts), f'"{joined}-{len(parts)}"', kept)
        named = f"<Bucket>{request.bucket}</Bucket><Key>{escape(request.key)}</Key>"
        proof = f"<ETag>{escape(bucket.objects[request.key].etag)}</ETag>"
        if crc:
            proof += f"<ChecksumCRC64NVME>{crc}</ChecksumCRC64NVME><ChecksumType>FULL_OBJECT</ChecksumType>"
        return response(200, body=f"<CompleteMultipartUploadResult>{named}{proof}</CompleteMultipartUploadResult>")

    def _head(self, bucket: Bucket, request: Request) -> bytes:
        if not (stored := bucket.objects.get(request.key)):
            return response(404)
        own = {"etag": stored.etag, "last-modified": self._now, **stored.headers}
        return response(200, own, length=stored.size)

    def _about_bucket(self, bucket: Bucket, request: Request) -> bytes:
        if request.method == "HEAD":
            return response(200, {"x-amz-bucket-region": "us-east-1"})
        if "location" in request.query:
            return response(200, body="<LocationConstraint/>")
        if "uploads" in request.query:
            none = "<ListMultipartUploadsResult><IsTruncated>false</IsTruncated></ListMultipartUploadsResult>"
            return response(200, body=none)
        if request.method != "GET":
            return response(200)
        return response(200, body=self._listing(bucket, request))

    def _listing(self, bucket: Bucket, request: Request) -> str:
        if len(bucket.keys) != len(bucket.objects):
            bucket.keys = sorted(bucket.objects)
        prefix = request.query.get("prefix", [""])[0]
        after = request.query.get("continuation-token", request.query.get("start-after", [""]))[0]
        start = bisect.bisect_right(bucket.keys, after) if after else bisect.bisect_left(bucket.keys, prefix)
        page = [key for key in bucket.keys[start : start + PAGE] if key.startswith(prefix)]
        more = start + PAGE < len(bucket.keys) and len(page) == PAGE
        rows = "".join(
            f"<Contents><Key>{escape(key)}</Key><LastModified>{self._stamp}</LastModified>"
            f"<ETag>{escape(bucket.objects[key].etag)}</ETag><Size>{bucket.objects[key].size}</Size>"
            f"<StorageClass>STANDARD</StorageClass></Contents>"
            for key in page
        )
        token = f"<NextContinuationToken>{escape(page[-1])}</NextContinuationToken>" if more else ""
        about = f"<Name>{request.bucket}</Name><Prefix>{escape(prefix)}</Prefix><KeyCount>{len(page)}</KeyCount>"
        cut = f"<MaxKeys>{PAGE}</MaxKeys><IsTruncated>{str(more).lower()}</IsTruncated>{token}"
        return f"<ListBucketResult>{about}{cut}{rows}</ListBucketResult>"


class Connection:
    """One client's connection, as steps that end where the socket has nothing more to read or no room to write."""

    def __init__(self, sink: Sink, client: ssl.SSLSocket, view: memoryview) -> None:
        self._sink = sink
        self._socket = client
        self._view = view
        self._rest = b""

    def steps(self) -> Steps:
        """Serve requests until the client closes."""
        yield from self._handshake()
        while head := (yield from self._head()):
            request = parse(head)
            if request.headers.get("expect", "").lower() == "100-continue":
                yield from self._send(b"HTTP/1.1 100 Continue\r\n\r\n")
            yield from self._send(self._sink.answer(request, (yield from self._body(request))))

    def _handshake(self) -> Steps:
        while True:
            try:
                return self._socket.do_handshake()
            except ssl.SSLWantReadError:
                yield READ
            except ssl.SSLWantWriteError:
                yield WRITE

    def _head(self) -> Generator[int, None, bytes]:
        head = self._rest
        while (end := head.find(b"\r\n\r\n")) < 0 and len(head) < HEAD_LIMIT:
            more = yield from self._some()
            if not more:
                return b""
            head += more
        self._rest = head[end + 4 :]
        return head[:end]

    def _body(self, request: Request) -> Generator[int, None, int]:
        """Take the body; the bytes of content in it, which aws-chunked frames once more for a checksum at the end."""
        decoded = request.headers.get("x-amz-decoded-content-length")
        if "chunked" in request.headers.get("transfer-encoding", ""):
            size = yield from self._chunked(request)
        else:
            size = int(request.headers.get("content-length", 0))
            yield from self._take(size, request)
        return int(decoded) if decoded else size

    def _take(self, size: int, request: Request) -> Steps:
        taken, self._rest = self._rest[:size], self._rest[size:]
        self._count(request, len(taken))
        yield from self._skip(size - len(taken), request)

    def _chunked(self, request: Request) -> Generator[int, None, int]:
        total = 0
        while size := int((yield from self._line()).split(b";")[0], 16):
            total += size
            yield from self._take(size, request)
            yield from self._line()
        while (yield from self._line()):
            pass
        return total

    def _line(self) -> Generator[int, None, bytes]:
        while (end := self._rest.find(b"\r\n")) < 0:
            more = yield from self._some()
            if not more:
                raise ConnectionError("closed within a body")
            self._rest += more
        line, self._rest = self._rest[:end], self._rest[end + 2 :]
        return line

    def _skip(self, left: int, request: Request) -> Steps:
        """The one loop that matters: what it costs is taken from the client's share of the machine."""
        receive, view, turn = self._socket.recv_into, self._view, TURN
        if left:
            first = len((yield from self._some(left)))
            self._count(request, left)  # with the first of them here, the moment is right
            left -= first
        while left:
            try:
                count = receive(view if left >= RECORD else view[:left])
            except ssl.SSLWantReadError:
                turn = TURN
                yield READ
                continue
            if not count:
                raise ConnectionError("closed within a body")
            left -= count
            turn -= 1
            if left and not turn:
                turn = TURN
                yield READ

    def _some(self, most: int = RECORD) -> Generator[int, None, bytes]:
        while True:
            try:
                return bytes(self._view[: self._socket.recv_into(self._view[:most])])
            except ssl.SSLWantReadError:
                yield READ

    def _send(self, answer: bytes) -> Steps:
        rest = memoryview(answer)
        while rest:
            try:
                rest = rest[self._socket.send(rest) :]
            except ssl.SSLWantWriteError:
                yield WRITE

    def _count(self, request: Request, size: int) -> None:
        if size and request.is_content:
            bucket = self._sink.bucket(request.bucket)
            bucket.bytes += size
            bucket.first = bucket.first or time.monotonic()


def parse(head: bytes) -> Request:
    """The head of a request; ``/bucket/key``, the path style that clients use for IP addresses."""
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ", 2)
    url = urlsplit(target)
    bucket, _, key = unquote(url.path).lstrip("/").partition("/")
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return Request(method, bucket, key, parse_qs(url.query, keep_blank_values=True), headers)


def response(status: int, headers: dict[str, str] | None = None, body: str = "", length: int | None = None) -> bytes:
    """A response; ``length`` is the body length for a HEAD."""
    content = f'<?xml version="1.0" encoding="UTF-8"?>\n{body}'.encode() if body else b""
    lines = [f"HTTP/1.1 {status} -", f"content-length: {len(content) if length is None else length}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    if body:
        lines.append("content-type: application/xml")
    return "\r\n".join([*lines, "", ""]).encode() + content


def head_headers(headers: dict[str, str]) -> dict[str, str]:
    """The headers of a PUT that a later HEAD returns."""
    return {name: value for name, value in headers.items() if name.startswith(("x-amz-meta-", "x-amz-checksum-"))}


def checksums(headers: dict[str, str]) -> dict[str, str]:
    """The checksum headers, which S3 returns once verified."""
    return {name: value for name, value in headers.items() if name.startswith("x-amz-checksum-")}


def etag(headers: dict[str, str]) -> str:
    """The MD5 if the client sent it, since some compare it; otherwise a value that no client takes for an MD5."""
    md5 = headers.get("content-md5")
    return f'"{base64.b64decode(md5).hex()}"' if md5 else '"counted-1"'


def plain(tag: str) -> bytes:
    """The MD5 in the ETag of a part, for the ETag of the object."""
    try:
        return bytes.fromhex(tag.strip('"'))
    except (ValueError, binascii.Error):
        return b""


def certificate(folder: Path) -> ssl.SSLContext:
    """A TLS context with a new certificate for 127.0.0.1, also written to ``cert.pem``."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "benchmark sink")])
    now = dt.datetime.now(dt.UTC)
    cert = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "cert.pem").write_bytes(cert.public_bytes(pem))
    (folder / "key.pem").write_bytes(private)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return context


def serve(folder: Path) -> None:
    """Listen, print the port, and count until standard input ends."""
    context = certificate(folder)
    sink, view = Sink(), memoryview(bytearray(RECORD))
    selector = selectors.DefaultSelector()
    listener = socket.create_server(("127.0.0.1", 0), backlog=512)
    listener.setblocking(False)
    selector.register(listener, READ)
    selector.register(sys.stdin, READ)
    print(json.dumps({"port": listener.getsockname()[1]}), flush=True)
    while True:
        for ready, _ in selector.select():
            if ready.fileobj is listener:
                client, _ = listener.accept()
                client.setblocking(False)
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                secure = context.wrap_socket(client, server_side=True, do_handshake_on_connect=False)
                selector.register(secure, READ, Connection(sink, secure, view).steps())
            elif ready.data is None:
                if not (line := sys.stdin.readline()):
                    return
                print(json.dumps(sink.command(line)), flush=True)
            else:
                step(selector, ready)


def step(selector: selectors.BaseSelector, ready: selectors.SelectorKey) -> None:
    """Continue a connection until it has to wait or ends."""
    try:
        wanted = next(ready.data)
    except (StopIteration, OSError):  # closed, or broken off
        selector.unregister(ready.fileobj)
        ready.fileobj.close()  # type: ignore[union-attr]  # always a socket
        return
    if wanted != ready.events:
        selector.modify(ready.fileobj, wanted, ready.data)


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
