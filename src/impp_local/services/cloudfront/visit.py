"""One request of a viewer: cache behavior, signature, function, and the object of the bucket with its range.

Origins are buckets and function URLs, plain HTTP counts as HTTPS, and there is no cache: each response comes from the
origin (`X-Cache: Miss from cloudfront`).
"""

from __future__ import annotations

import fnmatch
import posixpath
import re
import secrets
import string
from collections.abc import Mapping
from email.utils import formatdate
from typing import Any, Final, Protocol
from urllib.parse import unquote

from impp_local.iam import service_access
from impp_local.kernel import billing, objects
from impp_local.kernel.contract import AwsError, Call, Response
from impp_local.services.cloudfront import function_urls, signatures
from impp_local.services.cloudfront.api import Resource
from impp_local.services.cloudfront.headers import apply_policy
from impp_local.services.cloudfront.viewer_request import event_of, response_of

PREFIX: Final = "/_cloudfront/"
_S3_ORIGIN: Final = re.compile(r"(?P<bucket>[a-z0-9][a-z0-9.-]+[a-z0-9])\.s3[.-]")
_ENCODED: Final = re.compile(r"%([0-9A-Fa-f]{2})")
_UNRESERVED: Final = frozenset(f"{string.ascii_letters}{string.digits}-._~")
_KEPT_HEADERS: Final = ("cache-control", "content-disposition", "content-encoding", "content-language", "expires")


class ControlPlane(Protocol):
    """What a visit asks CloudFront itself."""

    def resource(self, resource_id: str, /) -> Resource | None:
        """A resource by id."""

    def run(self, function: str, event: Mapping[str, Any], /) -> dict[str, Any]:
        """What a function returns for an event. Raises AwsError."""


class Visit:
    """One request of a viewer to one distribution."""

    def __init__(
        self,
        call: Call,
        path: str,
        resources: ControlPlane,
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
            self._check_signature(groups)
        billing.meter("cloudfront", "https_request", 1, detail=self.path)
        return self._function_response() or self._with_headers(self._from_origin(method))

    def error_page(self, error: AwsError) -> Response | None:
        """The page that the distribution has for an error's status; None without one.

        https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/GeneratingCustomErrorResponses.html
        """
        rules = (self.distribution.config.get("CustomErrorResponses") or {}).get("Items") or []
        rule = next((one for one in rules if int(one["ErrorCode"]) == error.status), None)
        if rule is None or not rule.get("ResponsePagePath"):
            return None
        self.path = rule["ResponsePagePath"]
        self.behavior = self._behavior()
        try:
            response = self._with_headers(self._object("GET", is_whole=True))
        except AwsError:
            return None
        response.status = int(rule.get("ResponseCode") or error.status)
        response.headers["X-Cache"] = "Error from cloudfront"
        return response

    def _function_response(self) -> Response | None:
        """Run the behavior's function for viewer requests: its response, or None if the request goes on.

        CloudFront documents no order of this and the check of signatures; a request must pass both.
        """
        for one in (self.behavior.get("FunctionAssociations") or {}).get("Items") or []:
            if one["EventType"] == "viewer-request":
                billing.meter("cloudfront", "function", 1, detail=self.path)
                result = self.resources.run(one["FunctionARN"], event_of(self.call, self.path, self.distribution))
                response = response_of(result)
                if response is not None:
                    response.headers |= {"X-Cache": "FunctionGeneratedResponse from cloudfront"}
                    return response
                self.path = str(result["uri"])
        return None

    def _behavior(self) -> Mapping[str, Any]:
        """The cache behavior for the normalized path: the first whose pattern fits, else the default one."""
        path = _normalized(self.path)
        for one in (self.distribution.config.get("CacheBehaviors") or {}).get("Items") or []:
            if fnmatch.fnmatchcase(path, one["PathPattern"].lstrip("/")):
                return dict(one)
        return dict(self.distribution.config["DefaultCacheBehavior"])

    def _from_origin(self, method: str) -> Response:
        origin = self._origin()
        if function_urls.is_url(origin["DomainName"]):
            return function_urls.answer(self.call, self.path, origin, self.distribution.arn)
        return self._object(method)

    def _object(self, method: str, *, is_whole: bool = False) -> Response:
        name = unquote(self.path.lstrip("/")) or self.distribution.config.get("DefaultRootObject") or ""
        try:
            service_access.require_origin_read(self.distribution.arn, self._bucket(), name)
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
        if not is_whole and self._is_unmodified(stored):
            return Response(304, headers)
        start, length, status = _range("" if is_whole else self.call.headers.get("range", ""), stored.size)
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

    def _origin(self) -> Mapping[str, Any]:
        origins: list[Mapping[str, Any]] = self.distribution.config["Origins"]["Items"]
        return next(origin for origin in origins if origin["Id"] == self.behavior["TargetOriginId"])

    def _bucket(self) -> str:
        match = _S3_ORIGIN.match(self._origin()["DomainName"])
        if match:
            return match["bucket"]
        raise AwsError("BadGateway", "The local cloud serves S3 origins and function URLs only", 502)

    def _check_signature(self, groups: list[str]) -> None:
        """Raises AwsError unless a key of these groups has signed the request."""
        keys = {}
        for group in groups:
            key_group = self.resources.resource(group)
            for key_id in (key_group.config.get("Items") or []) if key_group else []:
                key = self.resources.resource(key_id)
                if key:
                    keys[key_id] = key.config["EncodedKey"]
        address = self.call.environ.get("REMOTE_ADDR", "")
        signatures.check(keys, self.query, self.call.headers.get("cookie", ""), self._possible_urls(), address)

    def _possible_urls(self) -> list[str]:
        """The URLs that a signer may have signed: with the distribution's names, or with the local endpoint."""
        query = signatures.unsigned(self.query)
        bare = f"{self.path}?{query}" if query else self.path
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
            apply_policy(policy.config, response.headers, self.call.headers.get("origin"))
        return response


def _normalized(path: str) -> str:
    """The path that decides on the cache behavior, without its first slash; the origin gets the path as it came.

    https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/DownloadDistValuesCacheBehavior.html
    ("Path normalization": RFC 3986, and multiple slashes count as one)
    """
    decoded = _ENCODED.sub(lambda one: c if (c := chr(int(one[1], 16))) in _UNRESERVED else one[0].upper(), path)
    return posixpath.normpath(f"/{decoded}").lstrip("/") + ("/" if decoded.endswith("/") and decoded.strip("/") else "")


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
