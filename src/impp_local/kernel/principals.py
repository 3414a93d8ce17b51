"""Credentials of role sessions, from which the session can be recovered: nothing has to be kept for them.

The session token names role and session, and the access key belongs to the role. Lambda and Step Functions get such
credentials for the roles that were passed to them; STS's own are kept by moto.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

SESSION_SECRET: Final = "local"  # noqa: S105  # no secret on this machine: the credentials can be made by anybody
"""Secret key of every role session that a service has made."""


@dataclass(frozen=True)
class Session:
    """A session of a role, with its credentials."""

    role_arn: str
    name: str

    @property
    def arn(self) -> str:
        """`arn:aws:sts::<account>:assumed-role/<role>/<session>`."""
        account = self.role_arn.split(":")[4]
        return f"arn:aws:sts::{account}:assumed-role/{self.role_arn.rpartition('/')[2]}/{self.name}"

    @property
    def access_key(self) -> str:
        """The access key id."""
        digest = base64.b32encode(hashlib.sha256(self.role_arn.encode()).digest()).decode()
        return f"ASIA{digest[:16]}"

    @property
    def token(self) -> str:
        """The session token."""
        return base64.urlsafe_b64encode(f"{self.role_arn} {self.name}".encode()).decode()


@lru_cache(maxsize=1024)
def session_of(access_key: str, token: str) -> Session | None:
    """The session with these credentials; None for any others."""
    try:
        role_arn, name = base64.urlsafe_b64decode(token).decode().split(" ")
    except ValueError:
        return None
    session = Session(role_arn, name)
    return session if session.access_key == access_key and role_arn.count(":") == 5 else None
