"""S3's way in: what moto's S3 does not check or gets wrong is done here, before and after moto stores the object.

- Every checksum of a request is verified on arrival; an upload without one gets a CRC-64/NVME, as S3 does itself.
- A multipart upload has the right checksum of the whole object, combined from those of its parts.
- Unsigned requests are refused: nothing in this cloud is public.
- Events are sent once, when the object with its tags can be read.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qsl, unquote

import xmltodict  # type: ignore[import-untyped]
from moto.s3.models import s3_backends
from moto.s3.utils import ARCHIVE_STORAGE_CLASSES

from impp_local.kernel import events, moto, objects
from impp_local.kernel.contract import AwsError, Call, Response, Service
from impp_local.kernel.defaults import ACCOUNT
from impp_local.services.s3 import checksums
from impp_local.services.s3.checksums import DEFAULT, Part, Verified
from impp_local.services.s3.events import S3Events
from impp_local.services.s3.moto_patches import patch_s3
from impp_local.web import protocol
from impp_local.web.gateway import Caller, headers_of, read_body
from impp_local.web.metering import meter_request

MAX_TAGS: Final = 10
UNSUPPORTED: Final = re.compile(
    r".*(Analytics|Metrics|Metadata|RequestPayment|Torrent|Abac).*|RenameObject|UpdateObjectEncryption|CreateSession"
)
"""Operations that moto takes for others (a PUT with an unknown subresource creates a bucket)."""

_FORMS: Final = ("application/x-www-form-urlencoded", "multipart/form-data")
"""What curl and others say of any body; moto reads the body of a PUT as a form then, and stores nothing."""

_VIRTUAL_HOST = re.compile(r"(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])\.(?:s3[.-].*|localhost)(?::\d+)?$")


@dataclass
class Upload:
    """What a multipart upload was started with, and the checksums of its parts by number."""

    algorithm: str
    kind: str
    explicit: bool
    parts: dict[int, Part] = field(default_factory=dict)


def backend() -> Any:
    """moto's S3 of the account."""
    return s3_backends[ACCOUNT]["aws"]


