"""Signatures of requests and presigned URLs: Signature Version 4, and version 2 of S3.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-presigned-url.html

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html (bodies signed chunk by chunk)
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html

Version 4A, which CloudFront's key value stores take, is not verified: its keys are derived by ECDSA, and botocore has
no code for it without the AWS Common Runtime.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Final
from urllib.parse import quote, unquote, urlsplit

from botocore.auth import HmacV1Auth
from botocore.credentials import Credentials
from botocore.utils import normalize_url_path

from impp_local.iam import denial
from impp_local.kernel.chunks import split_chunks
from impp_local.kernel.contract import AwsError, Call

S3: Final = "s3"
"""Name that S3 and S3 Control sign with."""
SKEW: Final = {True: timedelta(minutes=15), False: timedelta(minutes=5)}
"""How far a client's clock may be off, for S3 (its "Error responses", RequestTimeTooSkewed) and for others (IAM user
guide, "Signature Version 4": within five minutes)."""
LONGEST_S: Final = 7 * 24 * 3600
"""Longest life of a presigned URL."""
_AUTHORIZATION: Final = re.compile(
    r"AWS4-HMAC-SHA256\s+Credential=[^/,\s]+/(?P<date>\d{8})/(?P<region>[^/,]+)/(?P<service>[^/,]+)/aws4_request\s*,"
    r"\s*SignedHeaders=(?P<headers>[^,\s]+)\s*,\s*Signature=(?P<signature>[0-9a-f]+)\s*"
)
_EMPTY: Final = hashlib.sha256().hexdigest()
_TRAILER_SIGNATURE: Final = "x-amz-trailer-signature:"
_TIME: Final = "%Y%m%dT%H%M%SZ"
_RESOURCE: Final = HmacV1Auth(Credentials("", ""))
"""Knows which parts of a query version 2 covers."""


@dataclass(frozen=True)
class _Signed:
    """A signature of version 4 and what it covers. `seconds` is the life of a presigned URL, 0 for a request."""

    time: str
    date: str
    region: str
    service: str
    headers: tuple[str, ...]
    signature: str
    payload: str
    seconds: int = 0

    @property
    def scope(self) -> str:
        return f"{self.date}/{self.region}/{self.service}/aws4_request"


def check(call: Call, secret: str, now: datetime | None = None) -> None:
    """Raise AwsError unless a request is signed with this secret key, at about this time. `call` has its body."""
    now = now or datetime.now(UTC)
    authorization = call.headers.get("authorization", "")
    if authorization.startswith("AWS4-ECDSA") and call.service == "cloudfront-keyvaluestore":
        return
    if authorization.startswith("AWS ") or "AWSAccessKeyId" in call.query:
        _check_version_2(call, secret, now)
        return
    signed = _presigned(call) if "X-Amz-Signature" in call.query else _in_header(call, authorization)
    _check_time(call, signed, now)
    _check_coverage(call, signed)
    canonical = _canonical(call, signed)
    digest = hashlib.sha256(canonical.encode("latin-1", "replace")).hexdigest()
    to_sign = "\n".join(("AWS4-HMAC-SHA256", signed.time, signed.scope, digest))
    expected = hmac.digest(_key(secret, signed.date, signed.region, signed.service), to_sign.encode(), "sha256").hex()
    if not hmac.compare_digest(expected.encode(), signed.signature.encode()):  # text must be ASCII
        raise denial.wrong_signature(call.service, call.access_key or "", to_sign, signed.signature)
    if signed.payload.startswith("STREAMING-AWS4-HMAC-SHA256-"):
        _check_chunks(call, signed, secret)


# --- what is signed ---------------------------------------------------------------------------------------------------


def _in_header(call: Call, authorization: str) -> _Signed:
    match = _AUTHORIZATION.fullmatch(authorization)
    time = call.headers.get("x-amz-date") or _basic(call.headers.get("date", ""))
    if match is None or not time:
        raise denial.malformed_signature(call.service)
    payload = call.headers.get("x-amz-content-sha256") or hashlib.sha256(call.body).hexdigest()
    is_hash = re.fullmatch(r"[0-9a-f]{64}", payload)
    if is_hash and call.service != S3 and payload != hashlib.sha256(call.body).hexdigest():  # S3 compares by itself
        raise denial.wrong_signature(call.service, call.access_key or "", "", match["signature"])
    headers = tuple(match["headers"].split(";"))
    return _Signed(time, match["date"], match["region"], match["service"], headers, match["signature"], payload)


def _presigned(call: Call) -> _Signed:
    query = call.query
    try:
        _, date, region, service, _ = query["X-Amz-Credential"].split("/")
        seconds, time = int(query["X-Amz-Expires"]), query["X-Amz-Date"]
        headers = tuple(query["X-Amz-SignedHeaders"].split(";"))
    except (KeyError, ValueError):
        raise _query_error("Query-string authentication requires all of its parameters") from None
    if not 0 <= seconds <= LONGEST_S:
        raise _query_error("X-Amz-Expires must be less than a week (in seconds); that is, at most 604800")
    unsigned = hashlib.sha256(call.body).hexdigest() if service != S3 else "UNSIGNED-PAYLOAD"
    payload = call.headers.get("x-amz-content-sha256") or query.get("X-Amz-Content-Sha256") or unsigned
    return _Signed(time, date, region, service, headers, query["X-Amz-Signature"], payload, seconds or 1)


def _canonical(call: Call, signed: _Signed) -> str:
    """The canonical request. Only S3's path is signed as it was sent; others are normalized and encoded once more."""
    path, _, query = str(call.environ.get("REQUEST_URI") or call.environ["RAW_URI"]).partition("?")
    if signed.service != S3:
        path = quote(normalize_url_path(path), safe="/~")
    pairs = sorted(
        (_encoded(name), _encoded(value))
        for name, _, value in (part.partition("=") for part in query.split("&") if part)
        if name != "X-Amz-Signature"
    )
    lines = [f"{name}:{' '.join(_header(call, name).split())}" for name in signed.headers]
    return "\n".join(
        (
            call.method,
            path or "/",
            "&".join(f"{name}={value}" for name, value in pairs),
            *lines,
            "",
            ";".join(signed.headers),
            signed.payload,
        )
    )


