"""Keys that sign links for viewers: pairs from KMS, private halves in Parameter Store, public ones at CloudFront.

    previous   its links still open; nobody has its private half any more
    current    signs new links
    next       known to every edge location before it signs, so that a rotation has no gap

A rotation moves each up by one place. CloudFront takes up to five public keys per key group and, unless raised, ten per
account (CloudFront Developer Guide, "Quotas").
"""

from __future__ import annotations

import base64
import hashlib
import json
import textwrap
from dataclasses import dataclass
from typing import Any, Final

from botocore.exceptions import ClientError

from impp_lambdas.adapters import aws

KEY_SPEC: Final = "RSA_2048"
"""CloudFront accepts RSA 2048 and ECDSA 256 (CloudFront Developer Guide, "Specify signers"); only RSA has SHA-1."""


@dataclass(frozen=True)
class ViewerKey:
    """A key pair: the id of the public key at CloudFront, and the private key as PEM (PKCS #8)."""

    id: str
    private_key: str

    def json(self) -> str:
        """The document in Parameter Store, about 1,750 of at most 4,096 characters."""
        return json.dumps({"key_pair_id": self.id, "private_key": self.private_key})


@dataclass(frozen=True)
class Store:
    """The keys of an environment: prefix of all names, folder of the parameters, and the KMS key that encrypts them."""

    name: str
    folder: str
    kms_key_arn: str

    def read(self, place: str) -> ViewerKey | None:
        """The key in a place, `current` or `next`; None if there is none."""
        try:
            answer = aws.client("ssm").get_parameter(Name=f"{self.folder}/{place}", WithDecryption=True)
        except ClientError as error:
            if aws.code(error) == "ParameterNotFound":
                return None
            raise
        document = json.loads(answer["Parameter"]["Value"])
        return ViewerKey(document["key_pair_id"], document["private_key"])

    def write(self, place: str, key: ViewerKey) -> None:
        """Put a key into a place. A standard parameter costs nothing."""
        aws.client("ssm").put_parameter(
            Name=f"{self.folder}/{place}",
            Description=f"Signs links for viewers of {self.name}: the {place} key.",
            KeyId=self.kms_key_arn,
            Overwrite=True,
            Type="SecureString",
            Value=key.json(),
        )

    def delete(self, place: str) -> None:
        """Empty a place."""
        try:
            aws.client("ssm").delete_parameter(Name=f"{self.folder}/{place}")
        except ClientError as error:
            if aws.code(error) != "ParameterNotFound":
                raise

    def make(self) -> ViewerKey:
        """A new pair, whose public half CloudFront knows.

        KMS returns the private key as PKCS #8 and the public one as SubjectPublicKeyInfo, both in DER (botocore's
        documentation of GenerateDataKeyPair).
        """
        pair = aws.client("kms").generate_data_key_pair(KeyId=self.kms_key_arn, KeyPairSpec=KEY_SPEC)
        name = f"{self.name}-viewer-{hashlib.sha256(pair['PublicKey']).hexdigest()[:12]}"
        created = aws.client("cloudfront").create_public_key(
            PublicKeyConfig={
                "CallerReference": name,
                "Name": name,
                "EncodedKey": _pem("PUBLIC KEY", pair["PublicKey"]),
                "Comment": f"Verifies links to {self.name}'s media.",
            }
        )
        return ViewerKey(created["PublicKey"]["Id"], _pem("PRIVATE KEY", pair["PrivateKeyPlaintext"]))

    def public_keys(self) -> list[str]:
        """Ids of this environment's public keys at CloudFront."""
        ids: list[str] = []
        marker: dict[str, str] = {}
        while True:
            listed = aws.client("cloudfront").list_public_keys(**marker)["PublicKeyList"]
            ids += [key["Id"] for key in listed.get("Items", []) if key["Name"].startswith(f"{self.name}-viewer-")]
            if not listed.get("NextMarker"):
                return ids
            marker = {"Marker": listed["NextMarker"]}

    def delete_public_keys(self, *, keep: list[str]) -> None:
        """Delete this environment's other public keys at CloudFront."""
        client = aws.client("cloudfront")
        for key_id in sorted(set(self.public_keys()) - set(keep)):
            client.delete_public_key(Id=key_id, IfMatch=client.get_public_key(Id=key_id)["ETag"])

    def trust(self, ids: list[str]) -> None:
        """Have the key group trust these keys. Raises ClientError PreconditionFailed if somebody else changes it."""
        client = aws.client("cloudfront")
        group: dict[str, Any] = client.get_key_group(Id=self._key_group_id())
        config = group["KeyGroup"]["KeyGroupConfig"] | {"Items": ids}
        client.update_key_group(Id=group["KeyGroup"]["Id"], KeyGroupConfig=config, IfMatch=group["ETag"])

    def _key_group_id(self) -> str:
        """The key group of this environment, which Terraform names. Raises LookupError."""
        name, marker = f"{self.name}-viewer-keys", dict[str, str]()
        while True:
            listed = aws.client("cloudfront").list_key_groups(**marker)["KeyGroupList"]
            for summary in listed.get("Items", []):
                if summary["KeyGroup"]["KeyGroupConfig"]["Name"] == name:
                    return str(summary["KeyGroup"]["Id"])
            if not listed.get("NextMarker"):
                raise LookupError(f"there is no key group {name}")
            marker = {"Marker": listed["NextMarker"]}


def _pem(label: str, der: bytes) -> str:
    lines = textwrap.wrap(base64.b64encode(der).decode(), 64)
    return "\n".join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""])
