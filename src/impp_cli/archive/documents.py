"""JSON documents in the delivery bucket, read and changed with the user's credentials."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from impp_lambdas.core import keys, times
from impp_lambdas.core.results.index_tree import IndexTree

Document = Mapping[str, Any]


class Documents:
    """The documents of a delivery bucket. `s3` is boto3's client, whose errors every method raises."""

    def __init__(self, s3: Any, bucket: str) -> None:
        self._s3 = s3
        self._bucket = bucket

    def read(self, key: str) -> tuple[Any, str | None]:
        """A document and its ETag; None if it does not exist."""
        try:
            response = self._s3.get_object(Bucket=self._bucket, Key=key)
        except ClientError as error:
            if error.response["Error"]["Code"] == "NoSuchKey":
                return None, None
            raise
        return json.loads(response["Body"].read()), str(response["ETag"])

    @property
    def index(self) -> IndexTree:
        """The index of all assets, to be changed as the pipeline does, while it does."""
        return IndexTree(self.read, self._write_if, lambda: times.iso(datetime.now(UTC)))

    def _write_if(self, key: str, document: Document, etag: str | None) -> bool:
        """Write a document on S3's condition; see `put_json_if` in src/impp_lambdas/adapters/s3.py."""
        condition = {"IfMatch": etag} if etag else {"IfNoneMatch": "*"}
        body = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
        kind = {"ContentType": "application/json", "CacheControl": keys.DOCUMENT_CACHE}
        try:
            self._s3.put_object(Bucket=self._bucket, Key=key, Body=body, **kind, **condition)
        except ClientError as error:
            if error.response["Error"]["Code"] in ("PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey"):
                return False
            raise
        return True
