"""CloudFront as viewers see it: the delivery bucket, for requests with a valid signature.

A request is a viewer's when its Host is a distribution's domain (or alias), or its path begins with
`/_cloudfront/<distribution id>/`. URLs and cookies are checked as CloudFront does: canned or custom policy, RSA with
SHA-1 (or ECDSA with SHA-256), a key of one of the distribution's trusted key groups. Only S3 origins exist here, plain
HTTP counts as HTTPS, and there is no cache: each response comes from the bucket (`X-Cache: Miss from
cloudfront`).

https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/PrivateContent.html
"""

from __future__ import annotations

import base64
import binascii
import fnmatch
import ipaddress
import json
import re
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from email.utils import formatdate
from http.cookies import SimpleCookie
from typing import Any, Final
from urllib.parse import parse_qsl, unquote

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from impp_local.iam import on_behalf
from impp_local.kernel import billing, objects
from impp_local.kernel.contract import AwsError, Call, Response
from impp_local.services.cloudfront.api import CloudFront, Resource
from impp_local.services.cloudfront.viewers import canned_policy

PREFIX: Final = "/_cloudfront/"
_SIGNATURE_PARAMETERS: Final = {"Expires", "Policy", "Signature", "Key-Pair-Id", "Hash-Algorithm"}
_S3_ORIGIN: Final = re.compile(r"(?P<bucket>[a-z0-9][a-z0-9.-]+[a-z0-9])\.s3[.-]")


class Cdn(CloudFront):
    """CloudFront with its control plane and its viewers."""

    def page(self, call: Call) -> Response | None:
        """The answer to a viewer, or None for a request that no viewer sent."""
        path = call.environ["RAW_URI"].partition("?")[0]
        host = call.headers.get("host", "").partition(":")[0].lower()
        by_path = path.startswith(PREFIX)
        if not by_path and not _may_be_viewer(host):
            return None
        if by_path:
            distribution_id, _, rest = path[len(PREFIX) :].partition("/")
            distribution = self.resource(distribution_id)
            path = f"/{rest}"
        else:
            distribution = self.distribution_of(host)
            if distribution is None and not host.endswith(".cloudfront.net"):
                return None
        try:
            return _Visit(call, path, self, distribution).answer()
        except AwsError as error:
            return _error(error)

    def has_host(self, name: str) -> bool:
        """Whether it is the domain or an alias of a distribution."""
        return self.distribution_of(name) is not None

    def pages(self) -> Mapping[str, str]:
        """The distributions."""
        return {f"GET {PREFIX}<distribution>/<path>": "what a distribution delivers, to a signed URL"}


def _may_be_viewer(host: str) -> bool:
    return bool(host) and not host.replace(".", "").isdigit() and host != "localhost" and "amazonaws" not in host


