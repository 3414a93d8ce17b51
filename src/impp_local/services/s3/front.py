"""S3 in front of moto: what moto's S3 does not check or gets wrong is done before and after it stores the object.

- Every checksum of a request is verified on arrival; an upload without one gets a CRC-64/NVME, as S3 does itself.
- A multipart upload has the right checksum of the whole object, combined from those of its parts.
- Unsigned requests are refused: nothing in this cloud is public.
- Events are sent once, when the object with its tags can be read.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final
from urllib.parse import parse_qsl

import xmltodict  # type: ignore[import-untyped]

from impp_local.kernel import moto, objects
from impp_local.kernel.contract import AwsError, Call, Cloud, Response, Service
from impp_local.services.s3 import checksums
from impp_local.services.s3.checksums import DEFAULT, Part
from impp_local.services.s3.deletions import delete_objects
from impp_local.services.s3.events import S3Events
from impp_local.services.s3.exchange import CompletedUpload, Exchange, Upload
from impp_local.services.s3.moto_patches import patch_s3
from impp_local.services.s3.restores import Restores, is_readable
from impp_local.services.s3.rows import ObjectRows
from impp_local.web import protocol

MAX_TAGS: Final = 10
UNSUPPORTED: Final = re.compile(
    r".*(Analytics|Metrics|Metadata|RequestPayment|Torrent|Abac).*|RenameObject|UpdateObjectEncryption|CreateSession"
)
"""Operations that moto mistakes for others (a PUT with an unknown subresource creates a bucket)."""


class S3Front(Service):
    """Answers S3 requests, with moto behind it."""

    name = "s3"

    def __init__(self, cloud: Cloud) -> None:
        self._tiering: dict[tuple[str, str], dict[str, Any]] = {}
        self._rows = ObjectRows(cloud.store, self._tiering)
        self._restores = Restores(self._rows)

    def start(self) -> None:
        """Correct moto, and give it the buckets and objects that are on disk."""
        patch_s3()
        with moto.lock_of("s3"):
            self._rows.restore()

    def resume(self) -> None:
        """Go on with restores that were under way."""
        with moto.lock_of("s3"):
            self._restores.resume()

    def suspend(self) -> None:
        """Leave restores for the next start."""
        self._restores.suspend()

    def handler(self, _operation: str) -> Callable[[Call], Response]:
        """S3 looks at every request before moto does."""
        return self.answer

    def answer(self, call: Call) -> Response:
        """Verify the request, let moto answer it, correct the answer, and publish events."""
        if call.access_key is None and call.method != "OPTIONS":
            raise AwsError("AccessDenied", "Access Denied", 403)
        exchange = Exchange(call)
        headers = exchange.headers
        if call.operation == "CompleteMultipartUpload":  # the checksum covers the object, not the body
            headers = {name: value for name, value in headers.items() if not name.startswith("x-amz-checksum-")}
        verified = checksums.verify(headers, call.body)
        exchange.accept(verified)
        if UNSUPPORTED.fullmatch(exchange.operation):
            raise protocol.unknown_operation("s3", exchange.operation, exchange.headers)
        stores_body = exchange.operation in ("PutObject", "UploadPart")
        prepared = self._rows.prepare(verified.payload) if stores_body else None
        request = self._rows.request(
            exchange.bucket, prepared, whole_bucket=not exchange.key, publishers=exchange.events
        )
        with moto.lock_of("s3"), request:
            if "IntelligentTiering" in exchange.operation:
                return self._intelligent_tiering(exchange)
            if exchange.operation == "RestoreObject":
                return self._restores.begin(exchange)
            prepare = getattr(self, f"_before_{exchange.operation}", None)
            if prepare:
                prepare(exchange)
            before = _object_before(exchange)
            response = self._answered(exchange)
            if response.status < 300:
                finish = getattr(self, f"_after_{exchange.operation}", None)
                if finish:
                    finish(exchange, response, before)
        response.headers.pop("x-amz-sdk-checksum-algorithm", None)
        return response

    def _answered(self, exchange: Exchange) -> Response:
        if exchange.operation == "GetObject":
            return self._get_object(exchange)
        if exchange.operation == "DeleteObjects":
            return delete_objects(exchange, _events_of(exchange))
        return exchange.forward()

    # Uploads in one piece.

    def _before_PutObject(self, exchange: Exchange) -> None:
        _check_tags(parse_qsl(exchange.headers.get("x-amz-tagging", ""), keep_blank_values=True))
        exchange.use_checksum(exchange.verified.algorithm or DEFAULT)

    def _after_PutObject(self, exchange: Exchange, response: Response, _before: Any) -> None:
        key = exchange.stored_object(response)
        key.checksum_type = "FULL_OBJECT"
        response.headers["x-amz-checksum-type"] = "FULL_OBJECT"
        self._publish_created(exchange, key)

    def _after_CopyObject(self, exchange: Exchange, response: Response, _before: Any) -> None:
        key = exchange.stored_object(response)
        key.checksum_algorithm = (key.checksum_algorithm or DEFAULT).upper()
        blocks = objects.stored(exchange.bucket, exchange.key, key).read()
        key.checksum_value = checksums.checksum_of_blocks(key.checksum_algorithm, blocks)
        key.checksum_type, key.checksum_parts = "FULL_OBJECT", None
        self._publish_created(exchange, key)

    # Uploads in parts.

    def _before_CreateMultipartUpload(self, exchange: Exchange) -> None:
        _check_tags(parse_qsl(exchange.headers.get("x-amz-tagging", ""), keep_blank_values=True))
        requested = exchange.headers.get("x-amz-checksum-algorithm")
        algorithm = (requested or DEFAULT).upper()
        if algorithm not in checksums.ALGORITHMS:
            raise AwsError("InvalidRequest", "Checksum algorithm provided is unsupported.")
        kind = exchange.headers.get("x-amz-checksum-type") or ("FULL_OBJECT" if algorithm == DEFAULT else "COMPOSITE")
        hashed = algorithm in ("SHA1", "SHA256")
        if (kind == "COMPOSITE" and algorithm == DEFAULT) or (kind == "FULL_OBJECT" and hashed):
            message = f"The {kind} checksum type cannot be used with the {algorithm.lower()} checksum algorithm."
            raise AwsError("InvalidRequest", message)
        exchange.environ["HTTP_X_AMZ_CHECKSUM_ALGORITHM"] = algorithm
        exchange.environ["HTTP_X_AMZ_CHECKSUM_TYPE"] = kind
        exchange.upload = Upload(algorithm, kind, explicit=requested is not None)

    def _after_CreateMultipartUpload(self, exchange: Exchange, response: Response, _before: Any) -> None:
        upload_id = re.search(rb"<UploadId>(.*?)</UploadId>", bytes(response.body))  # type: ignore[arg-type]
        if upload_id and exchange.upload:
            _uploads(exchange)[upload_id[1].decode()].impp = exchange.upload
            response.headers["x-amz-checksum-algorithm"] = exchange.upload.algorithm
            response.headers["x-amz-checksum-type"] = exchange.upload.kind

    def _before_AbortMultipartUpload(self, exchange: Exchange) -> None:
        _check_upload(exchange)

    def _before_ListParts(self, exchange: Exchange) -> None:
        _check_upload(exchange)

    def _before_UploadPartCopy(self, exchange: Exchange) -> None:
        _check_upload(exchange)

    def _before_UploadPart(self, exchange: Exchange) -> None:
        _check_upload(exchange)
        upload = _uploads(exchange)[exchange.query["uploadId"]].impp
        algorithm = exchange.verified.algorithm
        if algorithm and upload.explicit and algorithm != upload.algorithm:
            raise AwsError(
                "InvalidRequest",
                f"Checksum Type mismatch occurred, expected checksum Type: {upload.algorithm.lower()}, actual checksum"
                f" Type: {algorithm.lower()}",
            )
        exchange.use_checksum(algorithm or upload.algorithm)

    def _after_UploadPart(self, exchange: Exchange, _response: Response, _before: Any) -> None:
        started, part = _uploaded_part(exchange)
        payload = exchange.verified.payload
        value = exchange.checksum if exchange.algorithm == started.impp.algorithm else None
        part.impp = Part(value or checksums.checksum(started.impp.algorithm, payload), len(payload))

    def _after_UploadPartCopy(self, exchange: Exchange, _response: Response, _before: Any) -> None:
        started, part = _uploaded_part(exchange)
        part.impp = Part(checksums.checksum(started.impp.algorithm, part.value), part.size)

    def _before_CompleteMultipartUpload(self, exchange: Exchange) -> None:
        upload_id = exchange.query.get("uploadId", "")
        started = _uploads(exchange).get(upload_id)
        if started is None:
            existing = _stored_object(exchange)
            if existing is None or not existing.multipart or existing.multipart.id != upload_id:
                raise _no_such_upload()
            return  # A retry of a completed upload: moto answers as the first time.
        upload = started.impp
        parts = _listed_parts(exchange, started)
        size = exchange.headers.get("x-amz-mp-object-size")
        if size is not None and int(size) != sum(part.size for part in parts):
            raise AwsError("InvalidRequest", "The provided 'x-amz-mp-object-size' header does not match.")
        if upload.kind == "FULL_OBJECT":
            value = checksums.full_object(upload.algorithm, parts)
        else:
            value = checksums.composite(upload.algorithm, parts)
        claimed = exchange.headers.get(f"x-amz-checksum-{upload.algorithm.lower()}")
        if claimed is not None and claimed.partition("-")[0] != value:
            raise checksums.bad_digest(upload.algorithm)
        exchange.upload, exchange.checksum, exchange.parts = upload, value, len(parts)
        exchange.part_sizes = [part.size for part in parts]

    def _after_CompleteMultipartUpload(self, exchange: Exchange, response: Response, _before: Any) -> None:
        key = exchange.stored_object(response)
        if exchange.upload:
            key._value_buffer, key.contentsize = key.multipart.joined, key.multipart.joined.size
            key.part_sizes = exchange.part_sizes
            key.multipart = CompletedUpload(key.multipart.id, key.multipart.partlist)
            key.checksum_algorithm, key.checksum_type = exchange.upload.algorithm, exchange.upload.kind
            key.checksum_value, key.checksum_parts = exchange.checksum, exchange.parts
            for name in ("x-amz-checksum-algorithm", "x-amz-checksum-type"):  # moto keeps them as metadata
                key.metadata.pop(name, None)
            self._publish_created(exchange, key)
        described = (
            f"<Checksum{key.checksum_algorithm}>{_checksum_text(key)}</Checksum{key.checksum_algorithm}>"
            f"<ChecksumType>{key.checksum_type}</ChecksumType></CompleteMultipartUploadResult>"
        )
        answered = bytes(response.body)  # type: ignore[arg-type]
        response.body = answered.replace(b"</CompleteMultipartUploadResult>", described.encode())

    # Buckets.

    def _intelligent_tiering(self, exchange: Exchange) -> Response:
        """Intelligent-Tiering configurations of a bucket, which moto lacks; can go when it has them."""
        objects.backend().get_bucket(exchange.bucket)
        params = exchange.call.params
        key = (exchange.bucket, params.get("Id", ""))
        output: dict[str, Any] = {}
        if exchange.operation.startswith("Put"):
            self._tiering[key] = params["IntelligentTieringConfiguration"]
        elif exchange.operation.startswith("List"):
            configurations = [one for (bucket, _), one in sorted(self._tiering.items()) if bucket == exchange.bucket]
            output = {"IsTruncated": False, "IntelligentTieringConfigurationList": configurations}
        elif key not in self._tiering:
            raise AwsError("NoSuchConfiguration", "The specified configuration does not exist.", 404)
        elif exchange.operation.startswith("Delete"):
            del self._tiering[key]
        else:
            output = {"IntelligentTieringConfiguration": self._tiering[key]}
        return protocol.serialised("s3", exchange.operation, exchange.headers, output)

    # Reading, tagging, deleting.

    def _get_object(self, exchange: Exchange) -> Response:
        """HeadObject's answer with the bytes of the range: moto reads the whole object for any range."""
        key = _stored_object(exchange)
        if key is None:
            return exchange.forward()
        if not is_readable(key):
            message = "The operation is not valid for the object's storage class"
            raise AwsError("InvalidObjectState", message, 403)
        head = exchange.forward("HEAD")
        if head.status not in (200, 206):
            return exchange.forward()
        self._after_HeadObject(exchange, head, None)
        headers = {name.lower(): value for name, value in head.headers.items()}
        length = int(headers["content-length"])
        start = int(re.findall(r"\d+", headers["content-range"])[0]) if "content-range" in headers else 0
        for name, value in exchange.query.items():  # a presigned URL may override response headers
            if name.startswith("response-"):
                headers[name.removeprefix("response-")] = value
        pieces = objects.stored(exchange.bucket, exchange.key, key).read(start, length)
        body = b"".join(pieces) if length <= objects.BLOCK else pieces
        return Response(head.status, headers, body)

    def _before_GetObject(self, exchange: Exchange) -> None:
        self._select_part(exchange)

    def _before_HeadObject(self, exchange: Exchange) -> None:
        self._select_part(exchange)

    def _select_part(self, exchange: Exchange) -> None:
        """Turn a part number into a range: a completed object no longer has parts."""
        sizes = getattr(_stored_object(exchange), "part_sizes", None)
        if not sizes or not exchange.query.get("partNumber", "").isdigit():
            return
        number = int(exchange.query["partNumber"])
        if not 1 <= number <= len(sizes):
            raise AwsError("InvalidPartNumber", "The requested partnumber is not satisfiable", 416)
        start = sum(sizes[: number - 1])
        exchange.environ["HTTP_RANGE"] = f"bytes={start}-{start + sizes[number - 1] - 1}"
        parameters = [
            part for part in exchange.environ["QUERY_STRING"].split("&") if not part.startswith("partNumber=")
        ]
        exchange.environ["QUERY_STRING"] = "&".join(parameters)
        exchange.environ["RAW_URI"] = (
            exchange.environ["RAW_URI"].partition("?")[0] + "?" + exchange.environ["QUERY_STRING"]
        )
        exchange.parts = len(sizes)

    def _after_HeadObject(self, exchange: Exchange, response: Response, _before: Any) -> None:
        if exchange.parts:
            response.headers["x-amz-mp-parts-count"] = str(exchange.parts)
        if exchange.headers.get("x-amz-checksum-mode", "").upper() == "ENABLED" and response.status == 200:
            key = _stored_object(exchange)
            if key is not None and key.checksum_value:
                response.headers[f"x-amz-checksum-{key.checksum_algorithm.lower()}"] = _checksum_text(key)
                response.headers["x-amz-checksum-type"] = key.checksum_type or "FULL_OBJECT"

    def _before_PutObjectTagging(self, exchange: Exchange) -> None:
        parsed = xmltodict.parse(exchange.verified.payload or b"<Tagging/>").get("Tagging") or {}
        tags = (parsed.get("TagSet") or {}).get("Tag") or []
        _check_tags([(tag["Key"], tag.get("Value") or "") for tag in (tags if isinstance(tags, list) else [tags])])

    def _after_PutObjectTagging(self, exchange: Exchange, _response: Response, _before: Any) -> None:
        self._publish_tagged(exchange, removed=False)

    def _after_DeleteObjectTagging(self, exchange: Exchange, _response: Response, _before: Any) -> None:
        self._publish_tagged(exchange, removed=True)

    def _after_DeleteObject(self, exchange: Exchange, response: Response, before: Any) -> None:
        if before is None:
            return
        marker = response.headers.get("x-amz-delete-marker") == "true" and "versionId" not in exchange.query
        version = response.headers.get("x-amz-version-id") or exchange.query.get("versionId")
        publisher = _events_of(exchange)
        exchange.events.append(lambda: publisher.deleted(exchange.key, version, marker, "DeleteObject"))

    def _publish_tagged(self, exchange: Exchange, *, removed: bool) -> None:
        key = _stored_object(exchange)
        if key is not None:
            publisher = _events_of(exchange)
            exchange.events.append(lambda: publisher.tagged(key, removed))

    def _publish_created(self, exchange: Exchange, key: Any) -> None:
        publisher = _events_of(exchange)
        exchange.events.append(lambda: publisher.created(key, exchange.operation))


