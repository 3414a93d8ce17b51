"""A thin client of S3's REST interface: the few operations that an upload needs, with as little work a byte as can be.

:mod:`wire` carries the requests; here is what they say, and what becomes of answers that are not what was
asked for: some are tried again after a while, some set us right (another region, another clock, new credentials), the
rest is said in one of four errors.
"""

from __future__ import annotations

import hashlib
import http.client
import re
import ssl
import threading
import time
from collections.abc import Mapping, Sequence
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
from impp_edge.bucket.wire import READ_S, TRANSPORT, Answer, Body, Content, Dropped, Wire
from impp_edge.stop import Stopped as Stopped

ATTEMPTS = 5
COMPLETE_S = 600.0
"""Longest silence while S3 puts parts together."""
RETRY_AFTER_S = 120.0
"""The longest that a server may make us wait."""
SKEW_S = 300.0
"""Seconds by which a clock may be wrong before we think that S3 refuses us for it (it does from 15 minutes on)."""
_CODES = {400: "BadRequest", 403: "AccessDenied", 404: "NotFound", 412: "PreconditionFailed"}
"""The codes of answers that have no body."""
_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d{1,2}")
_NOTHING = ElementTree.Element("Nothing")
CHUNK = 1024 * 1024
MESSAGE = 300
"""Most characters of a server's own words to show."""

_NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
_AGAIN = frozenset(
    {"InternalError", "SlowDown", "ServiceUnavailable", "RequestTimeout", "RequestTimeoutException", "Throttling",
     "ThrottlingException", "RequestThrottled", "BandwidthLimitExceeded", "OperationAborted", "EC2ThrottledException"}
)  # fmt: skip
_EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired"})
_REFUSED = {
    "NoSuchBucket": "there is no such bucket: check bucket and region",
    "InvalidAccessKeyId": "the access key is not known: check the credentials",
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
    """S3 said no: ``status`` of HTTP, S3's ``code`` and message."""

    def __init__(self, status: int, code: str, message: str, region: str | None = None) -> None:
        """``region``: where S3 says that the bucket is, if that is what was wrong."""
        self.status, self.code, self.message, self.region = status, _plain(code), _plain(message), region
        super().__init__(f"S3 answers {self.code}: {self.message}".strip(": "))


@dataclass(frozen=True)
class Labels:
    """What an object bears besides its bytes."""

    tags: Mapping[str, str]
    metadata: Mapping[str, str]
    content_type: str

    def headers(self) -> dict[str, str]:
        """As S3 wants them with PutObject and CreateMultipartUpload."""
        bare = {"content-type": self.content_type}
        if self.tags:
            bare["x-amz-tagging"] = urlencode(self.tags, quote_via=quote)
        return bare | {f"x-amz-meta-{name}": value for name, value in self.metadata.items()}


@dataclass(frozen=True)
class Stored:
    """An object as S3 has stored it; ``crc64nvme`` of the whole in base64, None where S3 did not say."""

    version: str | None
    etag: str | None
    crc64nvme: str | None


@dataclass(frozen=True)
class Head(Stored):
    """What HeadObject says of an object. ``metadata`` without ``x-amz-meta-``; ``modified`` in seconds since 1970;
    ``lock`` GOVERNANCE or COMPLIANCE ``locked_until`` a time in ISO 8601, where S3 may tell us."""

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
    """A multipart upload that was begun; ``began`` ISO 8601 in UTC as S3 writes it."""

    key: str
    id: str
    began: str


@dataclass(frozen=True)
class _Request:
    """What to ask. ``root`` is how the element begins that a good answer is made of (S3 says ``ListPartsResult``,
    others ``ListPartsResponse``), None where it has no body."""

    method: str
    key: str | None = None
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Body | None = None
    root: str | None = None
    silence_s: float = READ_S


@dataclass(frozen=True)
class _Reply:
    """A good answer, and how often we asked for it."""

    headers: http.client.HTTPMessage
    xml: ElementTree.Element
    tries: int


class S3:
    """One bucket. Thread-safe: each thread keeps a connection of its own.

    All operations raise :class:`S3Error`, :class:`Offline`, :class:`Refused`, or :class:`Stopped` where they wait and
    are asked to stop. They are tried :data:`ATTEMPTS` times, but for what cannot become better by that.
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
        """Nothing is sent yet. What is None is asked of the environment and the profile, as AWS's tools do."""
        settings = aws.Settings(profile)
        self.bucket = bucket
        self.region = region or settings.region or aws.DEFAULT_REGION
        self.signer = aws.Signer(settings)
        self._url = endpoint_url or settings.endpoint_url()
        self._place = aws.endpoint(bucket, self.region, self._url)
        self._stop = stop or threading.Event()
        authorities = str(ca_bundle) if ca_bundle else settings.ca_bundle
        self._wire = Wire(authorities, pace or Bandwidth(None, self._stop), self._stop)

    def close(self) -> None:
        """Close the connections of all threads, which must be at rest."""
        self._wire.close()

    def pause(self, attempt: int) -> None:
        """Wait before an operation is tried again that failed ``attempt`` times before (from 0)."""
        if self._stop.wait(backoff(attempt)):
            raise Stopped("asked to stop")

    # --- objects ------------------------------------------------------------------------------------------------------

    def put(self, key: str, body: Body, crc64nvme: str, labels: Labels) -> Stored:
        """PutObject, refused (412 PreconditionFailed) where the key is taken."""
        headers = labels.headers() | {"x-amz-checksum-crc64nvme": crc64nvme, "if-none-match": "*"}
        return _stored(self._ask(_Request("PUT", key, headers=headers, body=body)).headers)

    def head(self, key: str, version: str | None = None) -> Head | None:
        """HeadObject with its checksum; None for an object that is missing.

        Without the right to list the bucket, S3 says 403 instead: that is an :class:`S3Error`.
        """
        wanted = {"versionId": version} if version else {}
        try:
            answer = self._ask(_Request("HEAD", key, wanted, {"x-amz-checksum-mode": "ENABLED"}))
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

    # --- multipart uploads --------------------------------------------------------------------------------------------

    def create(self, key: str, labels: Labels) -> tuple[str, bool]:
        """CreateMultipartUpload: its id; True where an earlier try may have begun another one that nobody knows of."""
        headers = labels.headers() | {"x-amz-checksum-algorithm": "CRC64NVME", "x-amz-checksum-type": "FULL_OBJECT"}
        request = _Request("POST", key, {"uploads": ""}, headers, root="InitiateMultipartUpload")
        reply = self._ask(request)
        return _text(reply.xml, "UploadId"), reply.tries > 1

    def part(self, key: str, upload: str, number: int, body: Body, crc64nvme: str) -> Part:
        """UploadPart."""
        asked = {"partNumber": str(number), "uploadId": upload}
        answer = self._ask(_Request("PUT", key, asked, {"x-amz-checksum-crc64nvme": crc64nvme}, body))
        etag = answer.headers.get("etag")
        if not etag:
            raise S3Error(200, "NoETag", "the answer to a part has none: is this S3?")
        return Part(number, body.size, etag, crc64nvme)

    def complete(self, key: str, upload: str, parts: Sequence[Part], crc64nvme: str) -> Stored:
        """CompleteMultipartUpload, with the checksum and size of the whole; 412 PreconditionFailed where the key is
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
        said, crc = _stored(reply.headers), _text(reply.xml, "ChecksumCRC64NVME")
        if _text(reply.xml, "ChecksumType") not in ("", "FULL_OBJECT"):
            crc = ""
        return Stored(said.version, _etag(_text(reply.xml, "ETag")) or said.etag, crc or None)

    def abort(self, key: str, upload: str) -> None:
        """AbortMultipartUpload; no matter if it is gone already."""
        try:
            self._ask(_Request("DELETE", key, {"uploadId": upload}))
        except S3Error as error:
            if error.status != 404:
                raise

    def parts(self, key: str, upload: str) -> list[Part]:
        """ListParts: those acknowledged, by number. An upload that vanished is 404 NoSuchUpload."""
        found: list[Part] = []
        asked = {"uploadId": upload}
        while True:
            page = self._ask(_Request("GET", key, asked, root="ListParts")).xml
            for one in page.iterfind("Part"):
                crc = _text(one, "ChecksumCRC64NVME") or None
                found.append(Part(_number(one, "PartNumber"), _number(one, "Size"), _text(one, "ETag"), crc))
            marker = _text(page, "NextPartNumberMarker")
            if _text(page, "IsTruncated") != "true" or not marker or marker == asked.get("part-number-marker"):
                return found
            asked = {**asked, "part-number-marker": marker}

    def uploads(self, prefix: str) -> list[Upload]:
        """ListMultipartUploads: those begun and neither completed nor aborted, of keys that begin so."""
        found: list[Upload] = []
        asked = {"uploads": "", "prefix": prefix}
        while True:
            page = self._ask(_Request("GET", query=asked, root="ListMultipartUploads")).xml
            for one in page.iterfind("Upload"):
                found.append(Upload(_text(one, "Key"), _text(one, "UploadId"), _text(one, "Initiated")))
            after = {"key-marker": _text(page, "NextKeyMarker")}
            after["upload-id-marker"] = _text(page, "NextUploadIdMarker")
            if _text(page, "IsTruncated") != "true" or not after["key-marker"] or asked == {**asked, **after}:
                return found
            asked = {**asked, **after}

    # --- asking until there is an answer ------------------------------------------------------------------------------

    def _ask(self, request: _Request) -> _Reply:
        """Ask until there is a good answer, or no sense in asking again."""
        corrected: set[str] = set()
        attempt = 0
        for tries in count(1):
            wait = 0.0
            region = self.region
            failure: S3Error | Offline
            try:
                answer = self._send(request)
                if answer.status < 300:
                    return _Reply(answer.headers, _good(request, answer), tries)
                failure = said = _error(answer)
                wait = _retry_after(answer)
                correction = self._set_right(request, region, answer, said)
            except S3Error as error:  # told in the body of a 200
                failure, correction = error, None
            except Dropped as error:
                failure, correction = self._offline(error), "dropped"
            except TRANSPORT as error:
                failure, correction = self._offline(error), None
            if correction and correction not in corrected:
                corrected.add(correction)
                continue
            attempt += 1
            if attempt == ATTEMPTS or not _passing(failure):
                raise _final(failure)
            if self._stop.wait(max(wait, backoff(attempt - 1))):
                raise Stopped("asked to stop")
        raise AssertionError("unreachable")

    def _send(self, request: _Request) -> Answer:
        """Ask once. A body is proven by its checksum in a signed header; without TLS its bytes are signed as well."""
        place = self._place
        path = place.base + ("/" + quote(request.key, safe="/-_.~") if request.key is not None else "")
        asked = aws.query(request.query)
        payload = aws.UNSIGNED if place.scheme == "https" else _sha256(request.body)
        headers = self.signer.sign(
            request.method, (place.netloc, path or "/", asked), request.headers, payload, self.region, "s3"
        )
        headers["user-agent"] = f"impp-edge/{__version__}"
        target = f"{path or '/'}?{asked}" if asked else path or "/"
        return self._wire.exchange(place, request.method, target, headers, request.body, request.silence_s)

    def _set_right(self, request: _Request, region: str, answer: Answer, failure: S3Error) -> str | None:
        """Learn from an answer what was wrong with how we asked: what it was, or None. HEAD's answers have no code."""
        there = answer.headers.get("x-amz-bucket-region") or failure.region
        if there and there != region and _REGION.fullmatch(there) and answer.status in (301, 307, 400, 403):
            self._place = aws.endpoint(self.bucket, there, self._url)
            self.region = there  # the last, for another thread that has the old one is set right as well
            return "region"
        bare = request.method == "HEAD"
        says = _date(answer.headers.get("date"))
        offset = says - time.time() if says is not None else self.signer.offset_s
        skewed = abs(offset - self.signer.offset_s) > SKEW_S
        if failure.code == "RequestTimeTooSkewed" or (bare and answer.status == 403 and skewed):
            self.signer.offset_s = offset  # set and not added to, for other threads do so at the same moment
            return "clock"
        if failure.code in _EXPIRED or (bare and answer.status == 400):
            self.signer.renew()
            return "credentials"
        return None

    def _offline(self, error: Exception) -> Offline:
        where = self._place.netloc
        if isinstance(error, ssl.SSLCertVerificationError):
            return Offline(
                f"the certificate of {where} is not valid: {error.verify_message} (is the clock of this machine right? "
                "an authority of your own is set by ca_bundle)"
            )
        if isinstance(error, TimeoutError):
            return Offline(f"{where} does not answer")
        if isinstance(error, OSError) and error.strerror:
            return Offline(f"{where} cannot be reached: {error.strerror}")
        return Offline(f"{where} cannot be reached: {_plain(str(error)) or type(error).__name__}")


def _good(request: _Request, answer: Answer) -> ElementTree.Element:
    """A good answer's XML. S3 may say 200 first, to keep the connection, and tell of an error in the body."""
    if request.root is None:
        return _NOTHING
    found = _parsed(answer.body)
    if found is not None and found.tag == "Error":
        raise S3Error(500, _text(found, "Code") or "InternalError", _text(found, "Message"))
    if found is None or not found.tag.startswith(request.root):
        raise http.client.HTTPException("the answer broke off")
    return found


def _error(answer: Answer) -> S3Error:
    found = _parsed(answer.body)
    if found is None or found.tag != "Error":
        return S3Error(answer.status, _CODES.get(answer.status, str(answer.status)), _plain(answer.reason))
    return S3Error(answer.status, _text(found, "Code"), _text(found, "Message"), _text(found, "Region") or None)


def _passing(failure: S3Error | Offline) -> bool:
    """Whether it may become better by waiting."""
    if isinstance(failure, Offline):
        return True
    return failure.code in _AGAIN or failure.status == 429 or (failure.status >= 500 and failure.status != 501)


def _final(failure: S3Error | Offline) -> Exception:
    """The error to raise: what would be the same for every file is a refusal."""
    if isinstance(failure, S3Error) and failure.code in _REFUSED:
        return Refused(f"S3 answers {failure.code}: {_REFUSED[failure.code]}")
    return failure


def _parsed(body: bytes) -> ElementTree.Element | None:
    """A document without its namespace; None where it is none, or has a type declaration, which S3's never have."""
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
    """A server's words, fit to be printed: no control characters, and not too many."""
    return "".join(c if c.isprintable() else " " for c in text)[:MESSAGE].strip()


def _stored(headers: http.client.HTTPMessage) -> Stored:
    version, crc = headers.get("x-amz-version-id"), headers.get("x-amz-checksum-crc64nvme")
    if headers.get("x-amz-checksum-type", "FULL_OBJECT") != "FULL_OBJECT":
        crc = None
    return Stored(version if version and version != "null" else None, _etag(headers.get("etag")), crc or None)


def _etag(value: str | None) -> str | None:
    return (value or "").strip('"') or None


def _date(value: str | None) -> float | None:
    """A date of HTTP in seconds since 1970."""
    try:
        return parsedate_to_datetime(value).timestamp() if value else None
    except (ValueError, TypeError, OverflowError):
        return None


def _retry_after(answer: Answer) -> float:
    """Seconds that the server asks us to wait, within reason."""
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
