"""Viewers get media only with a signature of a trusted key."""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.message import Message
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.signers import CloudFrontSigner
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from tests.support import private_delivery
from tests.support.private_delivery import distribution
from tests.support.viewer_keys import key_pair

from impp_cli.sharing.signing import Signer, custom_policy
from impp_local.cloud import LocalCloud

BODY = bytes(range(256)) * 40
NAME = "assets/0123456789abcdef0123/video web+1.mp4"
QUOTED = "assets/0123456789abcdef0123/video%20web%2B1.mp4"


@dataclass
class Stage:
    """A distribution over a bucket with one object, and the signer it trusts."""

    cloud: LocalCloud
    id: str
    domain: str
    signer: Signer
    etag: str

    @property
    def url(self) -> str:
        """The object by the local endpoint."""
        return f"{self.cloud.endpoint}/_cloudfront/{self.id}/{QUOTED}"

    @property
    def public(self) -> str:
        """The object as the world would call it."""
        return f"https://{self.domain}/{QUOTED}"


def fetch(url: str, method: str = "GET", **headers: str) -> tuple[int, Message, bytes]:
    request = urllib.request.Request(url, method=method, headers={k.replace("_", "-"): v for k, v in headers.items()})
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


@pytest.fixture(scope="module")
def stage(cloud: LocalCloud) -> Stage:
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="delivery")
    put = s3.put_object(Bucket="delivery", Key=NAME, Body=BODY, ContentType="video/mp4")
    s3.put_object(Bucket="delivery", Key="index.html", Body=b"root", ContentType="text/html")
    headers = {
        "ContentTypeOptions": {"Override": True},
        "StrictTransportSecurity": {"Override": True, "AccessControlMaxAgeSec": 60, "IncludeSubdomains": True},
    }
    deployed = private_delivery.deploy(cloud, "delivery", "https://player.example.org", headers)
    return Stage(cloud, deployed.id, deployed.domain, deployed.signer, put["ETag"])


def in_an_hour() -> float:
    return time.time() + 3600


def test_a_signed_url_gets_the_object(stage: Stage) -> None:
    status, headers, body = fetch(stage.signer.url(stage.url, in_an_hour()))
    assert (status, body) == (200, BODY)
    assert headers["Content-Type"] == "video/mp4"
    assert headers["ETag"] == stage.etag
    assert headers["X-Cache"] == "Miss from cloudfront"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Strict-Transport-Security"] == "max-age=60; includeSubDomains"


def test_a_url_signed_for_the_public_name_works_by_host(stage: Stage) -> None:
    signed = stage.signer.url(stage.public, in_an_hour())
    local = signed.replace(f"https://{stage.domain}", stage.cloud.endpoint)
    assert fetch(local, Host=stage.domain)[2] == BODY


def test_a_signature_of_botocore_is_accepted(stage: Stage) -> None:
    key = stage.signer._key
    signer = CloudFrontSigner(stage.signer.key_pair_id, lambda text: key.sign(text, padding.PKCS1v15(), hashes.SHA1()))
    import datetime

    until = datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=1)
    assert fetch(signer.generate_presigned_url(stage.url, date_less_than=until))[2] == BODY
    policy = signer.build_policy(stage.url.rpartition("/")[0] + "/*", until)
    assert fetch(signer.generate_presigned_url(stage.url, policy=policy))[2] == BODY


def test_cookies_give_access_to_a_folder(stage: Stage) -> None:
    def cookie(resource: str) -> str:
        return "; ".join(f"{name}={value}" for name, value in stage.signer.cookies(resource, in_an_hour()).items())

    folder = f"https://{stage.domain}/assets/0123456789abcdef0123/*"
    assert fetch(stage.url, Cookie=cookie(folder))[2] == BODY
    assert fetch(stage.url, Cookie=cookie(f"https://{stage.domain}/assets/other/*"))[0] == 403


Spoil = Callable[[Stage], str]


def other_key(stage: Stage) -> str:
    return Signer(stage.signer.key_pair_id, key_pair()[0]).url(stage.url, in_an_hour())


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda stage: stage.url, b"MissingKey"),
        (lambda stage: stage.signer.url(stage.url, time.time() - 1), b"AccessDenied"),
        (lambda stage: stage.signer.url(stage.url, in_an_hour()).replace("Expires=", "Expires=1"), b"AccessDenied"),
        (
            lambda stage: stage.signer.url(stage.url, in_an_hour()).replace("Signature=", "Signature=AA"),
            b"AccessDenied",
        ),
        (lambda stage: stage.signer.url(stage.url, in_an_hour()).replace("video%20", "other%20"), b"AccessDenied"),
        (
            lambda stage: stage.signer.url(stage.url + "?size=1", in_an_hour()).replace("size=1", "size=2"),
            b"AccessDenied",
        ),
        (lambda stage: stage.signer.url(stage.url, in_an_hour()).replace("Pair-Id=K", "Pair-Id=L"), b"InvalidKey"),
        (other_key, b"AccessDenied"),
        (
            lambda stage: stage.signer.url(
                stage.url, 0, policy=custom_policy("*", in_an_hour(), starts=time.time() + 60)
            ),
            b"AccessDenied",
        ),
        (
            lambda stage: stage.signer.url(stage.url, 0, policy=custom_policy("*", in_an_hour(), ip="192.0.2.0/24")),
            b"AccessDenied",
        ),
        (lambda stage: stage.signer.url(stage.url, 0, policy={"Statement": []}), b"MalformedPolicy"),
    ],
    ids=["none", "expired", "later", "signature", "path", "query", "key-id", "key", "not-yet", "address", "malformed"],
)
def test_every_other_signature_is_refused(stage: Stage, spoil: Spoil, code: bytes) -> None:
    status, headers, body = fetch(spoil(stage))
    assert (status, headers["X-Cache"]) == (403, "Error from cloudfront")
    assert b"<Code>" + code + b"</Code>" in body


