"""Where the local cloud stands unless told otherwise, and the credentials that its own clients use.

Plain constants without imports of AWS libraries: the command line and the Terraform wrapper start quickly with them.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

HOST: Final = "127.0.0.1"
PORT: Final = 4580

REGION: Final = "us-east-1"
"""The region of a request that names none; the price book is of this region too."""

ACCOUNT: Final = "123456789012"
"""The account that all of the local cloud lives in (moto's default)."""

ACCESS_KEY_ID: Final = "test"
SECRET_ACCESS_KEY: Final = "test"  # noqa: S105  # not a secret: the local cloud is for the user on this machine
"""Credentials of the user on this machine. Roles get access keys of their own, see `kernel.principals`."""

STATE: Final = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "impp"
"""Folder for what the cloud keeps on disk."""


def aws_settings(endpoint: str) -> dict[str, str]:
    """Environment variables that point AWS clients at a local cloud."""
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": ACCESS_KEY_ID,
        "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
        "AWS_DEFAULT_REGION": REGION,
    }