class _Visit:
    """One request of a viewer to one distribution."""

    def __init__(
        self,
        call: Call,
        path: str,
        resources: CloudFront,
        distribution: Resource | None,
    ) -> None:
        # CloudFront answers an unknown host and a disabled distribution with these messages.
        if distribution is None or distribution.kind.name != "Distribution":
            raise AwsError("BadRequest", "We can't connect to the server for this app or website at this time.", 403)
        if not distribution.config.get("Enabled"):
            raise AwsError("AccessDenied", "The distribution is not configured to serve requests: disabled.", 403)
        self.call, self.path = call, path
        self.resources, self.distribution = resources, distribution
        self.query = call.environ.get("QUERY_STRING", "")
        self.behavior = self._behavior()

    def answer(self) -> Response:
        """Check method and signature, then serve the object with its range."""
        method = self.call.method
        allowed = self.behavior.get("AllowedMethods", {}).get("Items", ["GET", "HEAD"])
        if method not in allowed:
            raise AwsError(
                "MethodNotAllowed", "This distribution is not configured to allow the HTTP request method", 403
            )
        if method == "OPTIONS":
            return self._with_headers(Response(200, {"Content-Length": "0"}))
        groups = (self.behavior.get("TrustedKeyGroups") or {}).get("Items") or []
        if groups:
            self._check_signature(list(self._keys(groups)))
        billing.meter("cloudfront", "https_request", 1, detail=self.path)
        return self._with_headers(self._object(method))

    def _behavior(self) -> Mapping[str, Any]:
        """The cache behavior for the path: the first whose pattern fits, else the default one."""
        for one in (self.distribution.config.get("CacheBehaviors") or {}).get("Items") or []:
            if fnmatch.fnmatchcase(self.path.lstrip("/"), one["PathPattern"].lstrip("/")):
                return dict(one)
        return dict(self.distribution.config["DefaultCacheBehavior"])

    def _object(self, method: str) -> Response:
        name = unquote(self.path.lstrip("/")) or self.distribution.config.get("DefaultRootObject") or ""
        try:
            on_behalf.require_origin_read(self.distribution.arn, self._bucket(), name)
            stored = objects.find(self._bucket(), name)
        except AwsError:
            # The origin access control may not list the bucket, so S3 does not reveal which keys are missing.
            raise AwsError("AccessDenied", "Access Denied", 403) from None
        headers = {
            "Content-Type": stored.headers.get("content-type", "binary/octet-stream"),
            "ETag": f'"{stored.etag}"',
            "Last-Modified": formatdate(stored.last_modified.timestamp(), usegmt=True),
            "Accept-Ranges": "bytes",
            **{name.title(): stored.headers[name] for name in _KEPT_HEADERS if name in stored.headers},
        }
        if self._is_unmodified(stored):
            return Response(304, headers)
        start, length, status = _range(self.call.headers.get("range", ""), stored.size)
        headers["Content-Length"] = str(length)
        if status == 206:
            headers["Content-Range"] = f"bytes {start}-{start + length - 1}/{stored.size}"
        if method == "HEAD":
            return Response(status, headers)
        billing.meter("cloudfront", "data_out", length / 1e9, detail=name)
        return Response(status, headers, stored.read(start, length))

    def _is_unmodified(self, stored: objects.StoredObject) -> bool:
        etags = self.call.headers.get("if-none-match", "")
        return f'"{stored.etag}"' in [tag.strip().removeprefix("W/") for tag in etags.split(",")]

    def _bucket(self) -> str:
        origin_id = self.behavior["TargetOriginId"]
        for origin in self.distribution.config["Origins"]["Items"]:
            match = _S3_ORIGIN.match(origin["DomainName"])
            if origin["Id"] == origin_id and match:
                return match["bucket"]
        raise AwsError("BadGateway", "The local cloud serves S3 origins only", 502)

    # Signatures.

    def _keys(self, groups: list[str]) -> Iterator[Resource]:
        for group in groups:
            key_group = self.resources.resource(group)
            for key_id in (key_group.config.get("Items") or []) if key_group else []:
                key = self.resources.resource(key_id)
                if key:
                    yield key

    def _check_signature(self, keys: list[Resource]) -> None:
        """Raises AwsError MissingKey, or AccessDenied for an invalid signature."""
        signature_parts = self._signature()
        if "Signature" not in signature_parts or "Key-Pair-Id" not in signature_parts:
            raise AwsError("MissingKey", "Missing Key-Pair-Id query parameter or cookie value", 403)
        key = next((one for one in keys if one.id == signature_parts["Key-Pair-Id"]), None)
        if key is None:
            raise AwsError("InvalidKey", "Unknown Key", 403)
        bare = self._url_without_signature()
        if "Policy" in signature_parts:
            document = _decode(signature_parts["Policy"])
        elif signature_parts.get("Expires", "").isdigit():
            document = None
        else:
            raise AwsError("MissingPolicy", "Missing Policy or Expires query parameter or cookie value", 403)
        signature = _decode(signature_parts["Signature"])
        urls = self._possible_urls(bare)
        documents = [document] if document else [canned_policy(url, int(signature_parts["Expires"])) for url in urls]
        signed = next((one for one in documents if _is_valid_signature(key.config["EncodedKey"], signature, one)), None)
        if signed is None:
            raise AwsError("AccessDenied", "Access denied", 403)
        _check_policy(signed, urls, self.call.environ.get("REMOTE_ADDR", ""))

    def _signature(self) -> dict[str, str]:
        """The signature's parts: from the query when it has them, else from cookies."""
        query = {name: value for name, value in parse_qsl(self.query) if name in _SIGNATURE_PARAMETERS}
        if "Signature" in query:
            return query
        cookies = SimpleCookie(self.call.headers.get("cookie", ""))
        return {
            name.removeprefix("CloudFront-"): morsel.value
            for name, morsel in cookies.items()
            if name.startswith("CloudFront-")
        }

    def _url_without_signature(self) -> str:
        parameters = [part for part in self.query.split("&") if part.partition("=")[0] not in _SIGNATURE_PARAMETERS]
        query = "&".join(part for part in parameters if part)
        return f"{self.path}?{query}" if query else self.path

    def _possible_urls(self, bare: str) -> list[str]:
        """The URLs that a signer may have signed: with the distribution's names, or with the local endpoint."""
        names = [self.distribution.domain, *((self.distribution.config.get("Aliases") or {}).get("Items") or [])]
        here = self.call.headers.get("host", "")
        urls = [f"{scheme}://{name}{bare}" for scheme in ("https", "http") for name in names]
        return [*urls, f"http://{here}{PREFIX}{self.distribution.id}{bare}", f"http://{here}{bare}"]

    # Headers.

    def _with_headers(self, response: Response) -> Response:
        """Add CloudFront's own headers, and those of the response headers policy."""
        response.headers |= {
            "X-Cache": "Miss from cloudfront",
            "Via": f"1.1 {self.distribution.domain} (CloudFront)",
            "X-Amz-Cf-Id": secrets.token_urlsafe(40),
            "X-Amz-Cf-Pop": "LOCAL1-C1",
        }
        policy = self.resources.resource(self.behavior.get("ResponseHeadersPolicyId") or "")
        if policy is not None:
            _apply_policy(policy.config, response.headers, self.call.headers.get("origin"))
        return response


