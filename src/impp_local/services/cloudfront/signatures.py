"""Signatures of viewers' URLs and cookies, checked as CloudFront does: canned or custom policy, RSA with SHA-1 (or
ECDSA with SHA-256), a key of a trusted key group.

https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/PrivateContent.html
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import json
import re
import time
from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from impp_local.kernel.contract import AwsError
from impp_local.services.cloudfront.viewer_request import cookies_of

_PARAMETERS: Final = {"Expires", "Policy", "Signature", "Key-Pair-Id", "Hash-Algorithm"}


def check(keys: Mapping[str, str], query: str, cookie: str, urls: list[str], address: str) -> None:
    """Raise AwsError unless a signature admits a viewer with this address.

    `keys` are PEM public keys by id; `query` and `cookie` the request's own; `urls` what a signer may have called the
    requested file, with the query but for the signature (`unsigned`).
    """
    parts = _parts(query, cookie)
    if "Signature" not in parts or "Key-Pair-Id" not in parts:
        raise AwsError("MissingKey", "Missing Key-Pair-Id query parameter or cookie value", 403)
    pem = keys.get(parts["Key-Pair-Id"])
    if pem is None:
        raise AwsError("InvalidKey", "Unknown Key", 403)
    if "Policy" in parts:
        documents = [_decode(parts["Policy"])]
    elif parts.get("Expires", "").isdigit():
        documents = [canned_policy(url, int(parts["Expires"])) for url in urls]
    else:
        raise AwsError("MissingPolicy", "Missing Policy or Expires query parameter or cookie value", 403)
    signature = _decode(parts["Signature"])
    document = next((one for one in documents if _is_valid_signature(pem, signature, one)), None)
    if document is None:
        raise AwsError("AccessDenied", "Access denied", 403)
    _check_policy(document, urls, address)


def unsigned(query: str) -> str:
    """A query without the parts of a signature."""
    return "&".join(part for part in query.split("&") if part and part.partition("=")[0] not in _PARAMETERS)


def _parts(query: str, cookie: str) -> dict[str, str]:
    """The signature's parts: from the query when it has them, else from cookies."""
    named = {name: value for name, value in parse_qsl(query) if name in _PARAMETERS}
    if "Signature" in named:
        return named
    return {
        name.removeprefix("CloudFront-"): value for name, value in cookies_of(cookie) if name.startswith("CloudFront-")
    }


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


def canned_policy(url: str, expires: int) -> bytes:
    """The policy that the signature of a URL with `Expires` stands for."""
    condition = {"DateLessThan": {"AWS:EpochTime": expires}}
    return json.dumps({"Statement": [{"Resource": url, "Condition": condition}]}, separators=(",", ":")).encode()


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
