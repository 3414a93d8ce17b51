"""What servers, proxies and bad networks do to requests, and how the client reacts."""

from __future__ import annotations

import io
import json
import os
import socket
import sys
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator, Mapping
from email.utils import formatdate
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config as BotoConfig
from botocore.credentials import Credentials
from tests.support.edge.scripted_server import (
    ReceivedRequest,
    ScriptedServer,
    answer,
    early,
    error,
    hang_up,
    raw,
    reply,
    reset,
    run_scripted_server,
)

from impp_edge.bucket import aws
from impp_edge.bucket.bandwidth import Bandwidth
from impp_edge.bucket.s3 import ATTEMPTS, RETRY_AFTER_S, S3, Labels, Offline, Part, Refused, S3Error, Stopped
from impp_edge.bucket.transport import ANSWER_BYTES, Content
from impp_edge.digest import digest

KEY = "originals/dashcam/a b+ü/2026/01/01/x~1.mp4"
LABELS = Labels({"impp:source": "dashcam", "a b": "c&d=é"}, {"impp-sha256": "0" * 64}, "video/mp4")
BODY = Content(bytes(8 << 20))
"""More than the buffers of a connection hold."""
CRC = "AAAAAAAAAAA="
CREATED = b"<InitiateMultipartUploadResult><UploadId>up</UploadId></InitiateMultipartUploadResult>"
COMPLETED = (
    f"<CompleteMultipartUploadResult><ETag>&quot;e-1&quot;</ETag><ChecksumCRC64NVME>{CRC}</ChecksumCRC64NVME>"
    "<ChecksumType>FULL_OBJECT</ChecksumType></CompleteMultipartUploadResult>"
).encode()