_KEPT_HEADERS: Final = ("cache-control", "content-disposition", "content-encoding", "content-language", "expires")


def _check_policy(document: bytes, urls: list[str], address: str) -> None:
    denied = AwsError("AccessDenied", "Access denied", 403)
    try:
        (statement,) = json.loads(document)["Statement"]
        condition = statement.get("Condition", {})
        resource = statement.get("Resource", "*")
        expires = int(condition["DateLessThan"]["AWS:EpochTime"])
        starts = int(condition.get("DateGreaterThan", {}).get("AWS:EpochTime", 0))
        network = condition.get("IpAddress", {}).get("AWS:SourceIp", "0.0.0.0/0")
        allowed = network == "0.0.0.0/0" or ipaddress.ip_address(address) in ipaddress.ip_network(network)
    except (ValueError, KeyError, TypeError):
        raise AwsError("MalformedPolicy", "Malformed Policy", 403) from None
    pattern = re.compile("".join({"*": ".*", "?": "."}.get(char, re.escape(char)) for char in resource))
    now = time.time()
    if not (starts <= now < expires and allowed and any(pattern.fullmatch(url) for url in urls)):
        raise denied


def _is_valid_signature(pem: str, signature: bytes, document: bytes) -> bool:
    key = load_pem_public_key(pem.encode())
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, document, padding.PKCS1v15(), hashes.SHA1())  # noqa: S303  # CloudFront's own choice
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature, document, ec.ECDSA(hashes.SHA256()))
        else:
            return False
    except InvalidSignature:
        return False
    return True


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text.replace("-", "+").replace("_", "=").replace("~", "/"), validate=True)
    except binascii.Error:
        raise AwsError("AccessDenied", "Access denied", 403) from None


