"""A simple boto3 script: every file of a folder by upload_file, four at once, with SHA-256, metadata
and tags as impp-edge sets them. `edge_bench.py` measures it beside the others."""

from __future__ import annotations

import hashlib
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import boto3

FILES_AT_ONCE = 4


def upload(client: Any, root: Path, path: Path, bucket: str) -> None:
    """One file: read for its SHA-256, then read again by boto3."""
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    tags = {"impp:source": "dashcam", "impp:timestamp": "2025-06-01T10:00:00Z", "impp:checksum": sha256}
    more = {"Metadata": {"impp-sha256": sha256, "impp-source": "dashcam"}, "Tagging": urlencode(tags)}
    client.upload_file(str(path), bucket, f"x/{path.relative_to(root).as_posix()}", ExtraArgs=more)


def main(folder: str, bucket: str, endpoint: str) -> None:
    client = boto3.client("s3", endpoint_url=endpoint)
    root = Path(folder)
    files = [path for path in sorted(root.rglob("*")) if path.is_file()]
    with ThreadPoolExecutor(FILES_AT_ONCE) as pool:
        list(pool.map(lambda path: upload(client, root, path, bucket), files))


if __name__ == "__main__":
    main(*sys.argv[1:])