def _check_chunks(call: Call, signed: _Signed, secret: str) -> None:
    """Each chunk of a streamed body, the empty last one too, and the headers behind it have signatures of their own.
    Each signature covers the one before it, so that no chunk can be left out or moved."""
    key = _key(secret, signed.date, signed.region, signed.service)
    chunks, trailer = split_chunks(call.body)
    previous = signed.signature
    for chunk in chunks:
        digests = f"{_EMPTY}\n{hashlib.sha256(chunk.data).hexdigest()}"
        previous = _check_next(call, signed, key, "PAYLOAD", previous, digests, chunk.signature)
    if signed.payload.endswith("-TRAILER"):
        lines = [line.strip() for line in trailer.decode("latin-1").split("\n") if line.strip()]
        given = [line.partition(":")[2] for line in lines if line.startswith(_TRAILER_SIGNATURE)]
        covered = "".join(f"{line}\n" for line in lines if not line.startswith(_TRAILER_SIGNATURE))
        digest = hashlib.sha256(covered.encode("latin-1")).hexdigest()
        _check_next(call, signed, key, "TRAILER", previous, digest, given[0] if given else "")


def _check_next(call: Call, signed: _Signed, key: bytes, kind: str, previous: str, digests: str, signature: str) -> str:
    to_sign = "\n".join((f"AWS4-HMAC-SHA256-{kind}", signed.time, signed.scope, previous, digests))
    if not hmac.compare_digest(hmac.digest(key, to_sign.encode(), "sha256").hex().encode(), signature.encode()):
        raise denial.wrong_signature(call.service, call.access_key or "", to_sign, signature)
    return signature


def _encoded(text: str) -> str:
    return quote(unquote(text, "latin-1"), safe="-_.~", encoding="latin-1")


def _header(call: Call, name: str) -> str:
    return call.headers.get(name.replace("_", "-"), "")


