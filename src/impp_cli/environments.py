"""What this machine knows of each environment: `~/.config/impp/<environment>.toml`.

    region = "us-east-1"
    endpoint_url = "http://127.0.0.1:4580"     # the local cloud, instead of AWS
    delivery_url = "https://d111111abcdef8.cloudfront.net"
    profile = "dashcam"                        # yours to add: AWS profile whose credentials reach the environment

    [outputs]                                  # of the Terraform root, by their names
    catalog_table = "impp-dev-catalog"

`make deploy` and `make up` write the file, and keep `profile`. `AWS_PROFILE` has precedence over it. So has
`AWS_ENDPOINT_URL`, for `impp doctor` alone: names of one environment are of no use at the endpoint of another.
"""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

TEXTS: Final = ("region", "profile", "endpoint_url", "delivery_url")
"""Settings that are text; the file has them in this order."""

NAME: Final = re.compile(r"[a-z][a-z0-9]{1,11}")
"""Names of environments (terraform/variables.tf)."""

HEADER: Final = (
    "# Written by `make deploy`, `make up` and `impp configure`, which keep `profile` and replace the rest.\n"
)


class SettingsError(Exception):
    """A settings file that cannot be used; the message names the file, the mistake and the remedy."""


@dataclass(frozen=True)
class Settings:
    """How to reach an environment; None: botocore's own choice."""

    profile: str | None = None
    endpoint_url: str | None = None


@dataclass(frozen=True)
class Environment:
    """A deployed environment. `delivery_url` is the address of its distribution; None without one."""

    name: str
    region: str
    outputs: Mapping[str, Any]
    settings: Settings = field(default_factory=Settings)
    delivery_url: str | None = None

    def output(self, name: str) -> str:
        """An output of the Terraform root that is text. Raises SettingsError if the environment has none."""
        value = self.outputs.get(name)
        if not isinstance(value, str):
            raise SettingsError(
                f"Environment {self.name} has no {name}: it was deployed by an older version, or without this feature."
                f" {_remedy(self.name)}"
            )
        return value

    def function(self, name: str) -> str:
        """The name of a deployed function, by its short name. Raises SettingsError if the environment has none."""
        functions = self.outputs.get("function_names") or {}
        if name not in functions:
            raise SettingsError(f"Environment {self.name} has no function {name}. {_remedy(self.name)}")
        return str(functions[name])


def of_outputs(
    name: str, outputs: Mapping[str, Any], *, endpoint_url: str | None = None, delivery_url: str | None = None
) -> Environment:
    """An environment from the outputs of its Terraform root, `{name: value}`. Raises SettingsError."""
    machine = str(outputs.get("state_machine_arn")).split(":")
    if len(machine) < 7:
        raise SettingsError(f"The outputs of {name} have no state_machine_arn: deploy it first.")
    domain = outputs.get("distribution_domain")
    url = delivery_url or (f"https://{domain}" if domain and not endpoint_url else None)
    return Environment(name, machine[3], outputs, Settings(endpoint_url=endpoint_url), url)


# --- which one --------------------------------------------------------------------------------------------------------


def path_of(environment: str, environ: Mapping[str, str] = os.environ) -> Path:
    """The settings file of an environment, whether or not it exists."""
    return _folder(environ) / f"{environment}.toml"


def names(environ: Mapping[str, str] = os.environ) -> list[str]:
    """Names of the environments that have a settings file."""
    return sorted(path.stem for path in _folder(environ).glob("*.toml"))


