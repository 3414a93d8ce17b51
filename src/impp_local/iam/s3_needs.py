"""What an S3 request needs: S3's actions are not its operations.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/security_iam_service-with-iam.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, unquote
from xml.parsers.expat import ExpatError

import xmltodict  # type: ignore[import-untyped]

from impp_local.iam.need import Need
from impp_local.iam.state import backend
from impp_local.kernel.contract import AwsError, Call

_OBJECT_ACTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "AbortMultipartUpload": ("AbortMultipartUpload",),
    "CompleteMultipartUpload": ("PutObject",),
    "CopyObject": ("PutObject",),
    "CreateMultipartUpload": ("PutObject",),
    "DeleteObject": ("DeleteObject",),
    "DeleteObjectTagging": ("DeleteObjectTagging",),
    "GetObject": ("GetObject",),
    "GetObjectAttributes": ("GetObject", "GetObjectAttributes"),
    "GetObjectTagging": ("GetObjectTagging",),
    "HeadObject": ("GetObject",),
    "ListParts": ("ListMultipartUploadParts",),
    "PostObject": ("PutObject",),
    "PutObject": ("PutObject",),
    "PutObjectTagging": ("PutObjectTagging",),
    "SelectObjectContent": ("GetObject",),
    "UploadPart": ("PutObject",),
    "UploadPartCopy": ("PutObject",),
}
"""Actions of operations on an object, where they are not the operation's name."""

_BUCKET_ACTIONS: Final = {
    "DeleteBucketEncryption": "PutEncryptionConfiguration",
    "DeleteBucketLifecycle": "PutLifecycleConfiguration",
    "DeletePublicAccessBlock": "PutBucketPublicAccessBlock",
    "GetBucketCors": "GetBucketCORS",
    "GetBucketEncryption": "GetEncryptionConfiguration",
    "GetBucketLifecycleConfiguration": "GetLifecycleConfiguration",
    "GetBucketNotificationConfiguration": "GetBucketNotification",
    "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
    "HeadBucket": "ListBucket",
    "ListBuckets": "ListAllMyBuckets",
    "ListMultipartUploads": "ListBucketMultipartUploads",
    "ListObjectVersions": "ListBucketVersions",
    "ListObjects": "ListBucket",
    "ListObjectsV2": "ListBucket",
    "PutBucketCors": "PutBucketCORS",
    "PutBucketEncryption": "PutEncryptionConfiguration",
    "PutBucketLifecycleConfiguration": "PutLifecycleConfiguration",
    "PutBucketNotificationConfiguration": "PutBucketNotification",
    "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
}

MALFORMED: Final = "The XML you provided was not well-formed or did not validate against our published schema"

_OF_A_VERSION: Final = {
    "DeleteObject": "DeleteObjectVersion",
    "DeleteObjectTagging": "DeleteObjectVersionTagging",
    "GetObject": "GetObjectVersion",
    "GetObjectAttributes": "GetObjectVersionAttributes",
    "GetObjectTagging": "GetObjectVersionTagging",
    "PutObjectTagging": "PutObjectVersionTagging",
}

CREATES_OBJECT: Final = {"CompleteMultipartUpload", "CopyObject", "PostObject", "PutObject"}

_HEADERS: Final = (
    "x-amz-acl",
    "x-amz-content-sha256",
    "x-amz-copy-source",
    "x-amz-grant-full-control",
    "x-amz-grant-read",
    "x-amz-grant-read-acp",
    "x-amz-grant-write",
    "x-amz-grant-write-acp",
    "x-amz-metadata-directive",
    "x-amz-server-side-encryption",
    "x-amz-server-side-encryption-aws-kms-key-id",
    "x-amz-server-side-encryption-customer-algorithm",
    "x-amz-storage-class",
    "x-amz-website-redirect-location",
    "if-match",
    "if-none-match",
)
"""Headers that are condition keys by their name behind `s3:`."""


def bucket_and_key(call: Call) -> tuple[str, str]:
    """The bucket and the key of a path-style request."""
    bucket, _, key = call.path.lstrip("/").partition("/")
    return bucket, key


def object_arn(bucket: str, key: str) -> str:
    """The ARN of an object."""
    return f"arn:aws:s3:::{bucket}/{key}"


def needs_of(call: Call) -> list[Need]:
    """The actions of a request, and on what."""
    bucket, key = bucket_and_key(call)
    context = _context(call, bucket, key)
    if call.operation == "DeleteObjects":  # each key by itself, see `deletions`
        return []
    if key:
        actions = _object_actions(call)
        needs = [Need(f"s3:{action}", object_arn(bucket, key), context) for action in actions]
        return [*needs, *_copied(call, bucket, context)]
    action = _BUCKET_ACTIONS.get(call.operation, call.operation)
    return [Need(f"s3:{action}", f"arn:aws:s3:::{bucket}" if bucket else "*", context)]


def _object_actions(call: Call) -> list[str]:
    actions = list(_OBJECT_ACTIONS.get(call.operation, (call.operation,)))
    if call.query.get("versionId"):
        actions = [_OF_A_VERSION.get(action, action) for action in actions]
    headers = call.headers
    if call.operation in ("PutObject", "CopyObject", "CreateMultipartUpload"):
        if headers.get("x-amz-tagging"):
            actions.append("PutObjectTagging")
        if any(name == "x-amz-acl" or name.startswith("x-amz-grant-") for name in headers):
            actions.append("PutObjectAcl")
        if "x-amz-object-lock-mode" in headers:
            actions.append("PutObjectRetention")
        if "x-amz-object-lock-legal-hold" in headers:
            actions.append("PutObjectLegalHold")
    return actions