class Waits(threading.Event):
    """An event whose waits return at once; records their lengths."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.waits.append(timeout or 0.0)
        return self.is_set()


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Keys, and nothing of the real user's settings; the folder where the test may put some."""
    for name in [name for name in os.environ if name.startswith("AWS_") or name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    folder = tmp_path / "aws"
    folder.mkdir()
    for name, value in {
        "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
        "AWS_CONFIG_FILE": str(folder / "config"), "AWS_SHARED_CREDENTIALS_FILE": str(folder / "credentials"),
        "AWS_EC2_METADATA_DISABLED": "true",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    return folder


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with run_scripted_server() as server:
        yield server


@pytest.fixture(params=["http", "https"])
def any_server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ScriptedServer]:
    with run_scripted_server(tmp_path if request.param == "https" else None) as server:
        yield server


@pytest.fixture
def stop() -> Waits:
    return Waits()


@pytest.fixture
def clients() -> Iterator[list[S3]]:
    opened: list[S3] = []
    yield opened
    for s3 in opened:
        s3.close()


@pytest.fixture
def client(stop: Waits, clients: list[S3]) -> Callable[..., S3]:
    def make(server: ScriptedServer, **more: Any) -> S3:
        more = {"endpoint_url": server.url, "ca_bundle": server.certificate, "stop": stop} | more
        clients.append(S3("bucket", **more))
        return clients[-1]

    return make


# --- requests --------------------------------------------------------------------------------------------------------


def test_put_sends_checksum_metadata_tags_and_if_none_match(server: ScriptedServer, client: Callable[..., S3]) -> None:
    server.scenes = [answer(200, etag='"e"', x_amz_version_id="v", x_amz_checksum_crc64nvme=CRC)]
    stored = client(server).put(KEY, Content(b"hello"), CRC, LABELS)
    assert (stored.version, stored.etag, stored.crc64nvme) == ("v", "e", CRC)
    request = server.requests[0]
    assert (request.method, request.body) == ("PUT", b"hello")
    assert request.target == "/bucket/originals/dashcam/a%20b%2B%C3%BC/2026/01/01/x~1.mp4"
    expected = {
        "content-length": "5", "content-type": "video/mp4", "if-none-match": "*", "x-amz-checksum-crc64nvme": CRC,
        "x-amz-meta-impp-sha256": "0" * 64, "host": f"127.0.0.1:{server.port}",
    }  # fmt: skip
    assert expected.items() <= request.headers.items()
    assert parse_qs(request.headers["x-amz-tagging"]) == {"impp:source": ["dashcam"], "a b": ["c&d=é"]}
    assert request.scope == "us-east-1/s3"


def test_payload_is_unsigned_over_tls_and_hashed_over_plain_http(
    any_server: ScriptedServer, client: Callable[..., S3]
) -> None:
    any_server.scenes = [answer(200, etag='"e"')]
    client(any_server).part(KEY, "up", 3, Content(b"hello"), CRC)
    request = any_server.requests[0]
    hashed = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
    assert request.headers["x-amz-content-sha256"] == ("UNSIGNED-PAYLOAD" if any_server.certificate else hashed)
    assert request.headers["x-amz-checksum-crc64nvme"] == CRC
    assert parse_qs(urlsplit(request.target).query) == {"partNumber": ["3"], "uploadId": ["up"]}


def test_complete_sends_the_parts_and_the_object_size(server: ScriptedServer, client: Callable[..., S3]) -> None:
    server.scenes = [answer(200, COMPLETED, x_amz_version_id="null")]
    parts = [Part(1, 10, '"a"', "x"), Part(2, 5, '"b"', None)]
    stored = client(server).complete(KEY, "up", parts, CRC)
    assert (stored.version, stored.etag, stored.crc64nvme) == (None, "e-1", CRC)
    request = server.requests[0]
    assert request.headers["if-none-match"] == "*" and request.headers["x-amz-mp-object-size"] == "15"
    assert request.headers["x-amz-checksum-type"] == "FULL_OBJECT"
    listed = [
        [(leaf.tag.rpartition("}")[2], leaf.text) for leaf in part] for part in ElementTree.fromstring(request.body)
    ]
    assert listed == [
        [("ChecksumCRC64NVME", "x"), ("ETag", '"a"'), ("PartNumber", "1")],
        [("ETag", '"b"'), ("PartNumber", "2")],
    ]


def test_a_composite_checksum_is_not_a_full_object_checksum(server: ScriptedServer, client: Callable[..., S3]) -> None:
    server.scenes = [
        answer(200, COMPLETED.replace(b"FULL_OBJECT", b"COMPOSITE")),
        answer(200, x_amz_checksum_crc64nvme=CRC, x_amz_checksum_type="COMPOSITE"),
    ]
    s3 = client(server)
    assert s3.complete(KEY, "up", [], CRC).crc64nvme is None
    head = s3.head(KEY)
    assert head is not None and head.crc64nvme is None


def test_listings_are_read_to_their_last_page(server: ScriptedServer, client: Callable[..., S3]) -> None:
    def parts(number: int, more: str) -> Any:
        part = f"<Part><PartNumber>{number}</PartNumber><Size>7</Size><ETag>e</ETag></Part>"
        next_one = f"<NextPartNumberMarker>{number}</NextPartNumberMarker>"
        return answer(
            200, f"<ListPartsResult>{part}<IsTruncated>{more}</IsTruncated>{next_one}</ListPartsResult>".encode()
        )

    def uploads(name: str, more: str) -> Any:
        one = f"<Upload><Key>{name}</Key><UploadId>{name}-id</UploadId><Initiated>t</Initiated></Upload>"
        marks = f"<NextKeyMarker>{name}</NextKeyMarker><NextUploadIdMarker>{name}-id</NextUploadIdMarker>"
        text = f"{one}<IsTruncated>{more}</IsTruncated>{marks}"
        return answer(200, f"<ListMultipartUploadsResult>{text}</ListMultipartUploadsResult>".encode())

    server.scenes = [
        parts(1, "true"),
        parts(2, "false"),
        uploads("a", "true"),
        uploads("b", "true"),
        uploads("b", "true"),
    ]
    s3 = client(server)
    assert [(part.number, part.size) for part in s3.parts(KEY, "up")] == [(1, 7), (2, 7)]
    assert [upload.id for upload in s3.uploads("p")] == ["a-id", "b-id", "b-id"]  # a server that repeats itself ends it
    assert "part-number-marker=1" in server.requests[1].target and "key-marker=a&" in server.requests[3].target


def test_a_large_body_is_streamed(any_server: ScriptedServer, client: Callable[..., S3], tmp_path: Path) -> None:
    from impp_edge.card.find import CardFile
    from impp_edge.config import Folder
    from impp_edge.run.upload import _Slice

    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(64 << 20)
    status = path.stat()
    source = CardFile(Folder(tmp_path), b"large", status.st_size, status.st_mtime_ns)

    def count(connection: socket.socket, request: ReceivedRequest) -> bool:
        left, buffer = status.st_size, bytearray(65536)
        while left:
            left -= connection.recv_into(buffer)
        connection.sendall(reply(200, etag='"e"'))
        return False

    any_server.scenes = [count]
    s3 = client(any_server)
    tracemalloc.start()
    s3.part(KEY, "up", 1, _Slice(source, 0, status.st_size, lambda: False), CRC)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 << 20


# --- signatures -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("token", [None, "to/ken+=="])
@pytest.mark.parametrize(
    ("method", "key", "query", "headers"),
    [
        ("PUT", KEY, {}, LABELS.headers() | {"if-none-match": "*"}),
        ("POST", "a//b/../c*'()!~", {"uploads": ""}, {}),
        ("GET", None, {"prefix": "a b/+ü&=", "uploads": "", "key-marker": "/"}, {"x-amz-meta-x": "two  spaces "}),
        ("PUT", "x", {"partNumber": "10", "uploadId": "a+b/c=="}, {"x-amz-checksum-crc64nvme": CRC}),
    ],
)
def test_signatures_equal_those_of_botocore(
    method: str,
    key: str | None,
    query: Mapping[str, str],
    headers: Mapping[str, str],
    token: str | None,
    server: ScriptedServer,
    client: Callable[..., S3],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import datetime as dt

    from impp_edge.bucket.s3 import _Request

    if token:
        monkeypatch.setenv("AWS_SESSION_TOKEN", token)
    server.scenes = [answer(200)]
    client(server, region="eu-west-1")._ask(_Request(method, key, query, headers))
    request = server.requests[0]
    then = dt.datetime.strptime(request.headers["x-amz-date"], "%Y%m%dT%H%M%SZ")
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: then)
    theirs = AWSRequest(method, server.url + request.target, {name: str(value) for name, value in headers.items()}, b"")
    theirs.context["client_config"] = BotoConfig(s3={"payload_signing_enabled": True})
    keys = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", token)
    S3SigV4Auth(keys, "s3", "eu-west-1").add_auth(theirs)
    assert request.headers["authorization"] == theirs.headers["Authorization"]


# --- early, late and missing responses --------------------------------------------------------------------------------


def test_an_early_error_response_is_read(any_server: ScriptedServer, client: Callable[..., S3]) -> None:
    any_server.scenes = [early(403, "AccessDenied")]
    with pytest.raises(S3Error) as raised:
        client(any_server).put(KEY, BODY, CRC, LABELS)
    assert (raised.value.status, raised.value.code, len(any_server.requests)) == (403, "AccessDenied", 1)


def test_an_early_503_is_retried(any_server: ScriptedServer, client: Callable[..., S3]) -> None:
    any_server.scenes = [early(503, "SlowDown"), early(412, "PreconditionFailed")]
    with pytest.raises(S3Error, match="PreconditionFailed"):
        client(any_server).put(KEY, BODY, CRC, LABELS)
    assert len(any_server.requests) == 2


@pytest.mark.parametrize("bad", [reset, hang_up])
def test_a_broken_connection_is_retried(
    any_server: ScriptedServer, client: Callable[..., S3], stop: Waits, bad: Any
) -> None:
    any_server.scenes = [bad, bad, answer(200, etag='"e"')]
    assert client(any_server).part(KEY, "up", 1, BODY, CRC).etag == '"e"'
    assert [request.connection for request in any_server.requests] == [0, 1, 2] and len(stop.waits) == 2
    assert any_server.requests[2].body == BODY.content


def test_an_unreachable_server_is_reported(server: ScriptedServer, client: Callable[..., S3], stop: Waits) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    with pytest.raises(Offline, match=f"127.0.0.1:{port} cannot be reached: Connection refused"):
        client(server, endpoint_url=f"http://127.0.0.1:{port}").head(KEY)
    assert len(stop.waits) == ATTEMPTS - 1


def test_a_server_that_reads_nothing_times_out(
    any_server: ScriptedServer, client: Callable[..., S3], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("impp_edge.bucket.transport.READ_S", 0.1)
    monkeypatch.setattr("impp_edge.bucket.transport.EARLY_S", 0.1)
    monkeypatch.setattr("impp_edge.bucket.s3.ATTEMPTS", 1)
    over = threading.Event()
    any_server.scenes = [lambda *_: over.wait(30) and False]
    try:
        with pytest.raises(Offline, match="does not respond"):
            client(any_server).put(KEY, Content(bytes(32 << 20)), CRC, LABELS)
    finally:
        over.set()


def test_a_closed_keep_alive_connection_is_replaced_without_delay(
    any_server: ScriptedServer, client: Callable[..., S3], stop: Waits
) -> None:
    any_server.scenes = [answer(200, etag='"e"'), hang_up, answer(200, etag='"e"'), answer(200, etag='"e"')]
    s3 = client(any_server)
    for number in range(3):
        s3.part(KEY, "up", number, Content(b"x"), CRC)
    assert [request.connection for request in any_server.requests] == [0, 0, 1, 1] and stop.waits == []


def test_a_connection_known_to_be_closed_is_not_reused(server: ScriptedServer, client: Callable[..., S3]) -> None:
    closed = threading.Event()

    def last(connection: socket.socket, request: ReceivedRequest) -> bool:
        answer(200)(connection, request)
        connection.shutdown(socket.SHUT_RDWR)
        closed.set()
        return False

    server.scenes = [last, answer(200)]
    s3 = client(server)
    s3.head(KEY)
    assert closed.wait(30)
    assert s3.head(KEY) is not None
    assert [request.connection for request in server.requests] == [0, 1]


def test_an_endless_response_is_rejected(server: ScriptedServer, client: Callable[..., S3]) -> None:
    flood = reply(200, bytes(ANSWER_BYTES + 100_000))
    server.scenes = [raw(flood) for _ in range(ATTEMPTS)]
    with pytest.raises(Offline, match="has no end"):
        client(server).create(KEY, LABELS)


@pytest.mark.parametrize(
    "odd",
    [
        b"",
        b"HTTP/1.1\r\n",
        b"HTTP/1.1 200\x00 \xff\r\n\r\n",
        b"HTTP/1.1 99999 x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 500 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nx: " + b"y" * 100_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n" + CREATED,
        b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n<a>",
        reply(200, CREATED[:40]),
        reply(200, b"<html>Log in to our hotspot</html>"),
        reply(
            200, b'<!DOCTYPE x [<!ENTITY a "aaaa">]><InitiateMultipartUploadResult>&a;</InitiateMultipartUploadResult>'
        ),
    ],
)
def test_a_malformed_response_is_retried(server: ScriptedServer, client: Callable[..., S3], odd: bytes) -> None:
    server.scenes = [raw(odd), answer(200, CREATED)]
    assert client(server).create(KEY, LABELS) == ("up", True)  # there may be two uploads now
    server.scenes = [answer(200, CREATED)]
    assert client(server).create(KEY, LABELS) == ("up", False)


def test_a_part_response_without_an_etag_is_an_error(server: ScriptedServer, client: Callable[..., S3]) -> None:
    server.scenes = [answer(200, b"<html>Log in to our hotspot</html>")]
    with pytest.raises(S3Error, match="is this S3"):
        client(server).part(KEY, "up", 1, Content(b"x"), CRC)


def test_server_messages_are_printable(server: ScriptedServer, client: Callable[..., S3]) -> None:
    server.scenes = [error(403, "Access\x9bDenied", "no\x85&#xa0;\x9b31m" + "x" * 1000)]
    with pytest.raises(S3Error) as raised:
        client(server).create(KEY, LABELS)
    assert str(raised.value).isprintable() and len(str(raised.value)) < 700


# --- retries ----------------------------------------------------------------------------------------------------------

PASSING = [
    (500, "InternalError"), (503, "SlowDown"), (503, "ServiceUnavailable"), (400, "RequestTimeout"),
    (502, "BadGateway"), (429, "TooManyRequests"), (504, "x"),
]  # fmt: skip


@pytest.mark.parametrize(("status", "code"), PASSING)
def test_transient_errors_are_retried_with_backoff(
    server: ScriptedServer, client: Callable[..., S3], stop: Waits, status: int, code: str
) -> None:
    server.scenes = [error(status, code)] * (ATTEMPTS - 1) + [answer(200, etag='"e"')]
    client(server).part(KEY, "up", 1, Content(b"body"), CRC)
    assert len(server.requests) == ATTEMPTS and len(stop.waits) == ATTEMPTS - 1
    assert [request.body for request in server.requests] == [b"body"] * ATTEMPTS
    assert all(0 <= wait <= 0.5 * 2**n for n, wait in enumerate(stop.waits))


def test_a_persistent_transient_error_is_reported_after_all_attempts(
    server: ScriptedServer, client: Callable[..., S3]
) -> None:
    server.scenes = [error(503, "SlowDown")] * 99
    with pytest.raises(S3Error, match="SlowDown: as scripted") as raised:
        client(server).create(KEY, LABELS)
    assert raised.value.status == 503 and len(server.requests) == ATTEMPTS


@pytest.mark.parametrize(("status", "code"), [(403, "AccessDenied"), (400, "BadDigest"), (501, "NotImplemented")])
def test_permanent_errors_are_not_retried(
    server: ScriptedServer, client: Callable[..., S3], status: int, code: str
) -> None:
    server.scenes = [error(status, code)]
    with pytest.raises(S3Error) as raised:
        client(server).create(KEY, LABELS)
    assert (raised.value.status, raised.value.code, len(server.requests)) == (status, code, 1)


@pytest.mark.parametrize(
    ("value", "least", "most"),
    [
        ("7", 7, 7),
        ("in a minute", 30, 61),
        ("999999", RETRY_AFTER_S, RETRY_AFTER_S),
        ("-5", 0, 0.5),
        ("soon", 0, 0.5),
        ("9" * 400, 0, 0.5),
    ],
)
def test_retry_after_is_respected_within_limits(
    server: ScriptedServer, client: Callable[..., S3], stop: Waits, value: str, least: float, most: float
) -> None:
    if value == "in a minute":
        value = formatdate(time.time() + 60, usegmt=True)
    server.scenes = [error(503, "SlowDown", retry_after=value), answer(200)]
    client(server).head(KEY)
    assert least <= stop.waits[0] <= most


def test_waits_end_when_the_run_is_asked_to_stop(
    server: ScriptedServer, client: Callable[..., S3], stop: Waits
) -> None:
    stop.set()
    server.scenes = [error(503, "SlowDown", retry_after="100")]
    with pytest.raises(Stopped):
        client(server).head(KEY)
    assert len(server.requests) == 1


def test_a_body_in_transfer_has_limited_time_after_a_stop(
    server: ScriptedServer, client: Callable[..., S3], stop: Waits, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop.set()
    server.scenes = [answer(200, etag='"e"'), hang_up]
    s3 = client(server)
    s3.part(KEY, "up", 1, BODY, CRC)
    monkeypatch.setattr("impp_edge.bucket.transport.STOP_S", -1.0)
    with pytest.raises(Stopped):
        s3.part(KEY, "up", 2, BODY, CRC)


def test_the_bandwidth_limit_applies_to_bodies(server: ScriptedServer, client: Callable[..., S3]) -> None:
    waited: list[float] = []
    pace = Bandwidth(80, clock=lambda: 0.0, wait=lambda seconds: bool(waited.append(seconds)))
    server.scenes = [answer(200, etag='"e"')]
    client(server, pace=pace).part(KEY, "up", 1, BODY, CRC)
    assert max(waited) == pytest.approx(len(BODY.content) / 1e7, abs=0.3)


# --- completion -------------------------------------------------------------------------------------------------------


def test_an_error_in_the_body_of_a_200_is_an_error(server: ScriptedServer, client: Callable[..., S3]) -> None:
    server.scenes = [error(200, "InternalError"), error(200, "SlowDown"), answer(200, COMPLETED)]
    assert client(server).complete(KEY, "up", [], CRC).etag == "e-1"
    server.scenes = [error(200, "InvalidPart")] * ATTEMPTS
    with pytest.raises(S3Error) as raised:
        client(server).complete(KEY, "up", [], CRC)
    assert raised.value.code == "InvalidPart"


def test_white_space_before_a_completion_is_ignored(server: ScriptedServer, client: Callable[..., S3]) -> None:
    declared = b'<?xml version="1.0" encoding="UTF-8"?>\n'
    for body in (b" " * 3000 + declared + COMPLETED, declared + b" \n" * 3000 + COMPLETED):
        chunks = b"".join(
            b"%x\r\n%s\r\n" % (len(body[at : at + 100]), body[at : at + 100]) for at in range(0, len(body), 100)
        )
        server.scenes = [
            raw(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n", keep=True)
        ]
        assert client(server).complete(KEY, "up", [], CRC).crc64nvme == CRC


def test_aborting_a_missing_upload_succeeds(server: ScriptedServer, client: Callable[..., S3]) -> None:
    server.scenes = [error(404, "NoSuchUpload"), answer(204)]
    client(server).abort(KEY, "up")
    client(server).abort(KEY, "up")


# --- corrections by a response ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "scene",
    [
        error(301, "PermanentRedirect", x_amz_bucket_region="eu-central-1"),
        error(400, "AuthorizationHeaderMalformed", "x", "<Region>eu-central-1</Region>"),
        error(400, "IllegalLocationConstraintException", x_amz_bucket_region="eu-central-1"),
    ],
)
@pytest.mark.parametrize("operation", ["head", "part"])
def test_a_region_redirect_is_followed_and_remembered(
    server: ScriptedServer, client: Callable[..., S3], stop: Waits, scene: Any, operation: str
) -> None:
    if operation == "head":  # whose answers have no body
        scene = answer(301, x_amz_bucket_region="eu-central-1")
    server.scenes = [scene, answer(200, etag='"e"'), answer(200)]
    s3 = client(server)
    _ = s3.head(KEY) if operation == "head" else s3.part(KEY, "up", 1, Content(b"body"), CRC)
    s3.head(KEY)
    assert [request.scope for request in server.requests] == ["us-east-1/s3", "eu-central-1/s3", "eu-central-1/s3"]
    assert s3.region == "eu-central-1" and stop.waits == []


def test_a_region_redirect_loop_is_refused(server: ScriptedServer, client: Callable[..., S3]) -> None:
    regions = ["eu-west-1", "us-west-2", "eu-west-1", "us-west-2"]
    server.scenes = [error(301, "PermanentRedirect", x_amz_bucket_region=region) for region in regions]
    with pytest.raises(Refused, match="PermanentRedirect"):
        client(server).create(KEY, LABELS)
    assert len(server.requests) == 2


def test_an_invalid_region_is_not_followed(server: ScriptedServer, client: Callable[..., S3]) -> None:
    server.scenes = [error(301, "PermanentRedirect", x_amz_bucket_region="evil.example.org/#")]
    with pytest.raises(Refused):
        client(server).create(KEY, LABELS)
    assert len(server.requests) == 1


@pytest.mark.parametrize("offset", [-86400 * 365, 7200])
@pytest.mark.parametrize("operation", ["head", "create"])
def test_clock_skew_is_corrected_by_the_servers_date(
    server: ScriptedServer, client: Callable[..., S3], stop: Waits, offset: int, operation: str
) -> None:
    date = formatdate(time.time() + offset, usegmt=True)
    skewed = answer(403, date=date) if operation == "head" else error(403, "RequestTimeTooSkewed", date=date)
    server.scenes = [skewed, answer(200, CREATED, date=date), answer(200, date=date)]
    s3 = client(server)
    _ = s3.head(KEY) if operation == "head" else s3.create(KEY, LABELS)
    s3.head(KEY)
    expected = time.strftime("%Y%m%dT%H%M", time.gmtime(time.time() + offset))
    assert (
        abs(int(server.requests[1].headers["x-amz-date"][:13].replace("T", "")) - int(expected.replace("T", ""))) <= 100
    )
    assert server.requests[2].headers["x-amz-date"][:8] == server.requests[1].headers["x-amz-date"][:8]
    assert s3.signer.offset_s == pytest.approx(offset, abs=5) and stop.waits == []


def test_clock_skew_that_cannot_be_corrected_is_refused(server: ScriptedServer, client: Callable[..., S3]) -> None:
    server.scenes = [error(403, "RequestTimeTooSkewed", date="never")] * 3
    with pytest.raises(Refused, match="the clock of this machine is wrong"):
        client(server).create(KEY, LABELS)
    assert len(server.requests) <= 2


def test_a_403_without_clock_skew_is_access_denied(server: ScriptedServer, client: Callable[..., S3]) -> None:
    server.scenes = [answer(403)]
    with pytest.raises(S3Error) as raised:
        client(server).head(KEY)
    assert (raised.value.status, raised.value.code, len(server.requests)) == (403, "AccessDenied", 1)


@pytest.mark.parametrize("operation", ["head", "create"])
def test_expired_credentials_are_refreshed(
    server: ScriptedServer, client: Callable[..., S3], monkeypatch: pytest.MonkeyPatch, operation: str
) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", "old")

    def expired(connection: socket.socket, request: ReceivedRequest) -> bool:
        monkeypatch.setenv("AWS_SESSION_TOKEN", "new")
        return (answer(400) if operation == "head" else error(400, "ExpiredToken"))(connection, request)

    server.scenes = [expired, answer(200, CREATED)]
    s3 = client(server)
    _ = s3.head(KEY) if operation == "head" else s3.create(KEY, LABELS)
    assert [request.headers["x-amz-security-token"] for request in server.requests] == ["old", "new"]


@pytest.mark.parametrize(
    ("status", "code", "says"),
    [
        (404, "NoSuchBucket", "no such bucket"),
        (403, "InvalidAccessKeyId", "check the credentials"),
        (403, "SignatureDoesNotMatch", "check the credentials"),
        (400, "ExpiredToken", "get new credentials"),
        (400, "InvalidToken", "check the credentials"),
    ],
)
def test_account_errors_are_refused_with_advice(
    server: ScriptedServer, client: Callable[..., S3], status: int, code: str, says: str
) -> None:
    server.scenes = [error(status, code)] * 2
    with pytest.raises(Refused, match=f"{code}.*{says}"):
        client(server).create(KEY, LABELS)


# --- connections ----------------------------------------------------------------------------------------------------


def test_reports_an_untrusted_certificate(tmp_path: Path, client: Callable[..., S3]) -> None:
    with run_scripted_server(tmp_path) as server, pytest.raises(Offline, match=r"certificate of 127.0.0.1.*ca_bundle"):
        client(server, ca_bundle=None).head(KEY)


def test_a_ca_bundle_from_the_environment_is_trusted(
    tmp_path: Path, client: Callable[..., S3], monkeypatch: pytest.MonkeyPatch
) -> None:
    with run_scripted_server(tmp_path) as server:
        monkeypatch.setenv("AWS_CA_BUNDLE", str(server.certificate))
        server.scenes = [answer(200)]
        assert client(server, ca_bundle=None).head(KEY) is not None


def test_a_missing_ca_bundle_is_refused(tmp_path: Path, client: Callable[..., S3]) -> None:
    with run_scripted_server(tmp_path) as server, pytest.raises(Refused, match=r"ca_bundle .*: No such file"):
        client(server, ca_bundle=tmp_path / "missing").head(KEY)


def test_https_uses_a_proxy_tunnel(
    server: ScriptedServer, client: Callable[..., S3], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://us%40er:pa%3Ass@127.0.0.1:{server.port}")
    server.scenes = [raw(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")] * ATTEMPTS
    with pytest.raises(Offline, match="407"):
        client(server, endpoint_url="https://s3.example.org").head(KEY)
    assert (server.requests[0].method, server.requests[0].target) == ("CONNECT", "s3.example.org:443")
    assert server.requests[0].headers["proxy-authorization"] == "Basic dXNAZXI6cGE6c3M="


def test_plain_http_sends_a_proxy_the_absolute_url(
    server: ScriptedServer, client: Callable[..., S3], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", f"127.0.0.1:{server.port}")
    server.scenes = [answer(200)]
    client(server, endpoint_url="http://s3.example.org").head("k")
    assert server.requests[0].target == "http://s3.example.org/bucket/k"
    assert server.requests[0].headers["host"] == "s3.example.org"


def test_no_proxy_hosts_are_reached_directly(
    server: ScriptedServer, client: Callable[..., S3], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    server.scenes = [answer(200)]
    assert client(server).head(KEY) is not None


@pytest.mark.parametrize("url", ["socks5://127.0.0.1:1080", "http://:x", "http://host:port"])
def test_an_invalid_proxy_is_refused(
    server: ScriptedServer, client: Callable[..., S3], monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("http_proxy", url)
    with pytest.raises(Refused, match="HTTP_PROXY: must be one like"):
        client(server).head(KEY)


@pytest.mark.parametrize(
    ("bucket", "region", "url", "netloc", "base"),
    [
        ("b", "eu-west-1", None, "b.s3.eu-west-1.amazonaws.com", ""),
        ("b.c", "eu-west-1", None, "s3.eu-west-1.amazonaws.com", "/b.c"),
        ("b", "cn-north-1", None, "b.s3.cn-north-1.amazonaws.com.cn", ""),
        ("b", "us-east-1", "http://127.0.0.1:8333", "127.0.0.1:8333", "/b"),
        ("b", "us-east-1", "https://s3.example.org:443/base/", "s3.example.org", "/base/b"),
        ("b", "us-east-1", "http://[::1]:9000", "[::1]:9000", "/b"),
    ],
)
def test_endpoints(bucket: str, region: str, url: str | None, netloc: str, base: str) -> None:
    place = aws.endpoint(bucket, region, url)
    assert (place.netloc, place.base) == (netloc, base)


@pytest.mark.parametrize("url", ["127.0.0.1:8333", "ftp://x", "http://", "http://x:port", "http://[::1"])
def test_an_invalid_endpoint_is_refused(url: str) -> None:
    with pytest.raises(Refused, match="endpoint_url"):
        aws.endpoint("b", "us-east-1", url)


# --- settings and credentials -----------------------------------------------------------------------------------------


def test_the_environment_overrides_the_profile(environment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (environment / "config").write_text("[default]\nregion = eu-west-3\nca_bundle = /x\nendpoint_url = http://e\n")
    settings = aws.Settings()
    assert (settings.region, settings.ca_bundle, settings.endpoint_url()) == ("eu-west-3", "/x", "http://e")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_CA_BUNDLE", "/y")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://f")
    assert (settings.region, settings.ca_bundle, settings.endpoint_url()) == ("eu-west-1", "/y", "http://f")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://g")
    assert settings.endpoint_url() == "http://g" and settings.endpoint_url("monitoring") == "http://f"


PROFILES = """
[default]
aws_access_key_id = A
aws_secret_access_key = 100%secret
[profile process]
credential_process = {process}
[profile broken]
credential_process = false
[profile empty]
region = eu-west-1
[profile role]
role_arn = arn:aws:iam::1:role/x
source_profile = default
"""


@pytest.fixture
def profiles(environment: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    script = tmp_path / "process.py"
    keys = {"Version": 1, "AccessKeyId": "P", "SecretAccessKey": "S", "SessionToken": "T"}
    script.write_text(f"print({json.dumps(keys)!r})")
    (environment / "config").write_text(PROFILES.format(process=f"{sys.executable} {script}"))
    static = "[{}]\naws_access_key_id = A\naws_secret_access_key = 100%secret\n"
    (environment / "credentials").write_text(static.format("static") + static.format("role"))


@pytest.mark.parametrize(
    ("profile", "keys"),
    [
        ("static", aws.Keys("A", "100%secret", None)),
        ("process", aws.Keys("P", "S", "T")),
        (None, ("A", "100%secret", None)),
    ],
)
def test_credentials_are_found_where_botocore_finds_them(profiles: None, profile: str | None, keys: Any) -> None:
    assert aws.Signer(aws.Settings(profile)).keys() == keys


def test_static_keys_need_no_botocore(profiles: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("impp_edge.bucket.aws._chain", lambda _profile: pytest.fail("used botocore"))
    assert aws.Signer(aws.Settings("static")).keys().access == "A"
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "E")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "S")
    assert aws.Signer(aws.Settings()).keys() == ("E", "S", None)
    assert aws.Signer(aws.Settings("static")).keys().access == "A"  # an explicit profile wins


def test_a_role_takes_precedence_over_static_keys(profiles: None) -> None:
    assert aws.Settings("role").keys() is None


@pytest.mark.parametrize("profile", ["empty", None])
def test_missing_credentials_are_refused(
    profiles: None, profile: str | None, server: ScriptedServer, client: Callable[..., S3], environment: Path
) -> None:
    (environment / "config").write_text("[profile empty]\nregion = eu-west-1\n")
    with pytest.raises(Refused, match="no AWS credentials"):
        client(server, profile=profile).head(KEY)


def test_a_failed_credential_process_is_temporary(
    profiles: None, server: ScriptedServer, client: Callable[..., S3]
) -> None:
    with pytest.raises(Offline, match="no AWS credentials now"):
        client(server, profile="broken").head(KEY)


@pytest.mark.parametrize(
    ("process", "reason"),
    [("/missing/helper", "No such file.*/missing/helper"), ("echo nonsense", "credential_process")],
)
def test_an_invalid_credential_process_is_refused(
    profiles: None, server: ScriptedServer, client: Callable[..., S3], environment: Path, process: str, reason: str
) -> None:
    (environment / "config").write_text(PROFILES.format(process=process))
    with pytest.raises(Refused, match=f"no AWS credentials: .*{reason}"):
        client(server, profile="process").head(KEY)


def test_a_missing_profile_is_refused(profiles: None) -> None:
    with pytest.raises(Refused, match="no profile 'other'"):
        aws.Settings("other")


def test_an_unreadable_config_file_is_refused(environment: Path) -> None:
    (environment / "config").write_bytes(b"\xff\xfe\x00nonsense")
    with pytest.raises(Refused, match="config"):
        aws.Settings()


def test_the_empty_checksum_equals_the_servers() -> None:
    """The CRC of an empty body, which every answer above uses."""
    assert digest(io.BytesIO(b""), 1).crc64nvme == CRC