class S3Front(Service):
    """Answers S3 requests, with moto behind it."""

    name = "s3"

    def __init__(self) -> None:
        self._events = S3Events(events.publish)
        self._uploads: dict[str, Upload] = {}
        self._tiering: dict[tuple[str, str], dict[str, Any]] = {}

    def start(self) -> None:
        """Correct moto."""
        patch_s3()

    def __call__(self, environ: dict[str, Any], caller: Caller) -> Response:
        _to_path_style(environ)
        call = _Call(environ, caller)
        try:
            response = self._answer(call)
        except AwsError as error:
            # The body was read, so the connection can go on.
            response = protocol.error_response("s3", call.headers, error)
        meter_request(call.as_request(), response)
        return response

    def _answer(self, call: _Call) -> Response:
        body = read_body(call.environ)
        if call.caller.access_key is None and call.environ["REQUEST_METHOD"] != "OPTIONS":
            raise AwsError("AccessDenied", "Access Denied", 403)
        headers = call.headers
        if call.operation == "CompleteMultipartUpload":  # its checksum is the object's, not that of the list of parts
            headers = {name: value for name, value in headers.items() if not name.startswith("x-amz-checksum-")}
        verified = checksums.verify(headers, body)
        call.accept(verified)
        if UNSUPPORTED.fullmatch(call.operation):
            raise protocol.unknown_operation("s3", call.operation, call.headers)
        if "IntelligentTiering" in call.operation:
            return self._intelligent_tiering(call)
        with moto.lock_of("s3"):
            prepare = getattr(self, f"_before_{call.operation}", None)
            if prepare:
                prepare(call)
            before = _state(call)
            response = self._get_object(call) if call.operation == "GetObject" else call.forward()
            if response.status < 300:
                finish = getattr(self, f"_after_{call.operation}", None)
                if finish:
                    finish(call, response, before)
        response.headers.pop("x-amz-sdk-checksum-algorithm", None)
        for send in call.events:
            send()
        return response

    # Uploads in one piece.

    def _before_PutObject(self, call: _Call) -> None:
        _check_tags(parse_qsl(call.headers.get("x-amz-tagging", ""), keep_blank_values=True))
        call.use_checksum(call.verified.algorithm or DEFAULT)

    def _after_PutObject(self, call: _Call, response: Response, _before: Any) -> None:
        key = call.stored(response)
        key.checksum_type = "FULL_OBJECT"
        response.headers["x-amz-checksum-type"] = "FULL_OBJECT"
        self._created(call, key)

    def _after_CopyObject(self, call: _Call, response: Response, _before: Any) -> None:
        key = call.stored(response)
        key.checksum_algorithm = (key.checksum_algorithm or DEFAULT).upper()
        key.checksum_value = checksums.checksum(key.checksum_algorithm, key.value)
        key.checksum_type, key.checksum_parts = "FULL_OBJECT", None
        self._created(call, key)

    # Uploads in parts.

    def _before_CreateMultipartUpload(self, call: _Call) -> None:
        _check_tags(parse_qsl(call.headers.get("x-amz-tagging", ""), keep_blank_values=True))
        named = call.headers.get("x-amz-checksum-algorithm")
        algorithm = (named or DEFAULT).upper()
        if algorithm not in checksums.ALGORITHMS:
            raise AwsError("InvalidRequest", "Checksum algorithm provided is unsupported.")
        kind = call.headers.get("x-amz-checksum-type") or ("FULL_OBJECT" if algorithm == DEFAULT else "COMPOSITE")
        hashed = algorithm in ("SHA1", "SHA256")
        if (kind == "COMPOSITE" and algorithm == DEFAULT) or (kind == "FULL_OBJECT" and hashed):
            said = f"The {kind} checksum type cannot be used with the {algorithm.lower()} checksum algorithm."
            raise AwsError("InvalidRequest", said)
        call.environ["HTTP_X_AMZ_CHECKSUM_ALGORITHM"] = algorithm
        call.environ["HTTP_X_AMZ_CHECKSUM_TYPE"] = kind
        call.upload = Upload(algorithm, kind, explicit=named is not None)

    def _after_CreateMultipartUpload(self, call: _Call, response: Response, _before: Any) -> None:
        found = re.search(rb"<UploadId>(.*?)</UploadId>", bytes(response.body))  # type: ignore[arg-type]
        if found and call.upload:
            self._uploads[found[1].decode()] = call.upload
            response.headers["x-amz-checksum-algorithm"] = call.upload.algorithm
            response.headers["x-amz-checksum-type"] = call.upload.kind

    def _before_UploadPart(self, call: _Call) -> None:
        upload = self._uploads.get(call.query.get("uploadId", ""))
        if upload is None:
            raise _no_such_upload()
        given = call.verified.algorithm
        if given and upload.explicit and given != upload.algorithm:
            raise AwsError(
                "InvalidRequest",
                f"Checksum Type mismatch occurred, expected checksum Type: {upload.algorithm.lower()}, actual checksum"
                f" Type: {given.lower()}",
            )
        call.use_checksum(given or upload.algorithm)

    def _after_UploadPart(self, call: _Call, _response: Response, _before: Any) -> None:
        upload = self._uploads[call.query["uploadId"]]
        payload = call.verified.payload
        value = call.checksum if call.algorithm == upload.algorithm else None
        part = Part(value or checksums.checksum(upload.algorithm, payload), len(payload))
        upload.parts[int(call.query["partNumber"])] = part

    def _after_UploadPartCopy(self, call: _Call, _response: Response, _before: Any) -> None:
        upload = self._uploads[call.query["uploadId"]]
        number = int(call.query["partNumber"])
        copied = backend().get_bucket(call.bucket).multiparts[call.query["uploadId"]].parts[number].value
        upload.parts[number] = Part(checksums.checksum(upload.algorithm, copied), len(copied))

    def _before_CompleteMultipartUpload(self, call: _Call) -> None:
        upload_id = call.query.get("uploadId", "")
        upload = self._uploads.get(upload_id)
        if upload is None:
            existing = _existing(call)
            if existing is None or not existing.multipart or existing.multipart.id != upload_id:
                raise _no_such_upload()
            return  # A retry of a completed upload: moto answers as the first time.
        parts = _listed_parts(call, upload)
        size = call.headers.get("x-amz-mp-object-size")
        if size is not None and int(size) != sum(part.size for part in parts):
            raise AwsError("InvalidRequest", "The provided 'x-amz-mp-object-size' header does not match.")
        if upload.kind == "FULL_OBJECT":
            value = checksums.full_object(upload.algorithm, parts)
        else:
            value = checksums.composite(upload.algorithm, parts)
        claimed = call.headers.get(f"x-amz-checksum-{upload.algorithm.lower()}")
        if claimed is not None and claimed.partition("-")[0] != value:
            raise checksums.bad_digest(upload.algorithm)
        call.upload, call.checksum, call.parts = upload, value, len(parts)
        call.part_sizes = [part.size for part in parts]

    def _after_CompleteMultipartUpload(self, call: _Call, response: Response, _before: Any) -> None:
        key = call.stored(response)
        if call.upload:
            self._uploads.pop(call.query["uploadId"], None)
            key._value_buffer, key.contentsize = key.multipart.joined, key.multipart.joined.tell()
            key.part_sizes = call.part_sizes
            key.multipart.dispose()
            key.checksum_algorithm, key.checksum_type = call.upload.algorithm, call.upload.kind
            key.checksum_value, key.checksum_parts = call.checksum, call.parts
            for name in ("x-amz-checksum-algorithm", "x-amz-checksum-type"):  # moto keeps them as metadata
                key.metadata.pop(name, None)
            self._created(call, key)
        described = (
            f"<Checksum{key.checksum_algorithm}>{_shown(key)}</Checksum{key.checksum_algorithm}>"
            f"<ChecksumType>{key.checksum_type}</ChecksumType></CompleteMultipartUploadResult>"
        )
        answered = bytes(response.body)  # type: ignore[arg-type]
        response.body = answered.replace(b"</CompleteMultipartUploadResult>", described.encode())

    def _after_AbortMultipartUpload(self, call: _Call, _response: Response, _before: Any) -> None:
        self._uploads.pop(call.query["uploadId"], None)

    # Of buckets.

    def _intelligent_tiering(self, call: _Call) -> Response:
        """Intelligent-Tiering configurations of a bucket, which moto lacks; can go when it has them."""
        backend().get_bucket(call.bucket)
        request = moto.request_of(moto.environ_with_body(call.environ, call.verified.payload))
        _, labels = protocol.named_operation("s3", request)
        given = protocol.parsed_input("s3", call.operation, request, labels)
        place = (call.bucket, given.get("Id", ""))
        output: dict[str, Any] = {}
        if call.operation.startswith("Put"):
            self._tiering[place] = given["IntelligentTieringConfiguration"]
        elif call.operation.startswith("List"):
            kept = [one for (bucket, _), one in sorted(self._tiering.items()) if bucket == call.bucket]
            output = {"IsTruncated": False, "IntelligentTieringConfigurationList": kept}
        elif place not in self._tiering:
            raise AwsError("NoSuchConfiguration", "The specified configuration does not exist.", 404)
        elif call.operation.startswith("Delete"):
            del self._tiering[place]
        else:
            output = {"IntelligentTieringConfiguration": self._tiering[place]}
        return protocol.serialised("s3", call.operation, call.headers, output)

    # Reading, tagging, deleting.

    def _get_object(self, call: _Call) -> Response:
        """What HeadObject says, with the bytes read from where they lie: moto reads all of an object for any range."""
        key = _existing(call)
        if key is None or key.storage_class in ARCHIVE_STORAGE_CLASSES:
            return call.forward()
        head = call.forward("HEAD")
        if head.status not in (200, 206):
            return call.forward()
        self._after_HeadObject(call, head, None)
        headers = {name.lower(): value for name, value in head.headers.items()}
        length = int(headers["content-length"])
        start = int(re.findall(r"\d+", headers["content-range"])[0]) if "content-range" in headers else 0
        for name, value in call.query.items():  # a presigned URL may say how the object is to be shown
            if name.startswith("response-"):
                headers[name.removeprefix("response-")] = value
        pieces = objects.stored(call.bucket, call.key, key).read(start, length)
        body = b"".join(pieces) if length <= objects.BLOCK else pieces
        return Response(head.status, headers, body)

    def _before_GetObject(self, call: _Call) -> None:
        self._select_part(call)

    def _before_HeadObject(self, call: _Call) -> None:
        self._select_part(call)

    def _select_part(self, call: _Call) -> None:
        """A part by its number is a range: parts are not kept apart once they are an object."""
        sizes = getattr(_existing(call), "part_sizes", None)
        if not sizes or not call.query.get("partNumber", "").isdigit():
            return
        number = int(call.query["partNumber"])
        if not 1 <= number <= len(sizes):
            raise AwsError("InvalidPartNumber", "The requested partnumber is not satisfiable", 416)
        start = sum(sizes[: number - 1])
        call.environ["HTTP_RANGE"] = f"bytes={start}-{start + sizes[number - 1] - 1}"
        kept = [part for part in call.environ["QUERY_STRING"].split("&") if not part.startswith("partNumber=")]
        call.environ["QUERY_STRING"] = "&".join(kept)
        call.environ["RAW_URI"] = call.environ["RAW_URI"].partition("?")[0] + "?" + call.environ["QUERY_STRING"]
        call.parts = len(sizes)

    def _after_HeadObject(self, call: _Call, response: Response, _before: Any) -> None:
        if call.parts:
            response.headers["x-amz-mp-parts-count"] = str(call.parts)
        if call.headers.get("x-amz-checksum-mode", "").upper() == "ENABLED" and response.status == 200:
            key = _existing(call)
            if key is not None and key.checksum_value:
                response.headers[f"x-amz-checksum-{key.checksum_algorithm.lower()}"] = _shown(key)
                response.headers["x-amz-checksum-type"] = key.checksum_type or "FULL_OBJECT"

    def _before_PutObjectTagging(self, call: _Call) -> None:
        parsed = xmltodict.parse(call.verified.payload or b"<Tagging/>").get("Tagging") or {}
        tags = (parsed.get("TagSet") or {}).get("Tag") or []
        _check_tags([(tag["Key"], tag.get("Value") or "") for tag in (tags if isinstance(tags, list) else [tags])])

    def _after_PutObjectTagging(self, call: _Call, _response: Response, _before: Any) -> None:
        self._tagged(call, removed=False)

    def _after_DeleteObjectTagging(self, call: _Call, _response: Response, _before: Any) -> None:
        self._tagged(call, removed=True)

    def _after_DeleteObject(self, call: _Call, response: Response, before: Any) -> None:
        if before is None:
            return
        marker = response.headers.get("x-amz-delete-marker") == "true" and "versionId" not in call.query
        version = response.headers.get("x-amz-version-id") or call.query.get("versionId")
        call.events.append(
            lambda: self._events.deleted(
                backend().get_bucket(call.bucket), call.key, version, marker, call.who(), "DeleteObject"
            )
        )

    def _after_DeleteObjects(self, call: _Call, response: Response, _before: Any) -> None:
        parsed = xmltodict.parse(bytes(response.body)).get("DeleteResult") or {}  # type: ignore[arg-type]
        deleted = parsed.get("Deleted") or []
        bucket = backend().get_bucket(call.bucket)
        for entry in deleted if isinstance(deleted, list) else [deleted]:
            marker = entry.get("DeleteMarker") == "true" and not entry.get("VersionId")
            version = entry.get("DeleteMarkerVersionId") or entry.get("VersionId")
            self._events.deleted(bucket, entry["Key"], version, marker, call.who(), "DeleteObjects")

    def _tagged(self, call: _Call, *, removed: bool) -> None:
        key = _existing(call)
        if key is not None:
            bucket = backend().get_bucket(call.bucket)
            call.events.append(lambda: self._events.tagged(bucket, key, removed, call.who()))

    def _created(self, call: _Call, key: Any) -> None:
        bucket = backend().get_bucket(call.bucket)
        call.events.append(lambda: self._events.created(bucket, key, call.operation, call.who()))


