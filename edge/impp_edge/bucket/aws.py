"""AWS endpoints, credentials and Signature Version 4.

Importing botocore takes longer than sending a clip, so the common cases work without it: keys in the environment or in
the profile's ``credentials`` file. Everything else (roles, SSO, ``credential_process``, instance roles) uses botocore.
"""

from __future__ import annotations

import configparser
import hashlib
import hmac
import os
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

DEFAULT_REGION = "us-east-1"
UNSIGNED = "UNSIGNED-PAYLOAD"
_PREFERRED_SETTINGS = ("role_arn", "sso_session", "sso_start_url", "web_identity_token_file")
"""Settings of a profile that botocore prefers to its static keys."""


class Offline(Exception):
    """S3, or the source of credentials, cannot be reached; the text says why. A retry may succeed."""


class Refused(Exception):
    """AWS refuses requests for a reason that is the same for every file; the text says what to do."""


class Keys(NamedTuple):
    """Credentials for signing."""

    access: str
    secret: str
    token: str | None


@dataclass(frozen=True)
class Endpoint:
    """The address of a bucket: ``base`` is the path before the key (``""``, or ``/bucket`` in path style)."""

    scheme: str
    host: str
    port: int
    base: str

    @property
    def netloc(self) -> str:
        """Host, with the port if it is not the scheme's default: the ``Host`` header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _port(self.scheme) else f"{host}:{self.port}"


def endpoint(bucket: str, region: str, url: str | None) -> Endpoint:
    """The address of a bucket. Raises :class:`Refused` if ``url`` is invalid.

    A name with dots does not match the wildcard of S3's certificate, so it goes into the path.
    """
    if url is None:
        host = f"s3.{region}.amazonaws.com" + (".cn" if region.startswith("cn-") else "")
        if "." in bucket:
            return Endpoint("https", host, 443, f"/{bucket}")
        return Endpoint("https", f"{bucket}.{host}", 443, "")
    try:
        parts = urlsplit(url)
        port = parts.port or _port(parts.scheme)
    except ValueError as error:
        raise Refused(f"endpoint_url {url!r}: {error}") from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Refused(f"endpoint_url {url!r}: must be one like https://s3.example.org")
    return Endpoint(parts.scheme, parts.hostname, port, f"{parts.path.rstrip('/')}/{bucket}")


class Settings:
    """Settings from the environment and the profile in ``~/.aws``. Raises :class:`Refused` if the profile is
    missing."""

    def __init__(self, profile: str | None = None) -> None:
        self.profile = profile
        name = profile or os.environ.get("AWS_PROFILE") or os.environ.get("AWS_DEFAULT_PROFILE") or "default"
        shared = _section("AWS_SHARED_CREDENTIALS_FILE", "credentials", name)
        config = _section("AWS_CONFIG_FILE", "config", name if name == "default" else f"profile {name}")
        if name != "default" and not shared and not config:
            raise Refused(f"no profile {name!r} in ~/.aws/config or ~/.aws/credentials")
        self._shared, self._merged = shared, {**shared, **config}

    @property
    def region(self) -> str | None:
        """The region to begin with."""
        return os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or self._merged.get("region")

    @property
    def ca_bundle(self) -> str | None:
        """A file of certificate authorities to trust instead of the system's."""
        return os.environ.get("AWS_CA_BUNDLE") or self._merged.get("ca_bundle")

    def endpoint_url(self, service: str = "s3") -> str | None:
        """The endpoint of a service, None for AWS's own."""
        variable = f"AWS_ENDPOINT_URL_{service.upper()}"
        return os.environ.get(variable) or os.environ.get("AWS_ENDPOINT_URL") or self._merged.get("endpoint_url")

    def keys(self) -> Keys | None:
        """Static keys, if botocore's chain would use exactly these; None if the chain is needed."""
        env = os.environ
        if self.profile is None and env.get("AWS_ACCESS_KEY_ID") and env.get("AWS_SECRET_ACCESS_KEY"):
            return Keys(env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"], env.get("AWS_SESSION_TOKEN") or None)
        access, secret = self._shared.get("aws_access_key_id"), self._shared.get("aws_secret_access_key")
        has_preferred = (
            any(name in self._merged for name in _PREFERRED_SETTINGS) or "AWS_WEB_IDENTITY_TOKEN_FILE" in env
        )
        if access and secret and not has_preferred:
            return Keys(access, secret, self._shared.get("aws_session_token"))
        return None


class Signer:
    """Signs requests with the credentials of the ordinary chain. Thread-safe.

    ``offset_s`` is how many seconds our clock is behind the server's; the client sets it from a response.
    """

    def __init__(self, settings: Settings) -> None:
        self.offset_s = 0.0
        self._settings = settings
        self._source: Any = None
        self._mutex = threading.Lock()

    def sign(
        self,
        method: str,
        url: tuple[str, str, str],
        headers: Mapping[str, str],
        payload: str,
        region: str,
        service: str,
    ) -> dict[str, str]:
        """The headers to send: those given, and those of the signature.

        ``url`` is the ``Host`` header, the path as it is sent, and the query from :func:`query`; ``payload`` the
        SHA-256 of the body in hex or :data:`UNSIGNED`. After "Signature Version 4 signing process" in AWS's reference.
        Raises :class:`Refused` or :class:`Offline` if there are no credentials.
        """
        host, path, query_string = url
        keys = self.keys()
        now = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(time.time() + self.offset_s))
        signed = {name.lower(): value for name, value in headers.items()}
        signed |= {"host": host, "x-amz-date": now, "x-amz-content-sha256": payload}
        if keys.token:
            signed["x-amz-security-token"] = keys.token
        names = ";".join(sorted(signed))
        canonical = "".join(f"{name}:{' '.join(signed[name].split())}\n" for name in sorted(signed))
        request = f"{method}\n{path}\n{query_string}\n{canonical}\n{names}\n{payload}"
        scope = f"{now[:8]}/{region}/{service}/aws4_request"
        text = f"AWS4-HMAC-SHA256\n{now}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
        key = f"AWS4{keys.secret}".encode()
        for part in (now[:8], region, service, "aws4_request", text):
            key = hmac.digest(key, part.encode(), "sha256")
        signed["authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={keys.access}/{scope}, SignedHeaders={names}, Signature={key.hex()}"
        )
        return signed

    def keys(self) -> Keys:
        """Current credentials, renewed if they are about to expire."""
        with self._mutex:
            source = self._source
            if source is None:
                source = self._source = self._settings.keys() or _chain(self._settings.profile)
        if isinstance(source, Keys):
            return source
        with _translate_errors():
            frozen = source.get_frozen_credentials()
            return Keys(frozen.access_key, frozen.secret_key, frozen.token)

    def renew(self) -> None:
        """Get new credentials for the next request, because S3 reports these as expired."""
        with self._mutex:
            self._source = None