def select(name: str | None, environ: Mapping[str, str] = os.environ) -> Environment:
    """The deployed environment of a name, or the only one. Raises SettingsError."""
    known = names(environ)
    if name is None and len(known) != 1:
        raise SettingsError(
            f"Which environment? Set --env or IMPP_ENV to one of {', '.join(known)}."
            if known
            else f"There is no environment in {_folder(environ)}: `make up` starts one on this machine, "
            "`make deploy` creates one on AWS; both write its settings there."
        )
    name = name or known[0]
    if name not in known:
        listed = ", ".join(known) or "none"
        raise SettingsError(f"There is no {path_of(name, environ)}; environments are {listed}. {_remedy(name)}")
    document = _read(path_of(name, environ))
    outputs, region = document.get("outputs"), document.get("region")
    if not outputs or not region:
        raise SettingsError(f"{path_of(name, environ)} lacks {'outputs' if region else 'region'}. {_remedy(name)}")
    settings = Settings(environ.get("AWS_PROFILE") or document.get("profile"), document.get("endpoint_url"))
    return Environment(name, region, outputs, settings, document.get("delivery_url"))


def load(environment: str, environ: Mapping[str, str] = os.environ) -> Settings:
    """How to reach an environment, which need not be deployed yet. Raises SettingsError."""
    document = _read(path_of(environment, environ))
    return Settings(
        profile=environ.get("AWS_PROFILE") or document.get("profile"),
        endpoint_url=environ.get("AWS_ENDPOINT_URL") or document.get("endpoint_url"),
    )


# --- the file ---------------------------------------------------------------------------------------------------------


def write(environment: Environment, environ: Mapping[str, str] = os.environ) -> Path:
    """Write an environment's settings for this user alone; a profile that is in the file stays. Returns the file."""
    path = path_of(environment.name, environ)
    try:
        profile = _read(path).get("profile")
    except SettingsError:  # it is replaced
        profile = None
    values = {
        "region": environment.region,
        "profile": environment.settings.profile or profile,
        "endpoint_url": environment.settings.endpoint_url,
        "delivery_url": environment.delivery_url,
    }
    text = HEADER + "".join(_table("", values)) + "".join(_table("outputs", environment.outputs))
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = path.with_suffix(f".{os.getpid()}.new")
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    new.replace(path)
    return path


def remove(name: str, environ: Mapping[str, str] = os.environ) -> Path:
    """Forget an environment that no longer exists, and what this machine knows of its footage. Returns the file."""
    copy, path = index_copy(name, environ), path_of(name, environ)
    for file in (path, *copy.parent.glob(f"{copy.name}*")):
        file.unlink(missing_ok=True)
    return path


def index_copy(name: str, environ: Mapping[str, str] = os.environ) -> Path:
    """Where the copy of an environment's index is (`impp_cli.archive.index`)."""
    return Path(environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "impp" / "index" / f"{name}.sqlite"


def _table(name: str, values: Mapping[str, Any]) -> Iterator[str]:
    """A table of TOML, then the tables in it. JSON's strings, numbers and arrays are TOML's too; null has no value."""
    if name:
        yield f"\n[{name}]\n"
    inner = {key: value for key, value in values.items() if isinstance(value, Mapping)}
    for key, value in values.items():
        if key not in inner and value is not None:
            yield f"{json.dumps(key) if name else key} = {json.dumps(value)}\n"
    for key, value in inner.items():
        yield from _table(f"{name}.{json.dumps(key)}", value)


def _folder(environ: Mapping[str, str]) -> Path:
    return Path(environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "impp"


def _read(path: Path) -> dict[str, Any]:
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise SettingsError(
            f"{path} is not TOML: {error}. Correct it, or have it rewritten. {_remedy(path.stem)}"
        ) from error
    for name, value in document.items():
        if name == "outputs" and isinstance(value, dict):
            continue
        if name not in TEXTS:
            raise SettingsError(f"{path}: unknown setting {name}; known: {', '.join(sorted((*TEXTS, 'outputs')))}")
        if not isinstance(value, str):
            raise SettingsError(f"{path}: {name} must be text")
    return document


def _remedy(name: str) -> str:
    command = "make up" if name == "local" else f"make deploy ENV={name}"
    return f"Run `{command}`, or `impp configure --env {name}` with Terraform's outputs."