class _Call:
    """One S3 request: what it asks for, and what is to be done around moto's answer."""

    def __init__(self, environ: dict[str, Any], caller: Caller) -> None:
        self.environ = environ
        self.caller = caller
        self.headers = headers_of(environ)
        self.query = dict(parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True))
        raw = environ["RAW_URI"].partition("?")[0].partition("//")[2] if "://" in environ["RAW_URI"] else ""
        path = "/" + raw.partition("/")[2] if raw else environ["RAW_URI"].partition("?")[0]
        bucket, _, key = path.lstrip("/").partition("/")
        self.bucket, self.key = unquote(bucket), unquote(key)
        self.operation, _ = protocol.named_operation("s3", moto.request_of(dict(environ)))
        content_type = self.headers.get("content-type", "")
        self.form = content_type if content_type.startswith(_FORMS) and environ["REQUEST_METHOD"] == "PUT" else ""
        self.verified = Verified(b"", None, None)
        self.algorithm: str | None = None
        self.checksum: str | None = None
        self.parts: int | None = None
        self.part_sizes: list[int] = []
        self.upload: Upload | None = None
        self.events: list[Callable[[], None]] = []

    def accept(self, verified: Verified) -> None:
        """Hand moto the decoded payload, and the headers of a plain upload."""
        self.verified = verified
        if verified.algorithm:
            self.algorithm, self.checksum = verified.algorithm, verified.value
        self.environ.pop("HTTP_X_AMZ_TRAILER", None)
        self.environ.pop("HTTP_X_AMZ_DECODED_CONTENT_LENGTH", None)
        self.environ.pop("HTTP_X_AMZ_CONTENT_SHA256", None)
        encodings = self.headers.get("content-encoding", "").split(",")
        kept = ",".join(name.strip() for name in encodings if name.strip() not in ("", "aws-chunked"))
        self.environ.pop("HTTP_CONTENT_ENCODING", None)
        if kept:
            self.environ["HTTP_CONTENT_ENCODING"] = kept

    def use_checksum(self, algorithm: str) -> None:
        """Store the object with this checksum, computed now unless the caller gave it."""
        if self.algorithm != algorithm or self.checksum is None:
            self.checksum = checksums.checksum(algorithm, self.verified.payload)
            self.algorithm = algorithm
        self.environ["HTTP_X_AMZ_SDK_CHECKSUM_ALGORITHM"] = algorithm
        self.environ[f"HTTP_X_AMZ_CHECKSUM_{algorithm}"] = self.checksum

    def forward(self, method: str | None = None) -> Response:
        """moto's answer, to another method if one is given."""
        environ = moto.environ_with_body(self.environ, self.verified.payload)
        if method:
            environ["REQUEST_METHOD"] = method
        if self.form:
            environ["CONTENT_TYPE"] = "binary/octet-stream"
        return moto.call("s3", self.operation, environ)

    def stored(self, response: Response) -> Any:
        """The object that this call created."""
        headers = {name.lower(): value for name, value in response.headers.items()}
        key = backend().get_object(self.bucket, self.key, version_id=headers.get("x-amz-version-id"))
        if self.form and self.operation == "PutObject":
            key.metadata["Content-Type"] = self.form
        return key

    def who(self) -> dict[str, str]:
        """The caller as events name it."""
        return {
            "request-id": protocol.request_id(),
            "requester": ACCOUNT,
            "source-ip-address": self.environ.get("REMOTE_ADDR", "127.0.0.1"),
        }

    def as_request(self) -> Call:
        """The call as the meter sees it; bodies are not kept."""
        return Call(
            service="s3",
            operation=self.operation,
            params={"Bucket": self.bucket, "Key": self.key},
            method=self.environ["REQUEST_METHOD"],
            path=f"/{self.bucket}/{self.key}",
            query=self.query,
            headers=self.headers,
            body=b"",
            region=self.caller.region,
            access_key=self.caller.access_key,
        )


