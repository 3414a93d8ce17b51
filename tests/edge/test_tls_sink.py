"""The benchmark's endpoint: it must receive every byte, however clients send them.

The client here is boto3, over TLS, trusting the certificate that the endpoint made.
"""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from benchmarks import tls_sink
from benchmarks.tls_sink import RECORD, TURN, Connection
from botocore.config import Config
from botocore.exceptions import ClientError

pytestmark = pytest.mark.slow


class Sink:
    """The endpoint's process, queried as by the benchmark."""

    def __init__(self, folder: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, tls_sink.__file__, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._certificate = folder / "cert.pem"
        self._port = self._answer()["port"]

    def ask(self, **question: str) -> dict[str, Any]:
        assert self._process.stdin
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def client(self, **settings: Any) -> Any:
        return boto3.client(
            "s3",
            endpoint_url=f"https://127.0.0.1:{self._port}",
            verify=str(self._certificate),
            aws_access_key_id="a",
            aws_secret_access_key="b",
            region_name="us-east-1",
            config=Config(read_timeout=20, retries={"total_max_attempts": 1}, **settings),
        )

    def close(self) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        assert self._process.wait(20) == 0

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout
        return dict(json.loads(self._process.stdout.readline()))


@pytest.fixture(scope="module")
def sink(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sink]:
    endpoint = Sink(tmp_path_factory.mktemp("sink"))
    yield endpoint
    endpoint.close()


@pytest.mark.parametrize("checksums", ["when_supported", "when_required"], ids=["chunked", "length"])
def test_a_body_of_any_length_is_counted_and_answered(sink: Sink, checksums: str) -> None:
    """Chunk framing counts as bytes received but not as part of the object."""
    client = sink.client(request_checksum_calculation=checksums)
    bucket = f"lengths-{checksums.replace('_', '-')}"
    sizes = [0, 1, RECORD - 1, RECORD, RECORD + 1, 3_000_000]
    for size in sizes:
        client.put_object(Bucket=bucket, Key=f"x/{size}", Body=b"x" * size)
        assert client.head_object(Bucket=bucket, Key=f"x/{size}")["ContentLength"] == size
    report = sink.ask(report=bucket)
    assert report["objects"] == len(sizes)
    assert sum(sizes) <= report["bytes"] < sum(sizes) + 1000
    assert report["first"] > 0


class Quick:
    """A socket that always has data to read until its client waits for a response."""

    def __init__(self, sent: bytes) -> None:
        self.left = sent
        self.answers = b""

    def do_handshake(self) -> None:
        """Done."""

    def recv_into(self, view: memoryview) -> int:
        count = min(len(view), RECORD, len(self.left))
        view[:count] = self.left[:count]
        self.left = self.left[count:]
        return count

    def send(self, answer: bytes) -> int:
        self.answers += bytes(answer)
        return len(answer)


def test_a_complete_body_is_answered_without_waiting() -> None:
    """A connection that has had its turn waits until there is more to read: so there must be more."""
    view = memoryview(bytearray(RECORD))
    for size in range((TURN - 2) * RECORD, (TURN + 3) * RECORD, RECORD // 2):
        head = f"PUT /b/{size} HTTP/1.1\r\ncontent-length: {size}\r\n\r\n".encode()
        client = Quick(head.ljust(RECORD, b"x") + bytes(size - RECORD + len(head)))
        for _ in Connection(tls_sink.Sink(), client, view).steps():
            assert client.left, size
        assert client.answers.startswith(b"HTTP/1.1 200")


def test_parts_become_an_object_with_the_etag_that_clients_compare(sink: Sink) -> None:
    client, where = sink.client(), {"Bucket": "parts", "Key": "a b/ü.mp4"}
    upload = client.create_multipart_upload(**where, Metadata={"impp-x": "1"})["UploadId"]
    bodies, parts = (b"1" * 100_000, b"2" * 50_000), []
    for number, body in enumerate(bodies, 1):
        md5 = base64.b64encode(hashlib.md5(body).digest()).decode()
        part = client.upload_part(**where, UploadId=upload, PartNumber=number, Body=body, ContentMD5=md5)
        assert part["ETag"] == f'"{hashlib.md5(body).hexdigest()}"'
        parts.append({"PartNumber": number, "ETag": part["ETag"]})
    client.complete_multipart_upload(
        **where, UploadId=upload, MultipartUpload={"Parts": parts}, ChecksumCRC64NVME="AAAAAAAAAAA="
    )
    head = client.head_object(**where, ChecksumMode="ENABLED")
    whole = hashlib.md5(b"".join(hashlib.md5(body).digest() for body in bodies)).hexdigest()
    assert (head["ContentLength"], head["ETag"]) == (150_000, f'"{whole}-2"')
    assert (head["Metadata"], head["ChecksumCRC64NVME"]) == ({"impp-x": "1"}, "AAAAAAAAAAA=")
    assert sink.ask(report="parts")["bytes"] >= 150_000


def test_seeded_objects_are_listed_in_pages(sink: Sink, tmp_path: Path) -> None:
    names = [f"d{number % 3}/clip & {number:04d}.mp4" for number in range(2500)]
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"12345")
    assert sink.ask(seed="seeded", folder=str(tmp_path), prefix="x/") == {"objects": 2500}
    client = sink.client()
    pages = list(client.get_paginator("list_objects_v2").paginate(Bucket="seeded", Prefix="x/"))
    listed = [entry for page in pages for entry in page["Contents"]]
    assert len(pages) == 3
    assert [entry["Key"] for entry in listed] == sorted(f"x/{name}" for name in names)
    assert {entry["Size"] for entry in listed} == {5}
    assert "Contents" not in client.list_objects_v2(Bucket="seeded", Prefix="y/")


def test_missing_objects_are_not_found(sink: Sink) -> None:
    with pytest.raises(ClientError, match="404"):
        sink.client().head_object(Bucket="nothing", Key="x/a")
