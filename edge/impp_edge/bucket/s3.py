"""A thin client of S3's REST interface: the few operations that an upload needs, with as little work per byte as
possible.

:mod:`transport` carries the requests; this module builds them and handles error responses: some are retried after a
pause, some correct the client (another region, another clock, new credentials), the rest raise one of four errors.
"""

from __future__ import annotations

import hashlib
import http.client
import re
import ssl
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from itertools import count
from pathlib import Path
from urllib.parse import quote, urlencode
from xml.etree import ElementTree

from impp_edge import __version__
from impp_edge.bucket import aws
from impp_edge.bucket.aws import Offline as Offline
from impp_edge.bucket.aws import Refused as Refused
from impp_edge.bucket.backoff import backoff
from impp_edge.bucket.bandwidth import Bandwidth
from impp_edge.bucket.transport import READ_S, TRANSPORT_ERRORS, Answer, Body, Content, Dropped, Transport
from impp_edge.stop import Stopped as Stopped

ATTEMPTS = 5
COMPLETE_S = 600.0
"""Longest silence while S3 completes a multipart upload."""
RETRY_AFTER_S = 120.0
"""Longest wait that a server may ask for."""
SKEW_S = 300.0
"""Clock skew from which we take it as the reason for a refusal (S3's own limit is 15 minutes)."""
_CODES = {400: "BadRequest", 403: "AccessDenied", 404: "NotFound", 412: "PreconditionFailed"}
"""Error codes of responses without a body."""
_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d{1,2}")
_NOTHING = ElementTree.Element("Nothing")
CHUNK = 1024 * 1024
MESSAGE = 300
"""Most characters of a server's message to show."""
RANGE = 4 * 1024 * 1024
"""Bytes of an object to read back in one request: less than a response may have."""
OTHER_BYTES = frozenset({"BadDigest", "InvalidDigest", "XAmzContentSHA256Mismatch", "XAmzContentChecksumMismatch"})
"""Error codes for bytes that do not match their checksum: S3's, then MinIO's."""
_PROBE = b"impp-edge probes whether a wrong checksum is refused\n"

_NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
_AGAIN = frozenset(
    {"InternalError", "SlowDown", "ServiceUnavailable", "RequestTimeout", "RequestTimeoutException", "Throttling",
     "ThrottlingException", "RequestThrottled", "BandwidthLimitExceeded", "OperationAborted", "EC2ThrottledException"}
)  # fmt: skip
_EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired"})
_REFUSED = {
    "NoSuchBucket": "there is no such bucket: check bucket and region",
    "InvalidAccessKeyId": "the access key does not exist: check the credentials",
    "SignatureDoesNotMatch": "the secret key does not fit the access key: check the credentials",
    "InvalidToken": "the session token is not valid: check the credentials",
    "ExpiredToken": "the session token has expired: get new credentials",
    "ExpiredTokenException": "the session token has expired: get new credentials",
    "TokenRefreshRequired": "the session token has expired: get new credentials",
    "AuthorizationHeaderMalformed": "the bucket is in another region: set region",
    "PermanentRedirect": "the bucket is at another endpoint: set region or endpoint_url",
    "RequestTimeTooSkewed": "the clock of this machine is wrong: set it",
    "AccountProblem": "AWS has a problem with the account",
    "AllAccessDisabled": "AWS has disabled access to the bucket",
    "NotSignedUp": "the account has no S3",
    "InvalidSecurity": "the credentials are not valid",
}


class S3Error(Exception):
    """An error response of S3: HTTP ``status``, S3's ``code`` and message."""

    def __init__(self, status: int, code: str, message: str, region: str | None = None) -> None:
        """``region``: the bucket's region according to S3, if the request used another one."""
        self.status, self.code, self.message, self.region = status, _plain(code), _plain(message), region
        super().__init__(f"S3 returned {self.code}: {self.message}".strip(": "))


@dataclass(frozen=True)
class Labels:
    """An object's tags, metadata and content type."""

    tags: Mapping[str, str]
    metadata: Mapping[str, str]
    content_type: str

    def headers(self) -> dict[str, str]:
        """Headers for PutObject and CreateMultipartUpload."""
        bare = {"content-type": self.content_type}
        if self.tags:
            bare["x-amz-tagging"] = urlencode(self.tags, quote_via=quote)
        return bare | {f"x-amz-meta-{name}": value for name, value in self.metadata.items()}


@dataclass(frozen=True)
class Stored:
    """An object as S3 has stored it; ``crc64nvme`` of the whole in base64, None if S3 did not return it."""

    version: str | None
    etag: str | None
    crc64nvme: str | None


