"""Changes to moto itself: each works around one fault of moto 5.2.5 and says when it can go.

Operations that moto lacks are in the services; here is only what moto has and does wrongly.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import quote

from impp_local.kernel import objects
from impp_local.kernel.blobs import Blob
from impp_local.kernel.contract import AwsError
from impp_local.services.s3 import tracking

_patched: set[str] = set()


def patch_s3() -> None:
    """Make moto's S3 leave events and checksums to us, and read bucket policies with their conditions. Idempotent."""
    if "s3" in _patched:
        return
    _patched.add("s3")
    import moto.s3.models as models
    import moto.s3.notifications as notifications
    import moto.s3.responses as responses

    tracking.track()

    # moto writes one access log object with made-up content for each request, before it answers it. S3 delivers logs
    # on a best-effort basis, hours later, with many records each. Can go when log_incoming_request does.
    models.S3Backend.log_incoming_request = lambda *_args, **_kwargs: None  # type: ignore[method-assign]

    # moto sends its own EventBridge events before tags and metadata are set, with a made-up sequencer and a false
    # reason, and twice for multipart uploads; `events` sends the right ones. Can go when moto's test for
    # "Object Created" compares reason, etag and sequencer with AWS's.
    notifications._send_event_bridge_message = lambda *_args, **_kwargs: None

    # moto copies the whole object twice to checksum a multipart upload; `checksums` combines those of the parts.
    # Can go when MultipartChecksumBuilder no longer keeps `complete_object`.
    models.MultipartChecksumBuilder = _NoChecksum  # type: ignore[assignment,misc]

    # moto joins the parts of an upload in memory, twice; here they are joined in a blob, which `front` makes the
    # object's. Can go when FakeMultipart.complete no longer returns all bytes.
    models.FakeMultipart.complete = _joining(models.FakeMultipart.complete)  # type: ignore[method-assign]

    # moto copies an object through memory, twice; here block by block, from blob to blob.
    # Can go when S3Backend.copy_object no longer reads FakeKey.value.
    models.FakeKey.value = property(models.FakeKey.value.fget, _writing_blocks(models.FakeKey.value.fset))  # type: ignore
    models.S3Backend.copy_object = _copying_blobs(models.S3Backend.copy_object)  # type: ignore[method-assign]

    # moto restores an archived object at once, and never a version that is not the newest; `restores` does both.
    # Can go when S3Backend.restore_object takes a version and a time.
    models.FakeKey.status = property(lambda key: key._status)  # type: ignore[assignment]

    # moto refuses to show the tags and lists of an archived object; `front` refuses to read it.
    # Can go when S3Response.get_object_tagging passes validate_storage_class=False.
    get_key = responses.S3Response._get_key
    responses.S3Response._get_key = lambda self, validate_storage_class=False: get_key(self, False)  # type: ignore[method-assign]  # noqa: ARG005

    # moto copies every object with all its bytes only to list versions.
    # Can go when list_object_versions no longer calls copy.deepcopy.
    models.FakeKey.__deepcopy__ = _copy_without_bytes  # type: ignore[attr-defined]

    # moto applies a Deny whose Condition does not hold, so that "deny what is not TLS" denies all.
    # Can go when IAMPolicyStatement.is_action_permitted looks at Condition.
    models.FakeBucket.get_permission = _permission  # type: ignore[assignment,method-assign]

    # moto wants the log bucket's policy to be there before logging is switched on; AWS does not look at it then (logs
    # are delivered, or not, later). Can go when FakeBucket.set_logging asks ACLs only of buckets that have ACLs.
    models.FakeBucket._log_permissions_enabled_policy = lambda *_args, **_kwargs: True  # type: ignore[method-assign]

    # moto keeps a bucket's EventBridge notification but does not return it, so that Terraform sets it again and again.
    # Can go when S3Response.get_bucket_notification answers EventBridgeConfiguration.
    get_notification = responses.S3Response.get_bucket_notification
    responses.S3Response.get_bucket_notification = _with_eventbridge(get_notification)  # type: ignore[assignment,method-assign]

    # moto ignores `encoding-type=url` when it lists versions. S3 then encodes Key, Prefix, Delimiter and the markers
    # (API reference, ListObjectVersions), and the AWS provider decodes them without looking: `terraform destroy` fails
    # on a key with "%". Can go when S3Response.list_object_versions answers EncodingType.
    responses.S3Response.list_object_versions = _with_encoding(  # type: ignore[assignment,method-assign]
        responses.S3Response.list_object_versions
    )

    # moto takes Object Lock on new buckets only; S3 takes it on existing ones since November 2023 (S3 user guide,
    # "Enable Object Lock on an existing S3 bucket"). Can go when put_object_lock_configuration no longer raises
    # BucketNeedsToBeNew.
    models.S3Backend.put_object_lock_configuration = _locking  # type: ignore[assignment]

    # moto's continuation tokens are hashes that mean something to one process only.
    # Can go when S3Backend has no _pagination_tokens.
    models.S3Backend.list_objects_v2 = _with_lasting_token(models.S3Backend.list_objects_v2)  # type: ignore[method-assign]


