"""One S3 request and what is done around moto's answer to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from impp_local.iam.s3_needs import bucket_and_key
from impp_local.kernel import moto, objects
from impp_local.kernel.contract import Call, Response
from impp_local.kernel.defaults import ACCOUNT, HOST
from impp_local.services.s3 import checksums
from impp_local.services.s3.checksums import Verified
from impp_local.web import protocol

_FORMS: Final = ("application/x-www-form-urlencoded", "multipart/form-data")
"""Content types that curl and others set for any body. moto would parse the body of such a PUT and store nothing."""


@dataclass(frozen=True)
class Upload:
    """What a multipart upload was started with; moto's upload has it as `impp`, and its parts a `Part` each."""

    algorithm: str
    kind: str
    explicit: bool


@dataclass(frozen=True)
class CompletedUpload:
    """What moto wants to know about the upload of an object, in place of its own with all parts."""

    id: str
    partlist: list[int]

    def dispose(self) -> None:
        """Nothing is open."""


class Exchange:
    """One S3 request with what its steps hand on to each other: checksum, upload, parts, events."""

    def __init__(self, call: Call) -> None:
        self.call = call
        self.environ = call.environ
        self.headers = call.headers
        self.query = call.query
        self.operation = call.operation
        self.bucket, self.key = bucket_and_key(call)
        content_type = self.headers.get("content-type", "")
        self.form = content_type if content_type.startswith(_FORMS) and call.method == "PUT" else ""
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
        remaining = ",".join(name.strip() for name in encodings if name.strip() not in ("", "aws-chunked"))
        self.environ.pop("HTTP_CONTENT_ENCODING", None)
        if remaining:
            self.environ["HTTP_CONTENT_ENCODING"] = remaining

    def use_checksum(self, algorithm: str) -> None:
        """Store the object with this checksum, computed now unless the request has it."""
        if self.algorithm != algorithm or self.checksum is None:
            self.checksum = checksums.checksum(algorithm, self.verified.payload)
            self.algorithm = algorithm
        self.environ["HTTP_X_AMZ_SDK_CHECKSUM_ALGORITHM"] = algorithm
        self.environ[f"HTTP_X_AMZ_CHECKSUM_{algorithm}"] = self.checksum

    def forward(self, method: str | None = None) -> Response:
        """moto's answer; `method` replaces the request's."""
        environ = moto.environ_with_body(self.environ, self.verified.payload)
        if method:
            environ["REQUEST_METHOD"] = method
        if self.form:
            environ["CONTENT_TYPE"] = "binary/octet-stream"
        return moto.call("s3", self.operation, environ)

    def stored_object(self, response: Response) -> Any:
        """The object that this request created."""
        headers = {name.lower(): value for name, value in response.headers.items()}
        key = objects.backend().get_object(self.bucket, self.key, version_id=headers.get("x-amz-version-id"))
        if self.form and self.operation == "PutObject":
            key.metadata["Content-Type"] = self.form
        return key

    def caller_detail(self) -> dict[str, str]:
        """The caller, as in the detail of events."""
        return {
            "request-id": protocol.request_id(),
            "requester": ACCOUNT,
            "source-ip-address": self.environ.get("REMOTE_ADDR", HOST),
        }