def test_a_custom_policy_for_this_address_is_accepted(stage: Stage) -> None:
    policy = custom_policy(stage.url.rpartition("/")[0] + "/*", in_an_hour(), starts=time.time() - 60, ip="127.0.0.0/8")
    assert fetch(stage.signer.url(stage.url, 0, policy=policy))[2] == BODY


@pytest.mark.parametrize(
    ("requested_range", "status", "content_range", "piece"),
    [
        ("bytes=0-99", 206, "bytes 0-99/10240", BODY[:100]),
        ("bytes=10000-", 206, "bytes 10000-10239/10240", BODY[10000:]),
        ("bytes=-10", 206, "bytes 10230-10239/10240", BODY[-10:]),
        ("bytes=10200-99999", 206, "bytes 10200-10239/10240", BODY[10200:]),
        ("bytes=99999-", 416, None, None),
        ("pages=1-2", 200, None, BODY),
    ],
)
def test_range_requests_are_answered(
    stage: Stage, requested_range: str, status: int, content_range: str | None, piece: bytes | None
) -> None:
    got = fetch(stage.signer.url(stage.url, in_an_hour()), Range=requested_range)
    assert (got[0], got[1]["Content-Range"]) == (status, content_range)
    assert piece is None or got[2] == piece


def test_head_and_revalidation_send_no_body(stage: Stage) -> None:
    status, headers, body = fetch(stage.signer.url(stage.url, in_an_hour()), "HEAD")
    assert (status, headers["Content-Length"], body) == (200, str(len(BODY)), b"")
    assert fetch(stage.signer.url(stage.url, in_an_hour()), If_None_Match=stage.etag)[0] == 304
    assert fetch(stage.signer.url(stage.url, in_an_hour()), "PUT")[0] == 403


def test_a_missing_object_is_denied_and_the_root_has_its_page(stage: Stage) -> None:
    base = f"{stage.cloud.endpoint}/_cloudfront/{stage.id}/"
    assert fetch(stage.signer.url(base + "assets/none", in_an_hour()))[0] == 403
    assert fetch(stage.signer.url(base, in_an_hour()))[2] == b"root"


def test_players_on_an_allowed_origin_can_read(stage: Stage) -> None:
    url = stage.signer.url(stage.url, in_an_hour())
    allowed, refused = (fetch(url, Origin=f"https://{host}.example.org")[1] for host in ("player", "other"))
    assert allowed["Access-Control-Allow-Origin"] == "https://player.example.org"
    assert allowed["Access-Control-Allow-Credentials"] == "true"
    assert refused["Access-Control-Allow-Origin"] is None


def test_a_disabled_or_unknown_distribution_is_refused(stage: Stage) -> None:
    cloudfront = stage.cloud.client("cloudfront")
    config = distribution("delivery") | {"Enabled": False}
    created = cloudfront.create_distribution(DistributionConfig=config)
    for name in (created["Distribution"]["Id"], "EUNKNOWN"):
        assert fetch(f"{stage.cloud.endpoint}/_cloudfront/{name}/{QUOTED}")[0] == 403
    assert fetch(f"{stage.cloud.endpoint}/x", Host="dunknown.cloudfront.net")[0] == 403
    cloudfront.delete_distribution(Id=created["Distribution"]["Id"], IfMatch=created["ETag"])


def error_of(call: Callable[[], Any]) -> str:
    with pytest.raises(ClientError) as caught:
        call()
    return str(caught.value.response["Error"]["Code"])


def test_a_resource_in_use_or_changed_cannot_be_deleted(stage: Stage) -> None:
    cloudfront = stage.cloud.client("cloudfront")
    got = cloudfront.get_distribution_config(Id=stage.id)
    group = got["DistributionConfig"]["DefaultCacheBehavior"]["TrustedKeyGroups"]["Items"][0]
    version: Mapping[str, str] = {"Id": group, "IfMatch": cloudfront.get_key_group(Id=group)["ETag"]}
    assert error_of(lambda: cloudfront.delete_key_group(**version)) == "ResourceInUse"
    assert error_of(lambda: cloudfront.delete_distribution(Id=stage.id, IfMatch="E0")) == "PreconditionFailed"
    assert (
        error_of(lambda: cloudfront.delete_distribution(Id=stage.id, IfMatch=got["ETag"])) == "DistributionNotDisabled"
    )
    assert error_of(lambda: cloudfront.get_distribution(Id="E0")) == "NoSuchDistribution"
    config = {"CallerReference": "short", "Name": "short", "EncodedKey": key_pair(1024)[1]}
    assert error_of(lambda: cloudfront.create_public_key(PublicKeyConfig=config)) == "InvalidArgument"
