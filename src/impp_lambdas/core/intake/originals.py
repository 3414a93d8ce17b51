"""An uploaded object, and whether it may be processed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from impp_lambdas.core import keys

REPLAYABLE_STATES = ("failed", "deferred", "gone", "quarantined")
"""States after which the same content is processed if it is uploaded again."""


@dataclass(frozen=True)
class Original:
    """An object version. `version` is empty in a bucket without versioning."""

    bucket: str
    key: str
    version: str

    @property
    def uri(self) -> str:
        """`s3://bucket/key` without escapes, as MediaConvert expects it."""
        return f"s3://{self.bucket}/{self.key}"

    def copy_key(self, usable: int | None) -> str | None:
        """The key in the work bucket of the copy that MediaConvert reads, None if it can read the original itself.

        `usable`: the bytes of which the copy consists, if something incomplete follows them. MediaConvert ends a job at
        the end of a cut fragment ("Is file truncated?", error 1076); it documents nothing about other junk.
        """
        if keys.is_safe(self.key) and usable is None:
            return None
        extension = re.search(r"\.[A-Za-z0-9]{1,8}$", self.key)
        name = f"original{extension[0].lower() if extension else ''}"
        return keys.work(keys.asset_id(self.bucket, self.key, self.version, None), name)

    def input_uri(self, work_bucket: str, usable: int | None) -> str:
        """The address that MediaConvert reads."""
        key = self.copy_key(usable)
        return f"s3://{work_bucket}/{key}" if key else self.uri

    def is_folder(self, size: int) -> bool:
        """Whether an object of `size` is a folder: S3's console creates one as an empty object whose key ends with `/`
        (its user guide, "Organizing objects in the Amazon S3 console by using folders"), Hadoop with `_$folder$`."""
        return size == 0 and self.key.endswith(("/", "_$folder$"))

    def is_source_of(self, item: Mapping[str, Any]) -> bool:
        """Whether an asset's catalog item was made from this object version."""
        return (item.get("bucket"), item.get("key"), item.get("version", "")) == (self.bucket, self.key, self.version)


def may_process(item: Mapping[str, Any], original: Original, execution: str, sha256: str | None) -> bool:
    """Whether an execution may process an asset, which has a catalog item, from this object.

    It may in a retry within the same execution, in a replay of the same object version (Claim has admitted it), and if
    the asset's last processing had no result and this object has the same owner and claims the same SHA-256. An asset
    never changes its owner.
    """
    if original.is_source_of(item) or item.get("execution") == execution:
        return True
    is_same = keys.owner(str(item.get("key"))) == keys.owner(original.key) and item.get("sha256") in (None, sha256)
    return is_same and item.get("state") in REPLAYABLE_STATES
