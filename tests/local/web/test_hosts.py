"""A stranger's page in a browser on this machine reaches nothing of the local cloud."""

from __future__ import annotations

import http.client

import pytest

from impp_local.cloud import LocalCloud
from impp_local.kernel.defaults import HOST


def status(cloud: LocalCloud, method: str, path: str, host: str, **headers: str) -> int:
    connection = http.client.HTTPConnection(HOST, cloud.port, timeout=60)
    try:
        connection.request(method, path, headers={"Host": host, **headers})
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1:4580", 200),
        ("LOCALHOST", 200),
        ("[::1]:4580", 200),
        ("rebound.example:4580", 403),
        ("127.0.0.1.rebound.example", 403),
        ("localhost.rebound.example", 403),
        ("bucket.s3.rebound.example", 403),
        ("localhost@rebound.example", 403),
        ("[::1", 403),
        ("", 403),
    ],
)
def test_only_names_that_a_stranger_cannot_point_here_are_answered(cloud: LocalCloud, host: str, expected: int) -> None:
    assert status(cloud, "GET", "/_impp/bill", host) == expected


def test_a_bucket_s_own_host_is_answered(cloud: LocalCloud) -> None:
    cloud.client("s3").create_bucket(Bucket="own-host")
    url = cloud.client("s3").generate_presigned_url("list_objects_v2", Params={"Bucket": "own-host"})
    assert status(cloud, "GET", "/?" + url.partition("?")[2], "own-host.localhost:4580") == 200


@pytest.mark.parametrize(
    ("origin", "expected"), [("http://rebound.example", 403), ("null", 403), ("http://localhost:4580", 200)]
)
def test_a_strangers_form_changes_nothing(cloud: LocalCloud, origin: str, expected: int) -> None:
    assert status(cloud, "POST", "/_impp/bill/reset", "localhost", Origin=origin) == expected
    assert status(cloud, "GET", "/_impp/health", "localhost", Origin=origin) == 200