@dataclass(frozen=True)
class Head(Stored):
    """HeadObject's response. ``metadata`` without ``x-amz-meta-``; ``modified`` in seconds since 1970; ``lock``
    GOVERNANCE or COMPLIANCE, ``locked_until`` in ISO 8601, if we are allowed to see them."""

    size: int
    metadata: Mapping[str, str]
    modified: float | None
    lock: str | None = None
    locked_until: str | None = None


@dataclass(frozen=True)
class Part:
    """A part that S3 has acknowledged."""

    number: int
    size: int
    etag: str
    crc64nvme: str | None


@dataclass(frozen=True)
class Upload:
    """A multipart upload in progress; ``began`` in ISO 8601, UTC, as S3 writes it."""

    key: str
    id: str
    began: str


@dataclass(frozen=True)
class _Request:
    """A request. ``root`` is the beginning of the root element's name in a successful response (S3 sends
    ``ListPartsResult``, others ``ListPartsResponse``), None if that has no body."""

    method: str
    key: str | None = None
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Body | None = None
    root: str | None = None
    silence_s: float = READ_S


@dataclass(frozen=True)
class _Reply:
    """A successful response, and the number of attempts."""

    headers: http.client.HTTPMessage
    xml: ElementTree.Element
    tries: int
    body: bytes


