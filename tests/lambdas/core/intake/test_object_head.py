"""What HeadObject says about an object."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import pytest

from impp_lambdas.core.intake import object_head

SHA = hashlib.sha256(b"x")


@pytest.mark.parametrize(
    ("head", "own", "mismatch"),
    [
        ({"ChecksumCRC64NVME": "AAAAAAAAAAA="}, {"crc64nvme": "AAAAAAAAAAA="}, False),
        ({"ChecksumCRC64NVME": "AAAAAAAAAAA="}, {"crc64nvme": "BAAAAAAAAAA="}, True),
        ({"ChecksumCRC64NVME": "AAAAAAAAAAA="}, {}, False),
        ({}, {"crc64nvme": "BAAAAAAAAAA="}, False),
        ({"ChecksumSHA256": base64.b64encode(SHA.digest()).decode()}, {"sha256": SHA.hexdigest().upper()}, False),
        ({"ChecksumSHA256": base64.b64encode(SHA.digest()).decode()}, {"sha256": "0" * 64}, True),
        ({"ChecksumSHA256": "abc=-2", "ChecksumType": "COMPOSITE"}, {"sha256": SHA.hexdigest()}, False),
    ],
)
def test_compares_checksums_that_both_sides_have(head: dict[str, Any], own: dict[str, str], mismatch: bool) -> None:
    problem = object_head.compare_checksums(head, own)
    assert (problem is not None and problem.reason == "checksum_mismatch") is mismatch
