"""Viewers of the delivery bucket: their key, and the URLs and cookies that it signs, as CloudFront wants them.

    private, public = viewers_key(state)                # made once, kept in the state folder
    signer = Signer(key_pair_id, private)
    signer.url("https://d123.cloudfront.net/assets/…/video-web.mp4", expires=time.time() + 3600)
    signer.cookies("https://d123.cloudfront.net/assets/*", expires=…)   # {"CloudFront-Policy": …, …}

https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/PrivateContent.html
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

KEY_FILE: Final = "viewer.pem"


def viewers_key(state_dir: Path) -> tuple[Path, str]:
    """The viewer key of a local cloud: path of the private key, and the public key as PEM. Made on first use."""
    path = state_dir.absolute() / KEY_FILE
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        private_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        pem = private_key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        path.touch(mode=0o600)
        path.write_bytes(pem)
    key = _load(path)
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return path, public.decode()


class Signer:
    """Signs for one key pair: `key_pair_id` is the id of CloudFront's public key, `private_key` the PEM file."""

    def __init__(self, key_pair_id: str, private_key: Path) -> None:
        self.key_pair_id = key_pair_id
        self._key = _load(private_key)

    def url(self, url: str, expires: float, *, policy: dict[str, Any] | None = None) -> str:
        """A signed URL, with the canned policy (only `expires`, Unix seconds) or a custom one."""
        joint = "&" if "?" in url else "?"
        if policy is None:
            signature = self._signature(canned_policy(url, int(expires)))
            return f"{url}{joint}Expires={int(expires)}&Signature={signature}&Key-Pair-Id={self.key_pair_id}"
        document = _compact(policy)
        named = f"Policy={_url_safe(document)}&Signature={self._signature(document)}&Key-Pair-Id={self.key_pair_id}"
        return f"{url}{joint}{named}"

    def cookies(self, resource: str, expires: float) -> dict[str, str]:
        """Cookies with a custom policy, for all that `resource` matches (`*` and `?` are wildcards)."""
        document = _compact(custom_policy(resource, expires))
        return {
            "CloudFront-Policy": _url_safe(document),
            "CloudFront-Signature": self._signature(document),
            "CloudFront-Key-Pair-Id": self.key_pair_id,
        }

    def _signature(self, document: bytes) -> str:
        # CloudFront signs with RSA over SHA-1 only.
        return _url_safe(self._key.sign(document, padding.PKCS1v15(), hashes.SHA1()))  # noqa: S303


def canned_policy(url: str, expires: int) -> bytes:
    """The policy that a canned signature stands for."""
    return _compact(custom_policy(url, expires))


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


def _compact(policy: dict[str, Any]) -> bytes:
    return json.dumps(policy, separators=(",", ":")).encode()


def _url_safe(data: bytes) -> str:
    """CloudFront's own alphabet for base64 in URLs."""
    return base64.b64encode(data).decode().replace("+", "-").replace("=", "_").replace("/", "~")


def _load(path: Path) -> rsa.RSAPrivateKey:
    key = serialization.load_pem_private_key(path.read_bytes(), None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise TypeError(f"{path} holds no RSA key")
    return key