class S3:
    """One bucket. Thread-safe: each thread keeps a connection of its own.

    All operations raise :class:`S3Error`, :class:`Offline`, :class:`Refused`, or :class:`Stopped` if they are asked to
    stop while waiting. Temporary errors are retried, up to :data:`ATTEMPTS` attempts.
    """

    def __init__(
        self,
        bucket: str,
        region: str | None = None,
        endpoint_url: str | None = None,
        profile: str | None = None,
        ca_bundle: Path | None = None,
        stop: threading.Event | None = None,
        pace: Bandwidth | None = None,
    ) -> None:
        """Sends nothing yet. Values that are None come from the environment and the profile, as in AWS's tools."""
        settings = aws.Settings(profile)
        self.bucket = bucket
        self.region = region or settings.region or aws.DEFAULT_REGION
        self.signer = aws.Signer(settings)
        self._url = endpoint_url or settings.endpoint_url()
        self._place = aws.endpoint(bucket, self.region, self._url)
        self._stop = stop or threading.Event()
        authorities = str(ca_bundle) if ca_bundle else settings.ca_bundle
        self._transport = Transport(authorities, pace or Bandwidth(None, self._stop), self._stop)

    @property
    def place(self) -> aws.Endpoint:
        """The bucket's address."""
        return self._place

    def close(self) -> None:
        """Close the connections of all threads, which must be idle."""
        self._transport.close()

    def pause(self, attempt: int) -> None:
        """Wait before retrying an operation that failed ``attempt`` times before (from 0)."""
        if self._stop.wait(backoff(attempt)):
            raise Stopped("asked to stop")

    # --- objects ------------------------------------------------------------------------------------------------------

    def put(self, key: str, body: Body, crc64nvme: str, labels: Labels) -> Stored:
        """PutObject, refused (412 PreconditionFailed) if the key is taken."""
        headers = labels.headers() | {"x-amz-checksum-crc64nvme": crc64nvme, "if-none-match": "*"}
        return _stored(self._ask(_Request("PUT", key, headers=headers, body=body)).headers)

    def head(self, key: str, version: str | None = None) -> Head | None:
        """HeadObject with its checksum; None for a missing object.

        Without s3:ListBucket, S3 returns 403 instead: that is an :class:`S3Error`.
        """
        query = {"versionId": version} if version else {}
        try:
            answer = self._ask(_Request("HEAD", key, query, {"x-amz-checksum-mode": "ENABLED"}))
        except S3Error as error:
            if error.status == 404:
                return None
            raise
        stored, size = _stored(answer.headers), answer.headers.get("content-length", "")
        metadata = {
            name.lower().removeprefix("x-amz-meta-"): value
            for name, value in answer.headers.items()
            if name.lower().startswith("x-amz-meta-")
        }
        modified = _date(answer.headers.get("last-modified"))
        lock = [answer.headers.get(f"x-amz-object-lock-{name}") for name in ("mode", "retain-until-date")]
        return Head(
            stored.version,
            stored.etag,
            stored.crc64nvme,
            int(size) if size.isdigit() else -1,
            metadata,
            modified,
            *lock,
        )

    def read_back(self, key: str, size: int, version: str | None = None) -> str | None:
        """Download an object: the SHA-256 of its bytes in hex, None if it is missing or has another size."""
        sha = hashlib.sha256()
        query = {"versionId": version} if version else {}
        for start in range(0, size, RANGE) or (0,):
            end = min(start + RANGE, size)
            headers = {"range": f"bytes={start}-{end - 1}"} if size > RANGE else {}
            try:
                body = self._ask(_Request("GET", key, query, headers)).body
            except S3Error as error:
                if error.status in (404, 416):
                    return None
                raise
            if len(body) != end - start:
                return None
            sha.update(body)
        return sha.hexdigest()

    # --- multipart uploads --------------------------------------------------------------------------------------------

    def create(self, key: str, labels: Labels) -> tuple[str, bool]:
        """CreateMultipartUpload: its id; True if an earlier attempt may have created another one that is unknown."""
        headers = labels.headers() | {"x-amz-checksum-algorithm": "CRC64NVME", "x-amz-checksum-type": "FULL_OBJECT"}
        request = _Request("POST", key, {"uploads": ""}, headers, root="InitiateMultipartUpload")
        reply = self._ask(request)
        return _text(reply.xml, "UploadId"), reply.tries > 1

    def part(self, key: str, upload: str, number: int, body: Body, crc64nvme: str) -> Part:
        """UploadPart."""
        query = {"partNumber": str(number), "uploadId": upload}
        answer = self._ask(_Request("PUT", key, query, {"x-amz-checksum-crc64nvme": crc64nvme}, body))
        etag = answer.headers.get("etag")
        if not etag:
            raise S3Error(200, "NoETag", "the response to a part has none: is this S3?")
        return Part(number, body.size, etag, crc64nvme)

    def complete(self, key: str, upload: str, parts: Sequence[Part], crc64nvme: str) -> Stored:
        """CompleteMultipartUpload, with the checksum and size of the whole; 412 PreconditionFailed if the key is
        taken."""
        root = ElementTree.Element("CompleteMultipartUpload", xmlns=_NAMESPACE)
        for part in parts:
            one = ElementTree.SubElement(root, "Part")
            if part.crc64nvme:
                ElementTree.SubElement(one, "ChecksumCRC64NVME").text = part.crc64nvme
            ElementTree.SubElement(one, "ETag").text = part.etag
            ElementTree.SubElement(one, "PartNumber").text = str(part.number)
        headers = {
            "if-none-match": "*",
            "x-amz-checksum-crc64nvme": crc64nvme,
            "x-amz-checksum-type": "FULL_OBJECT",
            "x-amz-mp-object-size": str(sum(part.size for part in parts)),
        }
        request = _Request(
            "POST", key, {"uploadId": upload}, headers, Content(ElementTree.tostring(root)),
            "CompleteMultipartUpload", COMPLETE_S,
        )  # fmt: skip
        reply = self._ask(request)
        stored, crc = _stored(reply.headers), _text(reply.xml, "ChecksumCRC64NVME")
        if _text(reply.xml, "ChecksumType") not in ("", "FULL_OBJECT"):
            crc = ""
        return Stored(stored.version, _etag(_text(reply.xml, "ETag")) or stored.etag, crc or None)

    def abort(self, key: str, upload: str) -> None:
        """AbortMultipartUpload; an upload that is gone already is not an error."""
        try:
            self._ask(_Request("DELETE", key, {"uploadId": upload}))
        except S3Error as error:
            if error.status != 404:
                raise

    def parts(self, key: str, upload: str) -> list[Part]:
        """ListParts: the acknowledged parts, by number. An upload that vanished is 404 NoSuchUpload."""
        parts: list[Part] = []
        query = {"uploadId": upload}
        while True:
            page = self._ask(_Request("GET", key, query, root="ListParts")).xml
            for one in page.iterfind("Part"):
                crc = _text(one, "ChecksumCRC64NVME") or None
                parts.append(Part(_number(one, "PartNumber"), _number(one, "Size"), _text(one, "ETag"), crc))
            marker = _text(page, "NextPartNumberMarker")
            if _text(page, "IsTruncated") != "true" or not marker or marker == query.get("part-number-marker"):
                return parts
            query = {**query, "part-number-marker": marker}

    def uploads(self, prefix: str) -> list[Upload]:
        """ListMultipartUploads: uploads in progress of keys that begin with ``prefix``."""
        uploads: list[Upload] = []
        query = {"uploads": "", "prefix": prefix}
        while True:
            page = self._ask(_Request("GET", query=query, root="ListMultipartUploads")).xml
            for one in page.iterfind("Upload"):
                uploads.append(Upload(_text(one, "Key"), _text(one, "UploadId"), _text(one, "Initiated")))
            after = {"key-marker": _text(page, "NextKeyMarker")}
            after["upload-id-marker"] = _text(page, "NextUploadIdMarker")
            if _text(page, "IsTruncated") != "true" or not after["key-marker"] or query == {**query, **after}:
                return uploads
            query = {**query, **after}

    # --- whether the server verifies ----------------------------------------------------------------------------------

    def refuses_damage(self, key: str) -> bool | None:
        """Whether the server refuses a part and an object with a wrong CRC-64/NVME; None if it answers otherwise.

        Leaves nothing behind, except that a server which refuses such parts and accepts such objects keeps one of 53
        bytes at ``key``, and one that cannot abort keeps the upload.
        """
        from impp_edge.digest import crc64nvme, text

        wrong = {"x-amz-checksum-crc64nvme": text(crc64nvme(_PROBE, 0) ^ 1)}
        with suppress(S3Error):  # not every edge is allowed to list what a killed probe left
            for left in self.uploads(key):
                self._ask(_Request("DELETE", key, {"uploadId": left.id}))
        try:
            begin = {"x-amz-checksum-algorithm": "CRC64NVME", "x-amz-checksum-type": "FULL_OBJECT"}
            reply = self._ask(_Request("POST", key, {"uploads": ""}, begin, root="InitiateMultipartUpload"))
            upload = {"uploadId": _text(reply.xml, "UploadId")}
            refuses = self._refuses(_Request("PUT", key, {"partNumber": "1", **upload}, wrong, Content(_PROBE)))
            with suppress(S3Error):  # s3rver cannot abort
                self._ask(_Request("DELETE", key, upload))
            if refuses:
                refuses = self._refuses(_Request("PUT", key, {}, {**wrong, "if-none-match": "*"}, Content(_PROBE)))
            return refuses
        except S3Error:
            return None

    def _refuses(self, request: _Request) -> bool:
        try:
            self._ask(request)
        except S3Error as error:
            if error.code in OTHER_BYTES:
                return True
            if error.status != 412:  # an earlier probe was accepted
                raise
        return False

    # --- attempts and retries -----------------------------------------------------------------------------------------

    def _ask(self, request: _Request) -> _Reply:
        """Send a request until it succeeds or a retry is useless."""
        corrected: set[str] = set()
        attempt = 0
        for tries in count(1):
            wait = 0.0
            region = self.region
            failure: S3Error | Offline
            try:
                answer = self._send(request)
                if answer.status < 300:
                    return _Reply(answer.headers, _good(request, answer), tries, answer.body)
                failure = refusal = _error(answer)
                wait = _retry_after(answer)
                correction = self._correct(request, region, answer, refusal)
            except S3Error as error:  # in the body of a 200
                failure, correction = error, None
            except Dropped as error:
                failure, correction = self._offline(error), "dropped"
            except TRANSPORT_ERRORS as error:
                failure, correction = self._offline(error), None
            if correction and correction not in corrected:
                corrected.add(correction)
                continue
            attempt += 1
            if attempt == ATTEMPTS or not _is_temporary(failure):
                raise _final(failure)
            if self._stop.wait(max(wait, backoff(attempt - 1))):
                raise Stopped("asked to stop")
        raise AssertionError("unreachable")

    def _send(self, request: _Request) -> Answer:
        """Send once. A signed header has the body's checksum; without TLS its bytes are signed as well."""
        place = self._place
        path = place.base + ("/" + quote(request.key, safe="/-_.~") if request.key is not None else "")
        query_string = aws.query(request.query)
        payload = aws.UNSIGNED if place.scheme == "https" else _sha256(request.body)
        headers = self.signer.sign(
            request.method, (place.netloc, path or "/", query_string), request.headers, payload, self.region, "s3"
        )
        headers["user-agent"] = f"impp-edge/{__version__}"
        target = f"{path or '/'}?{query_string}" if query_string else path or "/"
        return self._transport.exchange(place, request.method, target, headers, request.body, request.silence_s)

    def _correct(self, request: _Request, region: str, answer: Answer, failure: S3Error) -> str | None:
        """Correct region, clock or credentials by an error response; returns which, or None. HEAD responses have no
        code."""
        actual = answer.headers.get("x-amz-bucket-region") or failure.region
        if actual and actual != region and _REGION.fullmatch(actual) and answer.status in (301, 307, 400, 403):
            self._place = aws.endpoint(self.bucket, actual, self._url)
            self.region = actual  # last, so that another thread with the old region is corrected as well
            return "region"
        bare = request.method == "HEAD"
        server_time = _date(answer.headers.get("date"))
        offset = server_time - time.time() if server_time is not None else self.signer.offset_s
        skewed = abs(offset - self.signer.offset_s) > SKEW_S
        if failure.code == "RequestTimeTooSkewed" or (bare and answer.status == 403 and skewed):
            self.signer.offset_s = offset  # assigned, not added: other threads do so at the same time
            return "clock"
        if failure.code in _EXPIRED or (bare and answer.status == 400):
            self.signer.renew()
            return "credentials"
        return None

    def _offline(self, error: Exception) -> Offline:
        where = self._place.netloc
        if isinstance(error, ssl.SSLCertVerificationError):
            return Offline(
                f"the certificate of {where} is not valid: {error.verify_message} (is this machine's clock correct? "
                "set ca_bundle for a private authority)"
            )
        if isinstance(error, TimeoutError):
            return Offline(f"{where} does not respond")
        if isinstance(error, OSError) and error.strerror:
            return Offline(f"{where} cannot be reached: {error.strerror}")
        return Offline(f"{where} cannot be reached: {_plain(str(error)) or type(error).__name__}")