@lru_cache(maxsize=256)
def _key(secret: str, date: str, region: str, service: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in (date, region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


# --- when, and what else ----------------------------------------------------------------------------------------------


def _check_time(call: Call, signed: _Signed, now: datetime) -> None:
    try:
        time = datetime.fromisoformat(signed.time)
    except ValueError:
        raise denial.malformed_signature(call.service) from None
    if time.tzinfo != UTC:
        raise denial.malformed_signature(call.service)
    skew = SKEW[signed.service == S3]
    if signed.seconds:
        _check_life(time + timedelta(seconds=signed.seconds), now)
        if time > now + skew:
            raise AwsError("AccessDenied", "Request is not yet valid", 403)
    elif abs(now - time) > skew:
        raise denial.skewed(call.service, time, now, skew)
    if signed.date != signed.time[:8]:
        raise denial.malformed_signature(call.service)


def _check_life(until: datetime, now: datetime) -> None:
    if until < now:
        times = {name: f"{moment:%Y-%m-%dT%H:%M:%SZ}" for name, moment in (("Expires", until), ("ServerTime", now))}
        raise AwsError("AccessDenied", "Request has expired", 403, **times)


def _check_coverage(call: Call, signed: _Signed) -> None:
    """The host has to be signed, and for S3 every `x-amz-` header: who has a URL adds no copy source to it."""
    unsigned = [] if "host" in signed.headers else ["host"]
    if signed.service == S3:
        covered = {name.replace("_", "-") for name in signed.headers}
        may_be_absent = {"x-amz-content-sha256"} if signed.seconds else set[str]()
        unsigned += sorted(
            name for name in call.headers if name.startswith("x-amz-") and name not in covered | may_be_absent
        )
    if unsigned:
        message = "There were headers present in the request which were not signed"
        raise AwsError("AccessDenied", message, 403, HeadersNotSigned=", ".join(unsigned))


# --- version 2 --------------------------------------------------------------------------------------------------------


def _check_version_2(call: Call, secret: str, now: datetime) -> None:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/RESTAuthentication.html"""
    headers = call.headers
    if "AWSAccessKeyId" in call.query:
        given, date = call.query.get("Signature", "").replace(" ", "+"), call.query.get("Expires", "")
        try:
            _check_life(datetime.fromtimestamp(int(date), UTC), now)
        except (ValueError, OverflowError, OSError):
            raise _query_error("Invalid date or expiry in the URL") from None
    else:
        given = headers["authorization"].rpartition(":")[2]
        date = "" if "x-amz-date" in headers else headers.get("date", "")
        time = _basic(headers.get("x-amz-date") or date)
        if not time:
            raise AwsError("AccessDenied", "AWS authentication requires a valid Date or x-amz-date header", 403)
        moment = datetime.fromisoformat(time)
        if abs(now - moment) > SKEW[True]:
            raise denial.skewed(call.service, moment, now, SKEW[True])
    amz = {name: value for name, value in headers.items() if name.startswith("x-amz-")}
    amz |= {name: call.query[name] for name in ("x-amz-security-token",) if name in call.query}
    lines = [call.method, headers.get("content-md5", ""), headers.get("content-type", ""), date]
    lines += [f"{name}:{amz[name].strip()}" for name in sorted(amz)]
    lines.append(_RESOURCE.canonical_resource(urlsplit(str(call.environ["RAW_URI"]))))
    to_sign = "\n".join(lines)
    expected = base64.b64encode(hmac.digest(secret.encode(), to_sign.encode("latin-1", "replace"), "sha1")).decode()
    if not hmac.compare_digest(expected.encode(), given.encode()):
        raise denial.wrong_signature(call.service, call.access_key or "", to_sign, given)


def _basic(date: str) -> str:
    """A date of HTTP, or one of ISO 8601, in the basic format; "" for none."""
    if re.fullmatch(r"\d{8}T\d{6}Z", date):
        return date
    try:
        return parsedate_to_datetime(date).astimezone(UTC).strftime(_TIME)
    except (ValueError, TypeError, IndexError):
        return ""


def _query_error(message: str) -> AwsError:
    return AwsError("AuthorizationQueryParametersError", message, 400)