def _state(call: _Call) -> Any:
    """What a delete is about to delete: moto's key, or None when there is nothing."""
    return _existing(call) if call.operation == "DeleteObject" else None


def _existing(call: _Call) -> Any:
    with suppress(Exception):  # moto raises its own error for a missing bucket; the call itself will say so.
        return backend().get_object(call.bucket, call.key, version_id=call.query.get("versionId"))
    return None


def _listed_parts(call: _Call, upload: Upload) -> list[Part]:
    """The parts that a CompleteMultipartUpload lists, in order. Raises AwsError InvalidPart, MalformedXML."""
    try:
        listed = xmltodict.parse(call.verified.payload)["CompleteMultipartUpload"]["Part"]
    except Exception:
        raise AwsError("MalformedXML", "The XML you provided was not well-formed or did not validate") from None
    found = []
    for entry in listed if isinstance(listed, list) else [listed]:
        part = upload.parts.get(int(entry["PartNumber"]))
        claimed = entry.get(f"Checksum{upload.algorithm}")
        if part is None or (claimed and claimed != part.checksum):
            raise AwsError(
                "InvalidPart",
                "One or more of the specified parts could not be found. The part may not have been uploaded, or the"
                " specified entity tag or checksum may not match the part's.",
            )
        found.append(part)
    return found


