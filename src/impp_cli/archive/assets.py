"""Which asset an argument of the command line means."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from impp_cli.archive import checksums
from impp_cli.archive.catalog import Catalog
from impp_cli.archive.index import Index
from impp_cli.aws import Account, AwsError, Kind
from impp_cli.environments import Environment

ID: Final = re.compile(r"[0-9a-f]{20}")
HEX: Final = re.compile(r"[0-9a-f]{4,}")
SHOWN: Final = 5
"""Assets that a message lists."""
MAX_KEY: Final = 1024
"""Bytes of an object's key (S3 user guide, "Naming Amazon S3 objects")."""
ALIKE: Final = 50
"""Assets of one size whose checksums are compared."""


class UnknownAsset(Exception):
    """No asset, or more than one, answers to an argument; the message says what would."""


@dataclass(frozen=True)
class Asset:
    """An asset with its item of the catalog."""

    id: str
    item: dict[str, Any]


class Assets:
    """Assets of an environment by what people know of them."""

    def __init__(self, environment: Environment, account: Account, index: Callable[[], Index] | None = None) -> None:
        """`index` finds the beginnings of ids, and assets whose original is gone."""
        self.catalog = Catalog(environment, account)
        self._environment = environment
        self._account = account
        self._index = index

    def resolve(self, argument: str) -> Asset:
        """The asset of an id or its beginning, of the key or file name of its original (or `s3://bucket/key`), or of
        a file on this machine, by its checksum. Raises UnknownAsset, AwsError."""
        text = argument.lower()
        if ID.fullmatch(text):  # first: an uploader chooses the names of files that `impp get` puts here
            return self._of_id(text, argument)
        path = Path(argument)
        if _is_file(path):
            return self._of_file(path)
        if HEX.fullmatch(text) and len(text) < 20:
            return self._of_prefix(text, argument)
        return self._of_key(argument)

    def resolve_all(self, arguments: Iterable[str]) -> Iterator[Asset]:
        """The assets of arguments in that order, each once. Raises UnknownAsset, AwsError."""
        seen: set[str] = set()
        for argument in arguments:
            asset = self.resolve(argument)
            if asset.id not in seen:
                seen.add(asset.id)
                yield asset

    def _of_id(self, asset: str, argument: str) -> Asset:
        item = self.catalog.asset(asset)
        if item is None:
            raise UnknownAsset(f"There is no asset {argument} in {self._environment.name}.")
        return Asset(asset, item)

    def _of_prefix(self, prefix: str, argument: str) -> Asset:
        ids = self._index().with_prefix(prefix, SHOWN + 1) if self._index else []
        if len(ids) == 1:
            return self._of_id(ids[0], argument)
        if not ids:
            raise UnknownAsset(f"No asset in {self._environment.name} begins with {argument}.")
        raise _ambiguous(f"Several assets begin with {argument}", ids)

    def _of_file(self, path: Path) -> Asset:
        sha256 = checksums.sha256(path)
        item = self.catalog.asset(sha256[:20])
        if item and item.get("sha256") in (None, sha256):  # the id is a name, not an identity
            return Asset(sha256[:20], item)
        alike = self._index().with_size(path.stat().st_size, ALIKE) if self._index else []
        for asset in alike:  # uploaded without its SHA-256, such as with `aws s3 cp`
            item = self.catalog.asset(asset) or {}
            if item.get("crc64nvme") and item["crc64nvme"] == checksums.crc64nvme(path):
                return Asset(asset, item)
        hint = f" These have its size but no CRC-64: {', '.join(alike[:SHOWN])}." if alike else ""
        raise UnknownAsset(f"{path} is not in {self._environment.name}: no asset has its SHA-256, {sha256}.{hint}")

    def _of_key(self, argument: str) -> Asset:
        bucket, key = self._environment.output("ingest_bucket"), argument
        if argument.startswith("s3://"):
            bucket, _, key = argument.removeprefix("s3://").partition("/")
        if not bucket or not 0 < len(key.encode()) <= MAX_KEY:
            raise UnknownAsset(f"{argument[:100]!r} cannot be the key of an object.")
        try:
            version = self._account.call("s3", "head_object", Bucket=bucket, Key=key).get("VersionId") or ""
        except AwsError as error:
            if error.kind is not Kind.MISSING:
                raise
            if self._index and (asset := self._index().with_key(key)):  # the original may have been deleted
                return self._of_id(asset, argument)
            named = self._index().with_name(argument, SHOWN + 1) if self._index else []
            if len(named) == 1:
                return self._of_id(named[0], argument)
            if named:
                raise _ambiguous(f"Several assets have the name {argument}", named) from error
            raise UnknownAsset(
                f"{argument} is not an asset, an object in {bucket} or a file here. An id needs at least 4 digits."
            ) from error
        claim = self.catalog.item(f"CLAIM#{bucket}/{key}#{version}") or {}
        if "asset" not in claim:
            raise UnknownAsset(f"{argument} is uploaded but not processed yet.")
        return self._of_id(str(claim["asset"]), argument)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # no file can have such a name
        return False


def _ambiguous(what: str, ids: list[str]) -> UnknownAsset:
    listed = ", ".join(ids[:SHOWN]) + (", …" if len(ids) > SHOWN else "")
    return UnknownAsset(f"{what}: {listed}. Give more digits of the id.")
