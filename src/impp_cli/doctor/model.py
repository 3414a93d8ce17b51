"""A finding, and what checks look at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any, Final, TypeVar

from impp_cli.aws import Account
from impp_cli.checkout import Checkout, UnreadableFile, variables_file

Collection = TypeVar("Collection", list[Any], dict[str, Any])

WITHOUT_CREDENTIALS: Final = "not checked without credentials"


class Verdict(StrEnum):
    """What a finding means for a deployment."""

    OK = "ok"
    HINT = "hint"  # advice: the deployment works without
    FAIL = "fail"  # would make the deployment fail
    OFF = "off"  # does not apply, or is switched off
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Finding:
    """The outcome of a check.

    `text` follows the check's name, `todo` is a sentence; what stands below it is to be copied: `command` into a shell,
    `line` into `file`, which is relative to the checkout.
    """

    check: str
    verdict: Verdict
    text: str
    todo: str | None = None
    line: str | None = None
    file: str | None = None
    command: str | None = None


class InvalidVariable(Exception):
    """A variable of another type than the root's; the message names it, not its value, which may be secret."""


class Unexamined(Exception):
    """What a check needs is not there; the message says what."""


@dataclass(frozen=True)
class Caller:
    """Who deploys."""

    account_id: str
    arn: str

    @property
    def partition(self) -> str:
        """`aws`, `aws-cn` or `aws-us-gov`."""
        return self.arn.split(":")[1]


@dataclass
class Context:
    """What checks look at. `caller` is None until the credentials have been checked, and if they are not valid."""

    checkout: Checkout
    environment: str
    account: Account
    shell: Mapping[str, str]
    caller: Caller | None = None

    def known_caller(self) -> Caller:
        """The caller. Raises Unexamined."""
        if self.caller is None:
            raise Unexamined(WITHOUT_CREDENTIALS)
        return self.caller

    @property
    def file(self) -> str:
        """The file of the environment's variables."""
        return variables_file(self.environment)

    @cached_property
    def variables(self) -> dict[str, Any]:
        """The environment's variables. Raises Unexamined."""
        try:
            return self.checkout.variables(self.environment, self.shell)
        except UnreadableFile as error:
            raise Unexamined(str(error)) from error

    def collection(self, name: str, kind: type[Collection]) -> Collection:
        """A variable that is a list or a map; empty if it is not set or null. Raises Unexamined, InvalidVariable."""
        value = self.variables.get(name)
        if value is None:
            return kind()
        if not isinstance(value, kind):
            raise InvalidVariable(f"{name} must be a {'list' if kind is list else 'map'}")
        return value

    def number(self, name: str) -> float:
        """A variable that is a number; 0 if it is not set or null. Raises Unexamined, InvalidVariable."""
        try:
            return float(self.variables.get(name) or 0)
        except (TypeError, ValueError):
            raise InvalidVariable(f"{name} must be a number") from None

    def is_set(self, name: str) -> bool:
        """A variable that is true or false; false if it is not set. Terraform takes text too. Raises Unexamined."""
        return self.variables.get(name) in (True, "true")