def _locking(
    backend: Any, bucket_name: str, lock_enabled: bool, mode: Any = None, days: Any = None, years: Any = None
) -> None:
    from moto.s3.exceptions import InvalidBucketState

    bucket = backend.get_bucket(bucket_name)
    if not bucket.is_versioned:
        raise InvalidBucketState("Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration")
    bucket.object_lock_enabled = bucket.object_lock_enabled or lock_enabled
    bucket.default_lock_mode, bucket.default_lock_days, bucket.default_lock_years = mode, days, years


def _with_lasting_token(listing: Callable[..., Any]) -> Callable[..., Any]:
    def list_objects_v2(
        backend: Any, *args: Any, continuation_token: str | None, start_after: str | None, **kwargs: Any
    ) -> Any:
        after = _key_of(continuation_token) if continuation_token else start_after
        *listed, token = listing(backend, *args, continuation_token=None, start_after=after, **kwargs)
        return *listed, token and _token_of(backend._pagination_tokens.pop(token))

    return list_objects_v2


def _token_of(key: str) -> str:
    return base64.urlsafe_b64encode(key.encode()).decode()


def _key_of(token: str) -> str:
    try:
        return base64.b64decode(token.encode(), b"-_", validate=True).decode()
    except ValueError:
        raise AwsError("InvalidArgument", "The continuation token provided is incorrect") from None