def _copied(call: Call, bucket: str, context: Mapping[str, Any]) -> list[Need]:
    """Reading what is copied, and its tags if they are copied too (CopyObject's "Permissions")."""
    source = call.headers.get("x-amz-copy-source")
    if source is None:
        return []
    path, _, version = unquote(source).lstrip("/").partition("?versionId=")
    from_bucket, _, key = path.partition("/")
    arn = object_arn(from_bucket, key)
    of_version = "Version" if version else ""
    needs = [Need(f"s3:GetObject{of_version}", arn, _own_context(call, from_bucket, key))]
    replaces = call.headers.get("x-amz-tagging-directive", "COPY").upper() == "REPLACE"
    if call.operation == "CopyObject" and not replaces and _tags(from_bucket, key, version or None):
        needs.append(Need(f"s3:GetObject{of_version}Tagging", arn, _own_context(call, from_bucket, key)))
        needs.append(Need("s3:PutObjectTagging", object_arn(bucket, bucket_and_key(call)[1]), context))
    return needs


def deletions(call: Call) -> list[tuple[Mapping[str, str], Need]]:
    """The objects that DeleteObjects lists, and what deleting each needs. Raises AwsError MalformedXML."""
    bucket, _ = bucket_and_key(call)
    context = _context(call, bucket, "")
    listed = []
    delete = _read(call, "Delete", "Object", strips=False)  # a key may begin and end with spaces
    for entry in (delete.get("Object") if isinstance(delete, Mapping) else None) or []:
        if not isinstance(entry, Mapping) or not isinstance(entry.get("Key"), str):
            raise AwsError("MalformedXML", MALFORMED)
        action = "DeleteObjectVersion" if entry.get("VersionId") else "DeleteObject"
        listed.append((entry, Need(f"s3:{action}", object_arn(bucket, entry["Key"]), context)))
    return listed


def is_quiet(call: Call) -> bool:
    """Whether DeleteObjects is to answer errors only. Raises AwsError MalformedXML."""
    return str((_read(call, "Delete", "Object") or {}).get("Quiet")).lower() == "true"


def _context(call: Call, bucket: str, key: str) -> dict[str, Any]:
    headers, query = call.headers, call.query
    context = _own_context(call, bucket, key)
    context |= {f"s3:{name}": headers[name] for name in _HEADERS if name in headers}
    context |= {f"s3:{name}": query[name] for name in ("prefix", "delimiter", "max-keys") if name in query}
    if "versionId" in query:
        context["s3:versionid"] = query["versionId"]
    if call.method in ("PUT", "POST") and key:
        context["s3:objectcreationoperation"] = str(call.operation in CREATES_OBJECT).lower()
    tags = _requested_tags(call)
    if tags:
        context |= {f"s3:requestobjecttag/{name.lower()}": value for name, value in tags.items()}
        context["s3:requestobjecttagkeys"] = list(tags)
    return context


def _own_context(call: Call, bucket: str, key: str) -> dict[str, Any]:
    is_presigned = "X-Amz-Signature" in call.query
    context: dict[str, Any] = {
        "s3:resourceaccount": call.account,
        "s3:authtype": "REST-QUERY-STRING" if is_presigned else "REST-HEADER",
        "s3:signatureversion": "AWS4-HMAC-SHA256",
    }
    if key:
        version = call.query.get("versionId")
        context |= {f"s3:existingobjecttag/{k.lower()}": v for k, v in _tags(bucket, key, version).items()}
    return context


def _requested_tags(call: Call) -> dict[str, str]:
    if header := call.headers.get("x-amz-tagging"):
        return dict(parse_qsl(header, keep_blank_values=True))
    if call.operation == "PutObjectTagging":
        given = (_read(call, "Tagging", "Tag") or {}).get("TagSet") or {}
        return {tag["Key"]: tag.get("Value") or "" for tag in given.get("Tag", [])}
    return {}


def _read(call: Call, root: str, listed: str, *, strips: bool = True) -> Any:
    """The root element of an XML body; `strips` whitespace around texts. Raises AwsError MalformedXML."""
    try:
        return xmltodict.parse(call.body, force_list=(listed,), strip_whitespace=strips)[root]
    except (ExpatError, KeyError) as error:
        raise AwsError("MalformedXML", MALFORMED) from error


def _tags(bucket: str, key: str, version: str | None) -> dict[str, str]:
    """The tags that an object has now."""
    stored = stored_object(bucket, key, version)
    return dict(backend("s3").tagger.get_tag_dict_for_resource(stored.arn)) if stored else {}


def stored_object(bucket: str, key: str, version: str | None) -> Any | None:
    """moto's object, None when there is none."""
    known = backend("s3").buckets.get(bucket)
    if known is None:
        return None
    if version is None:
        stored = known.keys.get(key)
        return stored if hasattr(stored, "etag") else None
    return next((one for one in known.keys.getlist(key, []) if str(getattr(one, "version_id", "")) == version), None)