def _events_of(exchange: Exchange) -> S3Events:
    return S3Events(objects.backend().get_bucket(exchange.bucket), exchange.caller_detail())


def _object_before(exchange: Exchange) -> Any:
    """The object that DeleteObject is about to delete, None for other operations and for no object."""
    return _stored_object(exchange) if exchange.operation == "DeleteObject" else None


def _stored_object(exchange: Exchange) -> Any:
    with suppress(Exception):  # moto raises its own error for a missing bucket; the call itself reports it.
        return objects.backend().get_object(exchange.bucket, exchange.key, version_id=exchange.query.get("versionId"))
    return None


def _uploads(exchange: Exchange) -> dict[str, Any]:
    """The uploads in progress of the request's key, by id."""
    bucket = objects.backend().buckets.get(exchange.bucket)
    uploads = bucket.multiparts if bucket is not None else {}
    return {upload_id: upload for upload_id, upload in uploads.items() if upload.key_name == exchange.key}


def _check_upload(exchange: Exchange) -> None:
    """Raises AwsError NoSuchUpload; moto looks for an upload by its id alone, whatever the key."""
    if exchange.query.get("uploadId") not in _uploads(exchange):
        raise _no_such_upload()


def _uploaded_part(exchange: Exchange) -> tuple[Any, Any]:
    """The upload and the part that a request has just stored."""
    started = _uploads(exchange)[exchange.query["uploadId"]]
    return started, started.parts[int(exchange.query["partNumber"])]


