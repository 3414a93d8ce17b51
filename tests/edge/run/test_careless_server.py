"""Servers that verify no checksums: damage in transit is noticed by the edge, before it reports or removes anything."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.support.edge.cards import BUCKET, MP4, PART, put
from tests.support.edge.careless_server import EVERYTHING, NOTHING, PARTS, CarelessServer, run_careless_server
from tests.support.edge.evidence import CLIP, KEY, call, verify_all

from impp_edge.bucket.aws import Endpoint
from impp_edge.bucket.checksums import PROBE, Basis, Checksums
from impp_edge.check.diagnosis import HINT, OK, examine
from impp_edge.cli import DONE, SOME_FAILED
from impp_edge.config import Config, Folder, Retain
from impp_edge.run import sync

PROBE_KEY = f"originals/dashcam/blue-car/{PROBE}"
LARGE = MP4 + bytes(2 * PART)


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("impp_edge.cli.DEFAULT_CONFIG", tmp_path / "none.toml")
    for name, value in {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def server() -> Iterator[CarelessServer]:
    with run_careless_server() as running:
        yield running


@pytest.fixture
def config(card: Path, tmp_path: Path, server: CarelessServer) -> Config:
    return box(card, tmp_path, server)


def box(card: Path, folder: Path, server: CarelessServer, **more: Any) -> Config:
    folders = (Folder(card, device="Blue Car", **more),)
    return Config(BUCKET, folders, state=folder / "state", endpoint_url=server.endpoint)


@pytest.mark.parametrize("md5", [True, False])
def test_a_file_damaged_in_transit_is_not_reported_as_uploaded(
    config: Config, card: Path, server: CarelessServer, md5: bool
) -> None:
    path = put(card, CLIP)
    server.md5, server.damage = md5, 1
    events: list[dict[str, Any]] = []
    assert not sync.run(config, events.append).complete
    (failed,) = [event for event in events if event["event"] == "failed"]
    assert failed["reason"] == f"the server stored other bytes at {KEY} than the file's"
    assert sync.run(config).complete
    assert path.read_bytes() in server.objects.values()
    result, wrong = verify_all(config)
    assert result.ok and not wrong and result.counts["equal"] == 1 and result.basis is Basis.UNVERIFIED


def test_an_upload_with_a_part_damaged_in_transit_is_sent_again(
    config: Config, card: Path, server: CarelessServer
) -> None:
    path = put(card, CLIP, LARGE)
    server.damage = 1
    assert sync.run(config).complete
    assert server.objects == {KEY: path.read_bytes()} and not server.uploads
    assert len([1 for method, key, part in server.sent if method == "PUT" and key == KEY]) == 6  # three parts, twice


def test_parts_without_md5_are_read_back(config: Config, card: Path, server: CarelessServer) -> None:
    server.md5 = False
    put(card, CLIP, LARGE)
    assert sync.run(config).complete and ("GET", KEY, None) in server.sent
    put(card, "Record/20260115_081602_NF.mp4", LARGE + b"x")
    server.damage = 1
    assert sync.run(config).counts["failed"] == 1


def test_damage_in_the_bucket_is_found_by_verify_and_prove(config: Config, card: Path, server: CarelessServer) -> None:
    path = put(card, CLIP)
    assert sync.run(config).complete
    assert call(config, "verify").exit_code == call(config, "prove", str(path)).exit_code == DONE
    server.objects[KEY] = b"x" * len(server.objects[KEY])
    verified = call(config, "verify")
    assert verified.exit_code == SOME_FAILED
    assert "its bytes in the bucket, read back, differ from the upload" in verified.output
    assert "proof: the server verifies no checksums: it stored bytes with a wrong one; the objects" in verified.output
    proven = call(config, "prove", str(path))
    assert proven.exit_code == SOME_FAILED and "WRONG  S3's bytes = log: the server verifies no" in proven.output
    assert "by the CRC-64/NVME that the server reports" in proven.output


def test_a_file_is_removed_only_after_reading_its_object_back(
    card: Path, tmp_path: Path, server: CarelessServer
) -> None:
    config = box(card, tmp_path, server)
    path, other = put(card, CLIP, age=9e6), put(card, "Record/20260115_081602_NF.mp4", age=9e6)
    assert sync.run(config).complete
    server.objects[KEY] = b"x" * len(server.objects[KEY])
    folder = replace(config.folders[0], retain=Retain(older_than_days=30, events=True))
    events: list[dict[str, Any]] = []
    sync.run(replace(config, folders=(folder,)), events.append)
    assert path.exists() and not other.exists()
    assert "not removed: the bucket has other bytes; it will be uploaded again" in [e.get("reason") for e in events]


@pytest.mark.parametrize(
    ("verifies", "basis", "left"),
    [(NOTHING, Basis.UNVERIFIED, set()), (PARTS, Basis.UNVERIFIED, {PROBE_KEY}), (EVERYTHING, Basis.PROBED, set())],
)
def test_the_probe_tells_servers_apart_and_doctor_says_so(
    card: Path, tmp_path: Path, verifies: str, basis: Basis, left: set[str]
) -> None:
    with run_careless_server(verifies) as server:
        config = box(card, tmp_path, server, source="dashcam")
        put(card, CLIP)
        (finding,) = [one for one in examine(config, None, online=True) if one.what == "proof"]
        assert (finding.verdict, finding.text) == (OK if basis.is_verified else HINT, basis.text)
        assert set(server.objects) == left and not server.uploads
        assert verify_after_sync(config) is basis
        server.sent.clear()
        put(card, "b.mp4", MP4 + os.urandom(9))
        assert sync.run(config).complete
        assert (PROBE in str(server.sent)) is not basis.is_verified  # a good answer is remembered
        assert set(server.objects) >= left and not server.uploads


def verify_after_sync(config: Config) -> Basis | None:
    assert sync.run(config).complete
    result, _ = verify_all(config)
    assert result.ok
    return result.basis


@pytest.mark.parametrize(
    ("host", "is_aws"),
    [
        ("impp-ingest.s3.eu-central-1.amazonaws.com", True),
        ("s3.cn-north-1.amazonaws.com.cn", True),
        ("b.s3-fips.dualstack.us-gov-west-1.amazonaws.com", True),
        ("bucket.vpce-1a2b3c4d-5e6f.s3.us-east-1.vpce.amazonaws.com", True),
        ("ec2-192-0-2-1.compute-1.amazonaws.com", False),
        ("s3-1234567890.us-east-1.elb.amazonaws.com", False),
        ("s3.us-east-1.amazonaws.com.example.org", False),
        ("s3.example.org", False),
    ],
)
def test_only_endpoints_of_s3_itself_are_trusted_without_a_probe(host: str, is_aws: bool) -> None:
    probed: list[str] = []
    client = SimpleNamespace(place=Endpoint("https", host, 443, ""), refuses_damage=probed.append)
    assert Checksums(client).basis(KEY) is (Basis.DOCUMENTED if is_aws else Basis.UNKNOWN)  # type: ignore[arg-type]
    assert probed == ([] if is_aws else [PROBE_KEY])
