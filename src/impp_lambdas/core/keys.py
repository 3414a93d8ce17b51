"""Every S3 key and catalog key that IMPP writes.

The edge writes `originals/{source}/{device}/{YYYY}/{MM}/{DD}/{filename}` to the ingest bucket, but every object below
`originals/` is processed. Objects below `work/{asset}/` expire; those below `assets/{asset}/` are delivered, and so is
the index of all assets below `index/`.
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


DOCUMENT_CACHE = "private, no-cache"
"""`Cache-Control` of delivered JSON, playlists and captions: browsers ask before they use their copy, so that a revoked
share shows nothing, and a 304 carries no content. CloudFront, which checks each request before it looks into its cache,
keeps a document for its cache policy's least time, a second (CloudFront developer guide, "Managing how long content
stays in the cache"). Without the header it would keep it for a day."""

INDEX_SHARDS = "index/shards.json"
"""Key of the list of the index's months in the delivery bucket."""


def index_shard(times: str) -> str:
    """Key of the index's shard of all times of capture that begin with `times`, `YYYY-MM` or more of an ISO 8601 time,
    in the delivery bucket."""
    return f"index/{times[:4]}/{times[5:].replace(':', '-')}.json"


def index_words(times: str) -> str:
    """Key of what was seen and said in a shard's assets."""
    return f"{index_shard(times).removesuffix('.json')}.words.json"


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


def catalog_restore(bucket: str, key: str, version: str) -> str:
    """Partition key of what is to happen when an object version has been restored."""
    return f"RESTORE#{bucket}/{key}#{version}"


def catalog_request(request: str) -> str:
    """Partition key of a request for an action, and of its response."""
    return f"REQUEST#{request}"


def catalog_rate(name: str, minute: str) -> str:
    """Partition key of a count per minute (`YYYY-MM-DDTHH:MM`), which limits a rate."""
    return f"RATE#{name}#{minute}"


def catalog_alerts(owner: str, day: str) -> str:
    """Partition key of the number of alerts about a device's files on a day (`YYYY-MM-DD`)."""
    return f"ALERTS#{day}#{owner}"


def catalog_erased(asset: str) -> str:
    """Partition key of what stays of an erased asset: when, and how much."""
    return f"ERASED#{asset}"


def catalog_receipt(asset: str) -> str:
    """Partition key of the receipt of an erasure, which DynamoDB deletes after some days."""
    return f"RECEIPT#{asset}"


def catalog_calibration(machine: str) -> str:
    """Partition key of what ledgers have taught quotes about the functions on a kind of processor."""
    return f"CALIBRATION#{machine}"


def catalog_spend(period: str) -> str:
    """Partition key of a sum spent: of a month (`YYYY-MM`), a day (`YYYY-MM-DD`), or a device's day (`day#device`)."""
    return f"SPEND#{period}"


def catalog_services(month: str) -> str:
    """Partition key of a month's (`YYYY-MM`) sums by service."""
    return f"SERVICES#{month}"
