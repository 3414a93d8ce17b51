"""S3 on disk: after each request, what it touched in moto is compared with its rows, and written.

No list says which operation changes what. `tracking` reports what passed through moto's containers: each version that
was added to a bucket, removed from it or handed out to an operation, each part and upload. When the request is over
and before it is answered, these are pickled, compared with what was written last, and written in one transaction.

| kind | key | one for each |
| --- | --- | --- |
| `s3.bucket` | bucket | bucket with its configurations and tags |
| `s3.object` | bucket/name#number | version or delete marker, numbered in the order of creation |
| `s3.upload` | bucket/upload | multipart upload in progress |
| `s3.part` | bucket/upload/number | part of it |
| `blob` | name | bytes of a small object (`kernel.blobs`) |
"""

from __future__ import annotations

import pickle
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from moto.s3.utils import _VersionedKeyStore

from impp_local.kernel.blobs import SMALL, Blob, Blobs
from impp_local.kernel.defaults import ACCOUNT
from impp_local.kernel.store import Store
from impp_local.services.s3 import events, tracking
from impp_local.services.s3.tracking import PRIVATE, Prepared, Touched, models

BUCKET: Final = "s3.bucket"
OBJECT: Final = "s3.object"
UPLOAD: Final = "s3.upload"
PART: Final = "s3.part"

_FORGOTTEN: Final = frozenset({"lock", "disposed", "_row", "_written", "_tick", "_max_buffer_size", "_value_buffer"})
"""Attributes of moto's objects that mean nothing to the next process."""


class ObjectRows:
    """Writes what requests changed, and gives it back to moto at the start.

    All methods but `prepare` are called under S3's lock. `tiering` has the Intelligent-Tiering configurations by bucket
    and id.
    """

    def __init__(self, store: Store, tiering: dict[tuple[str, str], dict[str, Any]]) -> None:
        self.blobs = Blobs(store)
        self._store = store
        self._tiering = tiering
        self._buckets: dict[str, int] = {}

    def prepare(self, content: bytes) -> Prepared | None:
        """Write bytes that a request is about to store, before it takes the lock; None for few bytes."""
        return Prepared(content, self.blobs.write_file(content)) if len(content) > SMALL else None

    @contextmanager
    def request(
        self,
        bucket: str,
        prepared: Prepared | None = None,
        *,
        whole_bucket: bool = False,
        publishers: Iterable[Callable[[], None]] = (),
    ) -> Iterator[None]:
        """Write what the block changes, also when it fails. `whole_bucket`: it may change the bucket itself.

        `publishers` publish what happened, in the same transaction: an object that is there has had its event.
        """
        touched = Touched(self.blobs, prepared)
        if whole_bucket:
            touched.buckets.add(bucket)
        try:
            with tracking.during(touched):
                yield
        finally:
            self._write(touched, publishers)

    # Writing.

    def _write(self, touched: Touched, publishers: Iterable[Callable[[], None]]) -> None:
        batch = _Batch()
        with self._store.changes():
            for name in sorted(touched.buckets):
                self._write_bucket(name, batch)
            replaced = {_object_id(version) for version in touched.versions.values()}
            for version in touched.removed.values():
                self._remove_version(version, batch)
                if _object_id(version) not in replaced:
                    _backend().tagger.delete_all_tags_for_resource(getattr(version, "arn", ""))
            for upload in touched.removed_uploads:
                self._remove_upload(upload, batch)
            for part in touched.removed_parts:
                batch.gone.append(part._value_buffer)
            for version in touched.versions.values():
                if not hasattr(version, "_row"):
                    version._row = events.next_number()
                self._put(OBJECT, _object_key(version), version, batch)
            for upload in touched.uploads.values():
                self._put(UPLOAD, f"{upload.bucket_name}/{upload.id}", upload, batch)
            for upload, number, part in touched.parts.values():
                self._put(PART, f"{upload.bucket_name}/{upload.id}/{number:05}", part, batch)
            named = {blob.name for blob in batch.kept}
            gone = [blob for blob in batch.gone if blob.name not in named]
            for blob in batch.kept:
                self.blobs.keep(blob)
            for blob in gone:
                self.blobs.forget(blob)
            for publish in publishers:
                publish()
        for written, digest in batch.written:
            written._written = digest
        for blob in batch.kept:
            self.blobs.kept(blob)
        self.blobs.remove(blob.name for blob in gone if not blob.is_small)
        self.blobs.remove(name for name in touched.files() if name not in named)

    def _put(self, kind: str, key: str, thing: Any, batch: _Batch) -> None:
        content = pickle.dumps(_state(thing), pickle.HIGHEST_PROTOCOL)
        if hasattr(thing, "_value_buffer"):
            batch.kept.append(thing._value_buffer)
        digest = hash(content)
        if getattr(thing, "_written", None) != digest:
            self._store.put(kind, key, content)
            batch.written.append((thing, digest))

    def _remove_version(self, version: Any, batch: _Batch) -> None:
        if hasattr(version, "_row"):
            self._store.delete(OBJECT, _object_key(version))
        if isinstance(version, models.FakeKey):
            batch.gone.append(version._value_buffer)

    def _remove_upload(self, upload: Any, batch: _Batch) -> None:
        name = f"{upload.bucket_name}/{upload.id}"
        self._store.delete(UPLOAD, name)
        for number, part in upload.parts.items():
            self._store.delete(PART, f"{name}/{number:05}")
            batch.gone.append(part._value_buffer)

    def _remove_uploads(self, bucket: str, batch: _Batch) -> None:
        """The uploads that a deleted bucket had in progress."""
        for key, _ in self._store.rows(UPLOAD, f"{bucket}/"):
            self._store.delete(UPLOAD, key)
        for key, content in self._store.rows(PART, f"{bucket}/"):
            self._store.delete(PART, key)
            batch.gone.append(self.blobs.named(*pickle.loads(content)["blob"]))  # noqa: S301  # our own row

    def _write_bucket(self, name: str, batch: _Batch) -> None:
        bucket = _backend().buckets.get(name)
        if bucket is None:
            if self._buckets.pop(name, None) is not None:
                self._store.delete(BUCKET, name)
                self._remove_uploads(name, batch)
            return
        state = {key: value for key, value in vars(bucket).items() if key not in ("keys", "multiparts")}
        if state["acl"] is PRIVATE:  # objects share it with their bucket, also after a restart
            state["acl"] = None
        tags = _backend().tagger.get_tag_dict_for_resource(bucket.arn)
        tiering = {key: value for key, value in self._tiering.items() if key[0] == name}
        content = pickle.dumps((state, tags, tiering), pickle.HIGHEST_PROTOCOL)
        if self._buckets.get(name) != hash(content):
            self._store.put(BUCKET, name, content)
            self._buckets[name] = hash(content)

    # Reading.

    def restore(self) -> None:
        """Give moto what the rows have, and remove files that none of them names."""
        backend = _backend()
        named: set[str] = set()
        for name, content in self._store.rows(BUCKET):
            state, tags, tiering = pickle.loads(content)  # noqa: S301  # our own row
            bucket = _alike(models.FakeBucket, state)
            if bucket.acl is None:
                bucket.acl = PRIVATE
            bucket.keys, bucket.multiparts = _VersionedKeyStore(), models.MultipartDict()
            backend.buckets[name] = bucket
            models.s3_backends.bucket_accounts[name] = (bucket.partition, bucket.account_id)
            _tag(bucket.arn, tags)
            self._tiering.update(tiering)
            self._buckets[name] = hash(content)
        rows = sorted((int(key.rpartition("#")[2], 16), content) for key, content in self._store.rows(OBJECT))
        for number, content in rows:
            version = self._version(content, named)
            version._row = number
            store = backend.buckets[version.bucket_name].keys
            versions = dict.setdefault(store, version.name, [])
            if isinstance(version, models.FakeDeleteMarker) and version.key is None and versions:
                version.key = versions[-1]
            versions.append(version)
        if rows:
            events.continue_after(rows[-1][0])
        for key, content in self._store.rows(UPLOAD):
            upload = _alike(models.FakeMultipart, pickle.loads(content), parts={}, partlist=[], _written=hash(content))  # noqa: S301
            dict.__setitem__(backend.buckets[key.partition("/")[0]].multiparts, upload.id, upload)
        for key, content in self._store.rows(PART):
            name, upload_id, position = key.split("/")
            upload = backend.buckets[name].multiparts[upload_id]
            upload.parts[int(position)] = self._version(content, named)
            upload.partlist.append(int(position))
        self.blobs.sweep(named)

    def _version(self, content: bytes, named: set[str]) -> Any:
        """A version, delete marker or part from its row."""
        state = pickle.loads(content)  # noqa: S301  # our own row
        if "hides_marker" in state:
            hidden = _alike(models.FakeDeleteMarker, state) if state.pop("hides_marker") else None
            return _alike(models.FakeDeleteMarker, state, key=hidden, _written=hash(content))
        tags, is_private, (name, size) = state.pop("tags"), state.pop("is_private"), state.pop("blob")
        blob = self.blobs.named(name, size)
        if not blob.is_small:
            named.add(name)
        key = _alike(models.FakeKey, state, _value_buffer=blob, _tick=0, disposed=False, _written=hash(content))
        key.lock = threading.Lock()
        if is_private:
            key.acl = PRIVATE
        _tag(key.arn, tags)
        return key


