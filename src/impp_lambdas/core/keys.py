"""Every S3 key and catalog key that IMPP writes.

The edge writes `originals/{source}/{device}/{YYYY}/{MM}/{DD}/{filename}` to the ingest bucket, but every object below
`originals/` is processed. Objects below `work/{asset}/` expire; those below `assets/{asset}/` are delivered.
"""

from __future__ import annotations

import hashlib
import re

ORIGINALS = "originals/"
ASSET_ID = re.compile(r"[0-9a-f]{20}")
_OWNED = re.compile(r"originals/([^/]+/[^/]+)/")
_SAFE = re.compile(r"[A-Za-z0-9!_.*'()/-]+")


def asset_id(bucket: str, key: str, version: str, sha256: str | None) -> str:
    """The asset's id: 20 hex digits of the content's SHA-256, or of `bucket/key/version` if it is unknown."""
    if sha256 and re.fullmatch(r"[0-9a-f]{64}", sha256):
        return sha256[:20]
    return hashlib.sha256(f"{bucket}/{key}/{version}".encode()).hexdigest()[:20]


def owner(key: str) -> str:
    """`source/device` of an original, which IAM fences; "" if the key names none."""
    match = _OWNED.match(key)
    return match[1] if match else ""


def is_safe(key: str) -> bool:
    """Whether a key has S3's safe characters only (its user guide, "Object key naming guidelines").

    AWS does not document whether MediaConvert and Transcribe take others in an `s3://` address as they are or
    percent-encoded, so neither is handed such a key.
    """
    return _SAFE.fullmatch(key) is not None


def work(asset: str, name: str) -> str:
    """Key of an intermediate file in the work bucket."""
    return f"work/{asset}/{name}"


def delivery(asset: str, name: str) -> str:
    """Key of a delivered file in the delivery bucket."""
    return f"assets/{asset}/{name}"


def catalog_asset(asset: str) -> str:
    """Partition key of an asset's catalog item."""
    return f"ASSET#{asset}"


def catalog_claim(bucket: str, key: str, version: str) -> str:
    """Partition key of the claim that prevents an object version from being processed twice."""
    return f"CLAIM#{bucket}/{key}#{version}"


def catalog_token(job_name: str) -> str:
    """Partition key under which a task token waits for its job's event."""
    return f"TOKEN#{job_name}"


def catalog_render(asset: str, name: str) -> str:
    """Partition key of the claim that prevents a rendition from being made on request twice."""
    return f"RENDER#{asset}#{name}"


def catalog_spend(period: str) -> str:
    """Partition key of a sum spent: of a month (`YYYY-MM`), a day (`YYYY-MM-DD`), or a device's day (`day#device`)."""
    return f"SPEND#{period}"
