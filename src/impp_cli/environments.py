"""Settings of each environment on this machine: `~/.config/impp/<environment>.toml`.

    profile = "dashcam"                        # AWS profile whose credentials reach the environment
    endpoint_url = "http://127.0.0.1:4580"     # the local cloud, instead of AWS

The file is optional. `AWS_PROFILE` and `AWS_ENDPOINT_URL` have precedence over it.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path


class SettingsError(Exception):
    """A settings file that cannot be used; the message names the file and the mistake."""


@dataclass(frozen=True)
class Settings:
    """How to reach an environment; None: botocore's own choice."""

    profile: str | None = None
    endpoint_url: str | None = None


def path_of(environment: str, environ: Mapping[str, str] = os.environ) -> Path:
    """The settings file of an environment, whether or not it exists."""
    folder = Path(environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    return folder / "impp" / f"{environment}.toml"


def load(environment: str, environ: Mapping[str, str] = os.environ) -> Settings:
    """Settings from the environment's file and from variables. Raises SettingsError."""
    written = _read(path_of(environment, environ))
    return Settings(
        profile=environ.get("AWS_PROFILE") or written.profile,
        endpoint_url=environ.get("AWS_ENDPOINT_URL") or written.endpoint_url,
    )


def _read(path: Path) -> Settings:
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Settings()
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{path}: {error}") from error
    known = {field.name for field in fields(Settings)}
    for name, value in document.items():
        if name not in known:
            raise SettingsError(f"{path}: unknown setting {name}; known: {', '.join(sorted(known))}")
        if not isinstance(value, str):
            raise SettingsError(f"{path}: {name} must be text")
    return Settings(**document)