def _good(request: _Request, answer: Answer) -> ElementTree.Element:
    """The XML of a successful response. S3 may send 200 first, to keep the connection, and an error in the body."""
    if request.root is None:
        return _NOTHING
    root = _parse(answer.body)
    if root is not None and root.tag == "Error":
        raise S3Error(500, _text(root, "Code") or "InternalError", _text(root, "Message"))
    if root is None or not root.tag.startswith(request.root):
        raise http.client.HTTPException("the response broke off")
    return root


def _error(answer: Answer) -> S3Error:
    root = _parse(answer.body)
    if root is None or root.tag != "Error":
        return S3Error(answer.status, _CODES.get(answer.status, str(answer.status)), _plain(answer.reason))
    return S3Error(answer.status, _text(root, "Code"), _text(root, "Message"), _text(root, "Region") or None)


def _is_temporary(failure: S3Error | Offline) -> bool:
    """Whether a retry may succeed."""
    if isinstance(failure, Offline):
        return True
    return failure.code in _AGAIN or failure.status == 429 or (failure.status >= 500 and failure.status != 501)


def _final(failure: S3Error | Offline) -> Exception:
    """The error to raise: one that is the same for every file becomes :class:`Refused`."""
    if isinstance(failure, S3Error) and failure.code in _REFUSED:
        return Refused(f"S3 returned {failure.code}: {_REFUSED[failure.code]}")
    return failure