def _listed_parts(exchange: Exchange, started: Any) -> list[Part]:
    """The parts that a CompleteMultipartUpload lists, in order. Raises AwsError InvalidPart, MalformedXML."""
    try:
        entries = xmltodict.parse(exchange.verified.payload)["CompleteMultipartUpload"]["Part"]
    except Exception:
        raise AwsError("MalformedXML", "The XML you provided was not well-formed or did not validate") from None
    parts = []
    for entry in entries if isinstance(entries, list) else [entries]:
        stored = started.parts.get(int(entry["PartNumber"]))
        part = stored.impp if stored is not None else None
        claimed = entry.get(f"Checksum{started.impp.algorithm}")
        if part is None or (claimed and claimed != part.checksum):
            raise AwsError(
                "InvalidPart",
                "One or more of the specified parts could not be found. The part may not have been uploaded, or the"
                " specified entity tag or checksum may not match the part's.",
            )
        parts.append(part)
    return parts


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


def _checksum_text(key: Any) -> str:
    """A key's checksum as S3 writes it: a composite one ends with its number of parts."""
    suffix = f"-{key.checksum_parts}" if key.checksum_type == "COMPOSITE" else ""
    return f"{key.checksum_value}{suffix}"


def _no_such_upload() -> AwsError:
    message = "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted."
    return AwsError("NoSuchUpload", f"{message[:-1]} or completed.", 404)
