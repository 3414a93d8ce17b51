"""Data key pairs, which moto lacks."""

from __future__ import annotations

from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_private_key,
    load_der_public_key,
)

from impp_local.cloud import LocalCloud


def test_each_cloud_makes_pairs_with_its_own_keys(tmp_path: Path) -> None:
    for name in ("first", "second"):
        with LocalCloud(port=0, state=tmp_path / name) as cloud:
            kms = cloud.client("kms")
            key = kms.create_key()["KeyMetadata"]["Arn"]
            pair = kms.generate_data_key_pair(KeyId=key, KeyPairSpec="RSA_2048")
            assert (
                kms.decrypt(CiphertextBlob=pair["PrivateKeyCiphertextBlob"])["Plaintext"] == pair["PrivateKeyPlaintext"]
            )
            public = load_der_private_key(pair["PrivateKeyPlaintext"], None).public_key()
            form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
            assert public.public_bytes(*form) == load_der_public_key(pair["PublicKey"]).public_bytes(*form)
            with pytest.raises(ClientError, match="NotFoundException"):
                kms.generate_data_key_pair(KeyId="11111111-2222-3333-4444-555555555555", KeyPairSpec="RSA_2048")
