"""Terraform's state in a file that a server keeps."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from impp_local.deploy.state import StateFile

FIRST, SECOND = b'{"serial": 1}', b'{"serial": 2}'


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "terraform.tfstate"


def test_terraform_reads_what_it_wrote(path: Path) -> None:
    with StateFile(path).served() as address:
        assert (requests.get(address).status_code, requests.get(address).content) == (204, b"")
        assert requests.post(address, data=FIRST).status_code == 200
        assert requests.get(address).content == FIRST
    with StateFile(path).served() as address:
        assert requests.get(address).content == FIRST


def test_a_write_that_a_kill_cuts_changes_nothing(path: Path) -> None:
    StateFile(path).write(FIRST)
    with StateFile(path).served() as address:
        url = urlsplit(address)
        with socket.create_connection((url.hostname, url.port)) as connection:
            connection.sendall(f"POST {url.path} HTTP/1.1\r\nContent-Length: {len(SECOND)}\r\n\r\n".encode() + b'{"ser')
            connection.shutdown(socket.SHUT_WR)
            assert connection.recv(100) == b""
        assert requests.get(address).content == FIRST


@pytest.mark.parametrize("left", [b"", b"7", b'{"version": 4, "ser'])
def test_a_damaged_file_counts_as_none(path: Path, left: bytes) -> None:
    path.write_bytes(left)
    assert StateFile(path).read() is None
    with StateFile(path).served() as address:
        assert requests.get(address).status_code == 204
        requests.post(address, data=SECOND)
    assert StateFile(path).read() == SECOND


def test_nobody_else_reads_or_replaces_it(path: Path) -> None:
    StateFile(path).write(FIRST)
    with StateFile(path).served() as address:
        other = address.rpartition("/")[0] + "/state"
        assert requests.get(other).status_code == 403
        assert requests.post(other, data=SECOND).status_code == 403
    assert json.loads(path.read_bytes()) == {"serial": 1}
