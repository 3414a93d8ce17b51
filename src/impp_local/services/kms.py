"""KMS with data key pairs, which moto lacks; all else is moto's. Can go when moto has GenerateDataKeyPair.

https://docs.aws.amazon.com/kms/latest/APIReference/API_GenerateDataKeyPair.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from impp_local.kernel import billing
from impp_local.kernel.contract import AwsError, Call, Cloud, Service


class Kms(Service):
    """Data key pairs; RSA only, as the private key is exported as PKCS #8 in DER, the public one as its SPKI."""

    name = "kms"

    def generate_data_key_pair(self, call: Call) -> Mapping[str, Any]:
        """Raises NotFoundException, DisabledException and UnsupportedOperationException."""
        from moto.kms.models import kms_backends

        params, keys = call.params, kms_backends[call.account][call.region]
        key = keys.keys.get(keys.any_id_to_key_id(params["KeyId"]))
        if key is None:
            raise AwsError("NotFoundException", f"Key '{params['KeyId']}' does not exist")
        if not key.enabled:
            raise AwsError("DisabledException", f"{key.arn} is disabled.")
        family, _, bits = params["KeyPairSpec"].partition("_")
        if family != "RSA":
            raise AwsError("UnsupportedOperationException", "The local cloud makes RSA key pairs only.")
        private = rsa.generate_private_key(public_exponent=65537, key_size=int(bits))
        plaintext = private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        billing.meter("kms", "rsa_key_pair", 1)
        ciphertext, arn = keys.encrypt(key.id, plaintext, dict(params.get("EncryptionContext") or {}))
        return {
            "PrivateKeyCiphertextBlob": ciphertext,
            "PrivateKeyPlaintext": plaintext,
            "PublicKey": private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
            "KeyId": arn,
            "KeyPairSpec": params["KeyPairSpec"],
        }


def create(cloud: Cloud) -> Service:  # noqa: ARG001  # all state is moto's
    """Called by the gateway at the first request for KMS."""
    return Kms()
