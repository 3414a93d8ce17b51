"""Signatures that open a distribution: policies, signed URLs and cookies, as CloudFront wants them.

    signer = Signer.of_parameter(text)                                # the parameter of output viewer_key_parameter
    signer.url("https://d123.cloudfront.net/assets/…/poster.jpg", expires=time.time() + 3600)
    signer.cookies("https://d123.cloudfront.net/*", expires=…)        # {"CloudFront-Policy": …, …}

https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-creating-signed-url-custom-policy.html
"""

from __future__ import annotations

import base64
import json
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa


class Signer:
    """Signs with one key pair: `key_pair_id` is the id of its public key at CloudFront, `private_key` a PEM."""

    def __init__(self, key_pair_id: str, private_key: str) -> None:
        key = serialization.load_pem_private_key(private_key.encode(), None)
        if not isinstance(key, rsa.RSAPrivateKey):
            raise TypeError("CloudFront's signatures with SHA-1 need an RSA key")
        self.key_pair_id = key_pair_id
        self._key = key

    @classmethod
    def of_parameter(cls, text: str) -> Signer:
        """The signer of a parameter's value. Raises ValueError, KeyError or TypeError for anything else."""
        document = json.loads(text)
        return cls(document["key_pair_id"], document["private_key"])

    def url(self, url: str, expires: float, *, policy: dict[str, Any] | None = None) -> str:
        """A signed URL, with the canned policy (only `expires`, Unix seconds) or a custom one."""
        joint = "&" if "?" in url else "?"
        if policy is None:
            signature = self._signature(compact(custom_policy(url, expires)))
            return f"{url}{joint}Expires={int(expires)}&Signature={signature}&Key-Pair-Id={self.key_pair_id}"
        document, signature = self.signed(policy)
        return f"{url}{joint}Policy={document}&Signature={signature}&Key-Pair-Id={self.key_pair_id}"

    def cookies(self, resource: str, expires: float) -> dict[str, str]:
        """Cookies with a custom policy, for all that `resource` matches (`*` and `?` are wildcards)."""
        document, signature = self.signed(custom_policy(resource, expires))
        return {
            "CloudFront-Policy": document,
            "CloudFront-Signature": signature,
            "CloudFront-Key-Pair-Id": self.key_pair_id,
        }

    def signed(self, policy: dict[str, Any]) -> tuple[str, str]:
        """A policy and its signature, both in CloudFront's base64."""
        document = compact(policy)
        return _url_safe(document), self._signature(document)

    def _signature(self, document: bytes) -> str:
        return _url_safe(self._key.sign(document, padding.PKCS1v15(), hashes.SHA1()))  # noqa: S303  # CloudFront's scheme


def custom_policy(
    resource: str, expires: float, *, starts: float | None = None, ip: str | None = None
) -> dict[str, Any]:
    """A policy document; `starts` and `expires` in Unix seconds, `ip` an address or CIDR range."""
    condition: dict[str, Any] = {"DateLessThan": {"AWS:EpochTime": int(expires)}}
    if starts is not None:
        condition["DateGreaterThan"] = {"AWS:EpochTime": int(starts)}
    if ip is not None:
        condition["IpAddress"] = {"AWS:SourceIp": ip}
    return {"Statement": [{"Resource": resource, "Condition": condition}]}


def compact(policy: dict[str, Any]) -> bytes:
    """The document that is signed: JSON without white space."""
    return json.dumps(policy, separators=(",", ":")).encode()


def _url_safe(data: bytes) -> str:
    """CloudFront's own alphabet for base64 in URLs."""
    return base64.b64encode(data).decode().replace("+", "-").replace("=", "_").replace("/", "~")
