"""Access keys of role sessions: each role has a key from which the role can be recovered."""

from __future__ import annotations

import base64
import hashlib
from typing import Final

SESSION_SECRET: Final = "local"  # noqa: S105  # not a secret: the local cloud accepts any
"""Secret key and session token of every role session."""

_roles: Final[dict[str, str]] = {}


def access_key(role_arn: str) -> str:
    """The access key id of a role's session, from which :func:`principal_of` recovers the role."""
    digest = base64.b32encode(hashlib.sha256(role_arn.encode()).digest()).decode()
    key = f"ASIA{digest[:16]}"
    _roles[key] = role_arn
    return key


def principal_of(key: str) -> str | None:
    """The ARN of the role whose session uses this access key id; None for any other key."""
    return _roles.get(key)