def _check_tags(tags: list[tuple[str, str]]) -> None:
    if len(tags) > MAX_TAGS:
        raise AwsError("BadRequest", "Object tags cannot be greater than 10")
    if len({name for name, _ in tags}) < len(tags):
        raise AwsError("InvalidTag", "Cannot provide multiple Tags with the same key")
    for name, value in tags:
        if not 1 <= len(name) <= 128:
            raise AwsError("InvalidTag", "The TagKey you have provided is invalid")
        if len(value) > 256:
            raise AwsError("InvalidTag", "The TagValue you have provided is invalid")


def _shown(key: Any) -> str:
    """A key's checksum as S3 shows it: composite ones with their number of parts."""
    suffix = f"-{key.checksum_parts}" if key.checksum_type == "COMPOSITE" else ""
    return f"{key.checksum_value}{suffix}"


def _no_such_upload() -> AwsError:
    said = "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted."
    return AwsError("NoSuchUpload", f"{said[:-1]} or completed.", 404)


def _to_path_style(environ: dict[str, Any]) -> None:
    """Rewrite a request to `<bucket>.s3...` or `<bucket>.localhost` to one with the bucket in the path."""
    found = _VIRTUAL_HOST.match(environ.get("HTTP_HOST", ""))
    if not found:
        return
    bucket = found["bucket"]
    environ["PATH_INFO"] = f"/{bucket}{environ['PATH_INFO']}"
    environ["RAW_URI"] = f"/{bucket}{environ['RAW_URI']}"
    environ["HTTP_HOST"] = "127.0.0.1"