def _with_encoding(listing: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def list_object_versions(response: Any) -> Any:
        if response.querystring.get("encoding-type") == ["url"]:
            serialize = response.serialized
            response.serialized = lambda answer: serialize(type(answer)(_url_encoded(answer.result)))
        return listing(response)

    return list_object_versions


def _url_encoded(listing: dict[str, Any]) -> dict[str, Any]:
    """A listing of versions as S3 gives it for `encoding-type=url`."""
    encoded = {**listing, "EncodingType": "url"}
    for name in ("Prefix", "Delimiter", "KeyMarker", "NextKeyMarker"):
        if encoded.get(name):
            encoded[name] = quote(encoded[name])
    for name, member in (("Versions", "Key"), ("DeleteMarkers", "Key"), ("CommonPrefixes", "Prefix")):
        if name in encoded:
            encoded[name] = [{**entry, member: quote(entry[member])} for entry in encoded[name]]
    return encoded


def _with_eventbridge(get_notification: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def get_bucket_notification(response: Any) -> Any:
        status, headers, body = get_notification(response)
        configuration = response.backend.get_bucket_notification_configuration(response.bucket_name)
        if configuration is None or configuration.event_bridge is None:
            return status, headers, body
        text = body.decode() if isinstance(body, bytes) else body
        with_end_tag = re.sub(r"<(NotificationConfiguration[^>]*)/>", r"<\1></NotificationConfiguration>", text)
        end = "</NotificationConfiguration>"
        return status, headers, with_end_tag.replace(end, f"<EventBridgeConfiguration/>{end}")

    return get_bucket_notification


def _joining(complete: Callable[..., Any]) -> Callable[..., Any]:
    """Complete an upload whose parts are blobs by :func:`_complete`."""

    def join(upload: Any, body: Iterable[tuple[int, str]]) -> Any:
        if all(isinstance(part._value_buffer, Blob) for part in upload.parts.values()):
            return _complete(upload, body)
        return complete(upload, body)  # moto without the local cloud, in the same process

    return join


def _complete(upload: Any, body: Iterable[tuple[int, str]]) -> tuple[bytes, str, None]:
    """Check the listed parts as moto does, join them in the file `upload.joined`, and return no bytes of them."""
    from moto.s3.exceptions import EntityTooSmall, InvalidPart, MalformedXML
    from moto.settings import S3_UPLOAD_PART_MIN_SIZE

    chosen: list[Any] = []
    for number, etag in body:
        part = upload.parts.get(number)
        if part is None or part.etag.strip('"') != etag.strip('"'):
            raise InvalidPart()
        if chosen and chosen[-1].contentsize < S3_UPLOAD_PART_MIN_SIZE:
            raise EntityTooSmall()
        chosen.append(part)
    if not chosen:
        raise MalformedXML()
    if len(chosen) == 1:
        upload.joined = chosen[0]._value_buffer
    else:
        upload.joined = tracking.new_blob()
        for part in chosen:
            with part._value_buffer.open() as file:
                shutil.copyfileobj(file, upload.joined, objects.BLOCK)
    digests = b"".join(bytes.fromhex(part.etag.strip('"')) for part in chosen)
    return b"", f"{hashlib.md5(digests, usedforsecurity=False).hexdigest()}-{len(chosen)}", None


def _writing_blocks(set_value: Any) -> Callable[[Any, Any], None]:
    """The setter of an object's bytes that takes a blob, too."""

    def set_bytes(key: Any, content: Any) -> None:
        if not isinstance(content, Blob):
            set_value(key, content)
            return
        with content.open() as file:
            shutil.copyfileobj(file, key._value_buffer, objects.BLOCK)
        key.contentsize = content.size

    return set_bytes


def _copying_blobs(copy_object: Callable[..., None]) -> Callable[..., None]:
    """Copy from an object whose value is its blob."""
    from moto.s3.models import FakeKey

    class Source(FakeKey):
        value = property(lambda key: key._value_buffer)

    def copy_blob(backend: Any, source: Any, *args: Any, **kwargs: Any) -> None:
        if not isinstance(source._value_buffer, Blob):  # moto without the local cloud, in the same process
            copy_object(backend, source, *args, **kwargs)
            return
        blob = object.__new__(Source)
        blob.__dict__.update(source.__dict__)
        copy_object(backend, blob, *args, **kwargs)

    return copy_blob


def _copy_without_bytes(key: Any, _memo: dict[int, Any]) -> Any:
    """The object again with the same bytes: enough for a listing."""
    alike = object.__new__(type(key))
    alike.__dict__.update(key.__dict__)
    return alike


class _NoChecksum:
    def __init__(self, *_: Any) -> None:
        pass

    def addPart(self, part: bytes) -> None:
        """Count nothing."""

    def build(self) -> None:
        """No checksum: the caller sets it."""


def _permission(bucket: Any, action: str, resource: str) -> Any:
    from moto.iam.access_control import IAMPolicy, PermissionResult

    if bucket.policy is None:
        return PermissionResult.NEUTRAL
    document = json.loads(bucket.policy)
    statements = document.get("Statement", [])
    statements = statements if isinstance(statements, list) else [statements]
    # Every call counts as TLS here, and no other condition can be judged: what has one neither allows nor denies.
    document["Statement"] = [statement for statement in statements if not statement.get("Condition")]
    if not document["Statement"]:
        return PermissionResult.NEUTRAL
    return IAMPolicy(json.dumps(document)).is_action_permitted(action, resource)
