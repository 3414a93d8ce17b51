"""The commands in docs/guide/edge-credentials.md make and revoke certificates as Roles Anywhere asks for them, and the
profile that the page describes gives impp-edge credentials."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID
from tests.support.paths import REPOSITORY

from impp_edge.bucket import aws

PAGE: Final = (REPOSITORY / "docs/guide/edge-credentials.md").read_text(encoding="utf-8")
STEPS: Final = [block for block in re.findall(r"^```sh\n(.*?)^```$", PAGE, re.M | re.S) if "openssl" in block]
OPENSSL: Final = "openssl() { printf 'correct horse\\ncorrect horse\\n' | command openssl \"$@\"; }\n"
"""Without a terminal openssl reads passphrases from its input, a new one twice."""


def run(script: str, folder: Path) -> str:
    """Run commands of the page as a user would, and return what they print."""
    done = subprocess.run(
        ["bash", "-euc", OPENSSL + script], cwd=folder, capture_output=True, text=True, start_new_session=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The folders of the authority and of the box after steps 1 to 3 of the page."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl here")
    home, box = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("box")
    make_authority, make_request, sign = STEPS[:3]
    run(make_authority, home)
    run(make_request, box)
    shutil.copy(box / "blue-car.csr", home / "authority")
    assert "blue-car.pem: OK" in run(sign, home / "authority")
    return home / "authority", box


def certificate(path: Path) -> x509.Certificate:
    """Read a certificate from a PEM file."""
    return x509.load_pem_x509_certificate(path.read_bytes())


def usage(cert: x509.Certificate) -> set[str]:
    """The key usages of a certificate that matter here."""
    key_usage = cert.extensions.get_extension_for_class(x509.KeyUsage).value
    return {name for name in ("crl_sign", "digital_signature", "key_cert_sign") if getattr(key_usage, name)}


def test_the_authority_may_sign_certificates_and_revocation_lists(places: tuple[Path, Path]) -> None:
    authority = certificate(places[0] / "authority.pem")
    assert authority.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert usage(authority) == {"crl_sign", "key_cert_sign"}
    assert (places[0] / "authority.key").read_text().startswith("-----BEGIN ENCRYPTED PRIVATE KEY-----")
    assert places[0].stat().st_mode & 0o077 == 0


def test_the_box_certificate_is_valid_for_a_year(places: tuple[Path, Path]) -> None:
    cert, authority = certificate(places[0] / "blue-car.pem"), certificate(places[0] / "authority.pem")
    cert.verify_directly_issued_by(authority)
    assert cert.subject.rfc4514_string() == "CN=blue-car"
    assert cert.version is x509.Version.v3
    assert cert.signature_hash_algorithm is not None and cert.signature_hash_algorithm.name == "sha256"
    assert not cert.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert usage(cert) == {"digital_signature"}
    assert list(cert.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == [
        ExtendedKeyUsageOID.CLIENT_AUTH
    ]
    assert isinstance(cert.public_key(), ec.EllipticCurvePublicKey)
    assert timedelta(days=364) < cert.not_valid_after_utc - datetime.now(UTC) <= timedelta(days=365)


def test_only_the_box_can_read_its_key(places: tuple[Path, Path]) -> None:
    assert (places[1] / "private-key.pem").stat().st_mode & 0o077 == 0
    assert sorted(path.name for path in places[0].glob("*key*")) == ["authority.key"]


def test_the_authority_chooses_the_certificate_subject(places: tuple[Path, Path], tmp_path: Path) -> None:
    """A box cannot get a certificate for another name."""
    authority = shutil.copytree(places[0], tmp_path / "authority")
    run(STEPS[1].replace("/CN=blue-car", "/CN=red-car"), tmp_path)
    shutil.copy(tmp_path / "blue-car.csr", authority)
    run(STEPS[2], authority)
    assert certificate(authority / "blue-car.pem").subject.rfc4514_string() == "CN=blue-car"


def test_a_revoked_certificate_is_on_the_revocation_list(places: tuple[Path, Path], tmp_path: Path) -> None:
    authority = shutil.copytree(places[0], tmp_path / "authority")
    show, revoke = STEPS[3:]
    cert = certificate(authority / "blue-car.pem")
    assert f"serial={cert.serial_number:X}" in run(show, authority).replace("serial=0", "serial=")
    run(revoke, authority)
    revoked = x509.load_pem_x509_crl((authority / "revoked.pem").read_bytes())
    assert [entry.serial_number for entry in revoked] == [cert.serial_number]
    key = certificate(authority / "authority.pem").public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey) and revoked.is_signature_valid(key)


def test_the_documented_profile_gives_credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (profile,) = re.findall(r"^```ini\n(.*?)^```$", PAGE, re.M | re.S)
    answer = {"Version": 1, "AccessKeyId": "ASIA", "SecretAccessKey": "s", "SessionToken": "t"}
    helper = tmp_path / "aws_signing_helper"
    helper.write_text(f"#!/bin/sh\necho \"$@\" > '{tmp_path}/asked'\necho '{json.dumps(answer)}'\n", encoding="utf-8")
    helper.chmod(0o755)
    config = tmp_path / "config"
    config.write_text(profile.replace("/usr/local/bin/aws_signing_helper", str(helper)), encoding="utf-8")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))

    assert aws.Signer(aws.Settings("impp-edge")).keys() == aws.Keys("ASIA", "s", "t")
    words = (tmp_path / "asked").read_text(encoding="utf-8").split()
    assert words[0] == "credential-process"
    assert words[1::2] == [
        *("--certificate", "--private-key", "--trust-anchor-arn", "--profile-arn", "--role-arn", "--session-duration"),
    ]
