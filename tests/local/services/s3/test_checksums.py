"""Checksums of S3, without S3."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.examples import examples

from impp_local.services.s3 import checksums
from impp_local.services.s3.checksums import Part


@settings(max_examples=examples(60), deadline=None)
@given(
    parts=st.lists(st.binary(max_size=4096), min_size=1, max_size=6),
    algorithm=st.sampled_from(["CRC32", "CRC32C", "CRC64NVME"]),
)
def test_combining_parts_equals_reading_the_whole(parts: list[bytes], algorithm: str) -> None:
    known = [Part(checksums.checksum(algorithm, part), len(part)) for part in parts]
    assert checksums.full_object(algorithm, known) == checksums.checksum(algorithm, b"".join(parts))
