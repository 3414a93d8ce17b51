"""A distribution of the local CloudFront over a bucket, for viewers with a signature, and their signer."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass
from typing import Any

from tests.support.viewer_keys import key_pair

from impp_cli.sharing.signing import Signer
from impp_local.cloud import LocalCloud


@dataclass(frozen=True)
class Distribution:
    """Its id, its own domain name, its root by the local endpoint (ends with `/`), and the signer that it trusts."""

    id: str
    domain: str
    root: str
    signer: Signer

    def cookies(self, prefix: str) -> dict[str, str]:
        """Cookies that admit to all keys below a prefix for an hour."""
        return self.signer.cookies(f"https://{self.domain}/{prefix}*", time.time() + 3600)


def distribution(bucket: str, **behavior: Any) -> dict[str, Any]:
    """DistributionConfig of a bucket; `behavior` adds to the default cache behavior."""
    return {
        "CallerReference": f"{bucket}-{time.monotonic_ns()}",
        "Comment": "",
        "Enabled": True,
        "DefaultRootObject": "index.html",
        "Origins": {
            "Quantity": 1,
            "Items": [
                {
                    "Id": "delivery",
                    "DomainName": f"{bucket}.s3.us-east-1.amazonaws.com",
                    "S3OriginConfig": {"OriginAccessIdentity": ""},
                }
            ],
        },
        "DefaultCacheBehavior": {
            "TargetOriginId": "delivery",
            "ViewerProtocolPolicy": "https-only",
            "CachePolicyId": "658327ea-f89d-4fab-a63d-7e88639e58f6",
            **behavior,
        },
    }


def deploy(cloud: LocalCloud, bucket: str, origin: str, headers: dict[str, Any]) -> Distribution:
    """A distribution that admits players of `origin`, with SecurityHeadersConfig `headers`."""
    client = cloud.client("cloudfront")
    private, public = key_pair()
    name = uuid.uuid4().hex[:8]
    config = {"CallerReference": name, "Name": name, "EncodedKey": public}
    key = client.create_public_key(PublicKeyConfig=config)["PublicKey"]["Id"]
    group = client.create_key_group(KeyGroupConfig={"Name": name, "Items": [key]})["KeyGroup"]["Id"]
    cors = {
        "AccessControlAllowOrigins": {"Quantity": 1, "Items": [origin]},
        "AccessControlAllowHeaders": {"Quantity": 1, "Items": ["Range"]},
        "AccessControlAllowMethods": {"Quantity": 1, "Items": ["GET"]},
        "AccessControlAllowCredentials": True,
        "OriginOverride": True,
    }
    policy = client.create_response_headers_policy(
        ResponseHeadersPolicyConfig={"Name": name, "SecurityHeadersConfig": headers, "CorsConfig": cors}
    )["ResponseHeadersPolicy"]["Id"]
    created = client.create_distribution(
        DistributionConfig=distribution(
            bucket,
            ResponseHeadersPolicyId=policy,
            TrustedKeyGroups={"Enabled": True, "Quantity": 1, "Items": [group]},
        )
    )["Distribution"]
    root = f"{cloud.endpoint}/_cloudfront/{created['Id']}/"
    return Distribution(created["Id"], created["DomainName"], root, Signer(key, private))
