"""What a request touches in moto's S3: its containers report the versions, uploads and parts that pass through them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Final

import moto.s3.models
from moto.s3 import utils

from impp_local.kernel.blobs import Blob, Blobs

models: Final[Any] = moto.s3.models
_VersionedKeyStore: Final[Any] = utils._VersionedKeyStore

_canned_acl: Final = models.get_canned_acl
PRIVATE: Final = _canned_acl("private")
"""The access list of almost every object, held once instead of once per object."""


@dataclass(frozen=True)
class Prepared:
    """Bytes that are in a file already, but in no blob."""

    content: bytes
    name: str


class Touched:
    """What passed through moto's containers during a request, by `id`."""

    def __init__(self, blobs: Blobs, prepared: Prepared | None) -> None:
        self.buckets: set[str] = set()
        self.versions: dict[int, Any] = {}
        self.removed: dict[int, Any] = {}
        self.uploads: dict[int, Any] = {}
        self.removed_uploads: list[Any] = []
        self.parts: dict[int, tuple[Any, int, Any]] = {}
        self.removed_parts: list[Any] = []
        self._blobs = blobs
        self._prepared = prepared
        self._created: list[Blob] = []

    def see(self, version: Any) -> None:
        """A version was added or handed out. Parts have no bucket; they are seen with their upload."""
        if version.bucket_name and id(version) not in self.removed:
            self.versions[id(version)] = version

    def remove(self, version: Any) -> None:
        """A version is no longer in its bucket."""
        self.versions.pop(id(version), None)
        self.removed[id(version)] = version

    def create_blob(self) -> Blob:
        """The bytes of a version or part that moto creates."""
        blob = self._blobs.create()
        if self._prepared is not None:
            blob.expect(self._prepared.content, self._prepared.name)
        self._created.append(blob)
        return blob

    def files(self) -> list[str]:
        """Files that were written for this request."""
        files = [blob.name for blob in self._created if not blob.is_small]
        return [*files, self._prepared.name] if self._prepared else files


class _Current:
    """The request under way: there is one at a time, under S3's lock."""

    touched: Touched | None = None


_current: Final = _Current()


@contextmanager
def during(touched: Touched) -> Iterator[None]:
    """Report to `touched` what passes through moto's containers in the block."""
    _current.touched = touched
    try:
        yield
    finally:
        _current.touched = None


def new_blob() -> Any:
    """The buffer of an object that moto creates; a temporary file for an object that no request stores."""
    touched = _current.touched
    return touched.create_blob() if touched is not None else tempfile.SpooledTemporaryFile()  # moto's


def track() -> None:
    """Make moto's containers report what passes through them. Call once."""
    _track_versions()
    _track_uploads()
    models.tempfile = SimpleNamespace(SpooledTemporaryFile=lambda _size: new_blob())
    models.get_canned_acl = lambda acl: PRIVATE if acl == "private" else _canned_acl(acl)
    # The bytes live as long as their row; nothing has to be closed.
    del models.FakeKey.__del__

    set_attribute = models.FakeBucket.__setattr__

    def set_bucket_attribute(bucket: Any, name: str, value: Any) -> None:
        set_attribute(bucket, name, value)
        if _current.touched is not None:
            _current.touched.buckets.add(bucket.name)

    models.FakeBucket.__setattr__ = set_bucket_attribute


def _track_versions() -> None:
    set_list, set_item, pop = _VersionedKeyStore.setlist, _VersionedKeyStore.__setitem__, _VersionedKeyStore.pop

    def tracked_set_list(store: Any, name: str, versions: Any) -> None:
        before = list(store.getlist(name, []))
        set_list(store, name, versions)
        _report(before, store.getlist(name, []))

    def tracked_set_item(store: Any, name: str, version: Any) -> None:
        set_item(store, name, version)
        _report([], [version])

    def tracked_pop(store: Any, name: str) -> None:
        before = list(store.getlist(name, []))
        pop(store, name)
        _report(before, [])

    _VersionedKeyStore.setlist = tracked_set_list
    _VersionedKeyStore.__setitem__ = tracked_set_item
    _VersionedKeyStore.pop = tracked_pop

    advance, hide = models.FakeKey.advance, models.FakeDeleteMarker.__init__

    def tracked_advance(key: Any) -> None:
        advance(key)  # moto calls this for each object that an operation looks up
        if _current.touched is not None:
            _current.touched.see(key)

    def tracked_hide(marker: Any, key: Any) -> None:
        hide(marker, key)
        marker.bucket_name = key.bucket_name

    models.FakeKey.advance = tracked_advance
    models.FakeDeleteMarker.__init__ = tracked_hide


def _report(before: list[Any], after: list[Any]) -> None:
    touched = _current.touched
    if touched is None:
        return
    stay = {id(version) for version in after}
    known = {id(version) for version in before}
    for version in before:
        if id(version) not in stay:
            touched.remove(version)
    for version in after:
        if id(version) not in known:
            touched.see(version)


def _track_uploads() -> None:
    create, set_part = models.S3Backend.create_multipart_upload, models.FakeMultipart.set_part
    delete = models.MultipartDict.__delitem__

    def tracked_create(backend: Any, bucket_name: str, *args: Any, **kwargs: Any) -> Any:
        upload = create(backend, bucket_name, *args, **kwargs)
        upload.bucket_name = bucket_name
        if _current.touched is not None:
            _current.touched.uploads[id(upload)] = upload
        return upload

    def tracked_set_part(upload: Any, number: int, value: bytes) -> Any:
        before = upload.parts.get(number)
        part = set_part(upload, number, value)
        if _current.touched is not None:
            if before is not None:
                _current.touched.removed_parts.append(before)
            _current.touched.parts[id(part)] = (upload, number, part)
        return part

    def tracked_delete(uploads: Any, upload_id: str) -> None:
        upload = uploads[upload_id]
        delete(uploads, upload_id)
        if _current.touched is not None:
            _current.touched.removed_uploads.append(upload)

    models.S3Backend.create_multipart_upload = tracked_create
    models.FakeMultipart.set_part = tracked_set_part
    models.MultipartDict.__delitem__ = tracked_delete