@dataclass
class _Batch:
    """What is written in one transaction: things with their rows' digests, blobs that rows name or no longer name."""

    written: list[tuple[Any, int]] = field(default_factory=list)
    kept: list[Blob] = field(default_factory=list)
    gone: list[Blob] = field(default_factory=list)


def _state(thing: Any) -> dict[str, Any]:
    """What a row has of a version, delete marker, part or upload."""
    if isinstance(thing, models.FakeDeleteMarker):
        state = {key: value for key, value in vars(thing).items() if key != "key" and key not in _FORGOTTEN}
        return {**state, "hides_marker": isinstance(thing.key, models.FakeDeleteMarker)}
    state = {key: value for key, value in vars(thing).items() if key not in _FORGOTTEN}
    if isinstance(thing, models.FakeMultipart):
        return {key: value for key, value in state.items() if key not in ("parts", "partlist", "joined")}
    state["is_private"] = state["acl"] is PRIVATE
    if state["is_private"]:
        state["acl"] = None
    state["blob"] = (thing._value_buffer.name, thing._value_buffer.size)
    state["tags"] = _backend().tagger.get_tag_dict_for_resource(thing.arn)
    return state


def _alike(kind: type, state: dict[str, Any], **more: Any) -> Any:
    """An object with these attributes, made without `__init__`."""
    thing: Any = object.__new__(kind)
    thing.__dict__.update(state, **more)
    return thing


def _tag(arn: str, tags: dict[str, str]) -> None:
    if tags:
        _backend().tagger.tags[arn] = tags


def _object_id(version: Any) -> tuple[str, str, str]:
    """What names a version; a bucket without versioning has one version "null" of each name after the other."""
    return version.bucket_name, version.name, version.version_id


def _object_key(version: Any) -> str:
    return f"{version.bucket_name}/{version.name}#{version._row:x}"


def _backend() -> Any:
    return models.s3_backends[ACCOUNT]["aws"]