def _range(header: str, size: int) -> tuple[int, int, int]:
    """Start, length and status for a Range header; one that cannot be read counts as none. Raises AwsError 416."""
    match = re.fullmatch(r"bytes=(\d*)-(\d*)", header.strip())
    if not match or not (match[1] or match[2]):
        return 0, size, 200
    if not match[1]:
        length = min(int(match[2]), size)
        start = size - length
    else:
        start = int(match[1])
        length = min(int(match[2] or size - 1), size - 1) - start + 1
    if length <= 0 or start >= size:
        raise AwsError("InvalidRange", "The requested range is not satisfiable", 416)
    return start, length, 206


def _apply_policy(config: Mapping[str, Any], headers: dict[str, str], origin: str | None) -> None:
    """Set the headers of a response headers policy; one without Override yields to the origin's."""
    security = config.get("SecurityHeadersConfig") or {}
    for member, name, value in _SECURITY_HEADERS:
        rule = security.get(member)
        if rule and (rule.get("Override") or name not in headers):
            headers[name] = value(rule)
    for rule in (config.get("CustomHeadersConfig") or {}).get("Items") or []:
        if rule.get("Override") or rule["Header"] not in headers:
            headers[rule["Header"]] = rule["Value"]
    for rule in (config.get("RemoveHeadersConfig") or {}).get("Items") or []:
        headers.pop(rule["Header"], None)
    cors = config.get("CorsConfig")
    if cors and origin:
        _apply_cors(cors, headers, origin)


def _apply_cors(cors: Mapping[str, Any], headers: dict[str, str], origin: str) -> None:
    allowed = cors["AccessControlAllowOrigins"]["Items"]
    if not any(fnmatch.fnmatchcase(origin, pattern) for pattern in allowed):
        return
    headers["Access-Control-Allow-Origin"] = "*" if allowed == ["*"] else origin
    headers["Vary"] = "Origin"
    if cors.get("AccessControlAllowCredentials"):
        headers["Access-Control-Allow-Credentials"] = "true"
    for member, name in (
        ("AccessControlAllowMethods", "Access-Control-Allow-Methods"),
        ("AccessControlAllowHeaders", "Access-Control-Allow-Headers"),
        ("AccessControlExposeHeaders", "Access-Control-Expose-Headers"),
    ):
        items = (cors.get(member) or {}).get("Items") or []
        if items:
            headers[name] = ", ".join(items)
    if cors.get("AccessControlMaxAgeSec") is not None:
        headers["Access-Control-Max-Age"] = str(cors["AccessControlMaxAgeSec"])


def _hsts(rule: Mapping[str, Any]) -> str:
    value = f"max-age={rule['AccessControlMaxAgeSec']}"
    value += "; includeSubDomains" if rule.get("IncludeSubdomains") else ""
    return value + ("; preload" if rule.get("Preload") else "")


def _xss(rule: Mapping[str, Any]) -> str:
    return ("1" if rule["Protection"] else "0") + ("; mode=block" if rule.get("ModeBlock") else "")


_SECURITY_HEADERS: Final[tuple[tuple[str, str, Callable[[Mapping[str, Any]], str]], ...]] = (
    ("ContentSecurityPolicy", "Content-Security-Policy", lambda rule: str(rule["ContentSecurityPolicy"])),
    ("ContentTypeOptions", "X-Content-Type-Options", lambda _rule: "nosniff"),
    ("FrameOptions", "X-Frame-Options", lambda rule: str(rule["FrameOption"])),
    ("ReferrerPolicy", "Referrer-Policy", lambda rule: str(rule["ReferrerPolicy"])),
    ("StrictTransportSecurity", "Strict-Transport-Security", _hsts),
    ("XSSProtection", "X-XSS-Protection", _xss),
)


def _error(error: AwsError) -> Response:
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>'
        f"<Error><Code>{error.code}</Code><Message>{error.message}</Message></Error>"
    )
    headers = {"Content-Type": "text/xml", "X-Cache": "Error from cloudfront", "Server": "CloudFront"}
    return Response(error.status, headers, body.encode())
