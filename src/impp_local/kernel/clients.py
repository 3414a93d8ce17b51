"""boto3 clients of a local cloud, with the credentials of the user on this machine."""

from __future__ import annotations

from typing import Any

from impp_local.kernel.contract import Lazy
from impp_local.kernel.defaults import ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY


class Clients(Lazy):
    """Clients by service, as `Clients(endpoint)("s3")`; thread-safe, one per service."""

    def __init__(self, endpoint: str, *, retries: int = 4, connections: int = 10) -> None:
        """`retries` and `connections` are limits per call and client; the defaults are boto3's."""
        super().__init__(self._make_client)
        self.endpoint = endpoint
        self._retries = retries
        self._connections = connections

    def _make_client(self, service: str) -> Any:
        import boto3
        from botocore.config import Config

        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id=ACCESS_KEY_ID,
            aws_secret_access_key=SECRET_ACCESS_KEY,
            config=Config(retries={"max_attempts": self._retries}, max_pool_connections=self._connections),
        )