def _parse(body: bytes) -> ElementTree.Element | None:
    """Parse XML without its namespace; None if it is not XML, or has a type declaration, which S3's never have."""
    if b"<!" in body:
        return None
    try:
        root = ElementTree.fromstring(body.strip())  # noqa: S314  # no declarations, so no entities to expand
    except ElementTree.ParseError:
        return None
    for one in root.iter():
        one.tag = one.tag.rpartition("}")[2]
    return root


def _text(element: ElementTree.Element, name: str) -> str:
    return (element.findtext(name) or "").strip()


def _number(element: ElementTree.Element, name: str) -> int:
    digits = _text(element, name)
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 20 else -1


def _plain(text: str) -> str:
    """A server's message made printable: no control characters, limited length."""
    return "".join(c if c.isprintable() else " " for c in text)[:MESSAGE].strip()


def _stored(headers: http.client.HTTPMessage) -> Stored:
    version, crc = headers.get("x-amz-version-id"), headers.get("x-amz-checksum-crc64nvme")
    if headers.get("x-amz-checksum-type", "FULL_OBJECT") != "FULL_OBJECT":
        crc = None
    return Stored(version if version and version != "null" else None, _etag(headers.get("etag")), crc or None)


def _etag(value: str | None) -> str | None:
    return (value or "").strip('"') or None


def _date(value: str | None) -> float | None:
    """An HTTP date in seconds since 1970."""
    try:
        return parsedate_to_datetime(value).timestamp() if value else None
    except (ValueError, TypeError, OverflowError):
        return None


def _retry_after(answer: Answer) -> float:
    """Seconds that the server asks us to wait, at most :data:`RETRY_AFTER_S`."""
    value = answer.headers.get("retry-after", "")
    if value.isascii() and value.isdigit() and len(value) < 10:
        wait = float(value)
    else:
        then = _date(value)
        wait = then - time.time() if then is not None else 0.0
    return min(max(wait, 0.0), RETRY_AFTER_S)


def _sha256(body: Body | None) -> str:
    sha = hashlib.sha256()
    for block in body.blocks(CHUNK) if body is not None else ():
        sha.update(block)
    return sha.hexdigest()