def query(values: Mapping[str, str]) -> str:
    """A query string in the canonical form that is signed."""
    return "&".join(f"{quote(name, safe='-_.~')}={quote(values[name], safe='-_.~')}" for name in sorted(values))


def _port(scheme: str) -> int:
    return 80 if scheme == "http" else 443


def _section(variable: str, name: str, section: str) -> dict[str, str]:
    """A section of one of the AWS files, empty if there is none. Read as botocore does: no interpolation."""
    path = Path(os.environ.get(variable) or f"~/.aws/{name}").expanduser()
    parser = configparser.RawConfigParser(default_section="", strict=False)
    try:
        parser.read(path, encoding="utf-8")
        return dict(parser[section]) if section in parser else {}
    except (configparser.Error, OSError, UnicodeDecodeError) as error:
        raise Refused(f"{path}: {error}") from error


def _chain(profile: str | None) -> Any:
    """Credentials of botocore's chain, which renew themselves."""
    import botocore.session

    with _translate_errors():
        credentials = botocore.session.Session(profile=profile).get_credentials()
    if credentials is None:
        raise Refused(
            "no AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile in ~/.aws/config"
        )
    return credentials


@contextmanager
def _translate_errors() -> Iterator[None]:
    """Translate botocore's errors: a network problem or a wrong setting."""
    from botocore import exceptions

    try:
        yield
    except (
        exceptions.ConnectionError,
        exceptions.HTTPClientError,
        exceptions.MetadataRetrievalError,
        exceptions.CredentialRetrievalError,  # a failed credential_process: usually it was offline
        RuntimeError,  # still expired after a refresh
    ) as error:
        raise Offline(f"no AWS credentials now: {error}") from error
    except (exceptions.BotoCoreError, exceptions.ClientError, OSError) as error:  # a missing program
        raise Refused(f"no AWS credentials: {error}") from error
    except ValueError as error:
        raise Refused(f"no AWS credentials: credential_process prints invalid output: {error}") from error
