"""Links that open the gallery, or single assets (docs/guide/use.md).

    https://DOMAIN/enter?k=<key pair id>&p=<policy>&s=<signature>[&p=…&s=…]&to=/app/index.html#/…

The CloudFront Function of `/enter` (modules/delivery/functions/entry.js) turns each policy into cookies of its path.
"""

from __future__ import annotations

import hashlib
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, urlencode

from impp_cli.aws import Account
from impp_cli.environments import Environment
from impp_cli.sharing.signing import Signer, compact, custom_policy

GALLERY: Final = "/app/index.html"
MOST_ASSETS: Final = 10
"""Assets of a link: CloudFront accepts URLs of 8,192 bytes, and a policy with its signature takes about 600."""
DAY_S: Final = 86400


class NoDistribution(Exception):
    """The environment delivers nothing; the message says what to do."""


@dataclass(frozen=True)
class Link:
    """A link. `policies` are what the store of revoked shares knows each of its policies by."""

    url: str
    expires: int
    policies: tuple[str, ...]


class Links:
    """Makes links with the environment's current key. The private key stays in this process."""

    def __init__(self, environment: Environment, account: Account) -> None:
        domain = environment.outputs.get("distribution_domain")
        if not domain or not environment.delivery_url:
            raise NoDistribution(
                f"Environment {environment.name} has no distribution, so there is nothing to open. Its variable"
                " `delivery` says `enabled = false`, or it was deployed by an older version: deploy it again."
            )
        self._root = f"https://{domain}"
        self._base = environment.delivery_url.rstrip("/")
        self._parameter = environment.output("viewer_key_parameter")
        self._account = account

    def to_everything(self, seconds: float, fragment: str = "") -> Link:
        """A link to all media and all pages, for so long. Raises AwsError."""
        return self._link([f"{self._root}/*"], seconds, fragment)

    def to_assets(self, assets: Sequence[str], seconds: float, fragment: str) -> Link:
        """A link to these assets alone, at most 10. Raises AwsError."""
        return self._link([f"{self._root}/assets/{asset}/*" for asset in assets], seconds, fragment)

    def _link(self, resources: list[str], seconds: float, fragment: str) -> Link:
        signer = self._signer()
        now = time.time()
        expires = int(now + seconds)
        # A start of its own makes each policy unique: revoking one of two equal ones would revoke both.
        starts = now - random.randint(60, DAY_S)  # noqa: S311  # no secret
        policies = [custom_policy(resource, expires, starts=starts) for resource in resources]
        query = [("k", signer.key_pair_id)]
        for policy in policies:
            document, signature = signer.signed(policy)
            query += [("p", document), ("s", signature)]
        query.append(("to", GALLERY + fragment))
        url = f"{self._base}/enter?{urlencode(query, quote_via=quote, safe='~/')}"
        return Link(url, expires, tuple(hashlib.sha256(compact(policy)).hexdigest()[:32] for policy in policies))

    def _signer(self) -> Signer:
        answer = self._account.call("ssm", "get_parameter", Name=self._parameter, WithDecryption=True)
        return Signer.of_parameter(answer["Parameter"]["Value"])
