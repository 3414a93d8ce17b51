"""A checkout of IMPP: the variables of its environments, its region, the bucket of Terraform's state."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

LOCAL: Final = "local"
"""The environment of the local cloud."""

REGION_FILE: Final = "terraform/region.tfvars"
BACKEND_FILE: Final = "terraform/envs/backend.hcl"
BOOTSTRAP_FILE: Final = "terraform/bootstrap/terraform.tfvars"


class UnreadableFile(Exception):
    """A file of Terraform that is missing or not HCL; the message names it."""


@dataclass(frozen=True)
class Checkout:
    """The folder that holds `terraform/`."""

    root: Path

    @staticmethod
    def around(folder: Path) -> Checkout | None:
        """The checkout that a folder is in, or None."""
        for root in (folder.absolute(), *folder.absolute().parents):
            if (root / REGION_FILE).is_file():
                return Checkout(root)
        return None

    def environments(self) -> list[str]:
        """Names of the environments that have variables."""
        return sorted(path.stem for path in (self.root / "terraform" / "envs").glob("*.tfvars"))

    @cached_property
    def region(self) -> str:
        """The region of every environment. Raises UnreadableFile."""
        region = self.read(REGION_FILE).get("region")
        if not isinstance(region, str):
            raise UnreadableFile(f"{REGION_FILE} names no region")
        return region

    def variables(self, environment: str, environ: Mapping[str, str] = os.environ) -> dict[str, Any]:
        """The values that `make plan` gives to the root, in Terraform's order of precedence. Raises UnreadableFile."""
        automatic = [f"terraform/{path.name}" for path in sorted((self.root / "terraform").glob("*.auto.tfvars"))]
        values = _of_shell(environ)
        for file in ("terraform/terraform.tfvars", *automatic, REGION_FILE, variables_file(environment)):
            if file.startswith("terraform/envs/") or (self.root / file).is_file():
                values |= self.read(file)
        return values

    def read(self, file: str) -> dict[str, Any]:
        """The values of a file of HCL. Raises UnreadableFile."""
        try:
            return _values((self.root / file).read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise UnreadableFile(f"{file} is missing") from None
        except OSError as error:
            raise UnreadableFile(f"{file} cannot be read: {error.strerror}") from error
        except ValueError as error:
            raise UnreadableFile(f"{file} is not HCL: {error}") from error

    def has(self, file: str) -> bool:
        """Whether a file exists."""
        return (self.root / file).is_file()

    def minimum_terraform(self) -> tuple[int, int, int] | None:
        """The oldest version that the root accepts; None if it names none."""
        text = (self.root / "terraform" / "versions.tf").read_text(encoding="utf-8")
        numbers = re.search(r'required_version\s*=\s*">= (\d+)\.(\d+)\.(\d+)', text)
        return (int(numbers[1]), int(numbers[2]), int(numbers[3])) if numbers else None


def variables_file(environment: str) -> str:
    """The file of an environment's variables, relative to the checkout."""
    return f"terraform/envs/{environment}.tfvars"


def _of_shell(environ: Mapping[str, str]) -> dict[str, Any]:
    """Variables of the form TF_VAR_name. Only complex ones are expressions; others are the text itself."""
    values: dict[str, Any] = {}
    for name, text in environ.items():
        if name.startswith("TF_VAR_"):
            try:
                values[name.removeprefix("TF_VAR_")] = _values(f"value = {text}\n")["value"]
            except ValueError:
                values[name.removeprefix("TF_VAR_")] = text
    return values


def _values(text: str) -> dict[str, Any]:
    """Attributes of HCL by name; strings without their quotes. Raises ValueError, with the line and the character."""
    import hcl2  # takes half a second
    from hcl2.utils import SerializationOptions
    from lark.exceptions import UnexpectedInput

    options = SerializationOptions(with_comments=False, preserve_heredocs=False, strip_string_quotes=True)
    try:
        values: dict[str, Any] = hcl2.loads(text, serialization_options=options)
    except UnexpectedInput as error:
        raise ValueError(f"line {error.line}, column {error.column}") from error
    return values
