"""Policy documents, parsed once: statements that know whether they apply to a request.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements.html
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any, Final

from impp_local.iam import conditions
from impp_local.iam.conditions import Condition
from impp_local.iam.matching import Context, Pattern

VERSION: Final = "2012-10-17"
"""The version of the policy language that has variables."""


@dataclass(frozen=True)
class Caller:
    """Who makes a request.

    `arn` is a role session's, a user's, the account's root, or "" for a service and for nobody. `role` is the ARN of
    the session's role. `service` is a service principal such as `events.amazonaws.com`.
    """

    arn: str = ""
    account: str = ""
    role: str = ""
    service: str = ""
    tags: Mapping[str, str] = field(default_factory=dict, hash=False)

    @property
    def is_root(self) -> bool:
        """Whether it is the account itself, which policies of the account do not limit."""
        return self.arn.endswith(":root")

    @property
    def principal_arn(self) -> str:
        """The value of aws:PrincipalArn: of a session, its role's ARN."""
        return self.role or self.arn


@dataclass(frozen=True)
class Request:
    """One action on one resource, by its full name (`s3:GetObject`) and ARN, in its context."""

    caller: Caller
    action: str
    resource: str
    context: Context


@dataclass(frozen=True, eq=False)
class Statement:
    """A statement of a policy. `name` is its Sid, or its position from 1 on; `policy` says where it stands."""

    policy: str
    name: str
    is_deny: bool
    actions: tuple[Pattern, ...]
    resources: tuple[Pattern, ...]
    principals: Mapping[str, tuple[Pattern, ...]] | None
    conditions: tuple[Condition, ...]
    excepts_actions: bool = False
    excepts_resources: bool = False
    excepts_principals: bool = False

    @cached_property
    def full_name(self) -> tuple[str, str]:
        """Where it stands, and its name."""
        return self.policy, self.name

    def covers(self, action: str) -> bool:
        """Whether the action fits."""
        return any(pattern.matches(action, {}, any_case=True) for pattern in self.actions) != self.excepts_actions

    def fits(self, request: Request) -> bool:
        """Whether resource and conditions fit; action and principal are other questions (`covers`, `names`)."""
        resource, context = request.resource, request.context
        if self.resources:  # a trust policy has none: the resource is its role
            for pattern in self.resources:
                if pattern.matches_arn(resource, context):
                    if self.excepts_resources:
                        return False
                    break
            else:
                if not self.excepts_resources:
                    return False
        for condition in self.conditions:  # noqa: SIM110  # a third of the time of a generator, at every request
            if not condition.holds(context):
                return False
        return True

    def names(self, caller: Caller) -> bool:
        """Whether the Principal element covers the caller itself. `delegates_to` is for its account."""
        return self._lists(caller) != self.excepts_principals

    def names_exactly(self, caller: Caller) -> bool:
        """Whether it names the caller's user or session, or everybody: no permissions boundary limits that.

        A grant to a role's ARN is limited: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-basics.html
        """
        principals = self.principals or {}
        listed = (*principals.get("AWS", ()), *principals.get("*", ()))
        return not self.excepts_principals and any(pattern.text in ("*", caller.arn) for pattern in listed)

    def delegates_to(self, account: str) -> bool:
        """Whether it names the account: then policies of the account's own identities decide."""
        forms = (account, f"arn:aws:iam::{account}:root")
        return any(pattern.text in forms for pattern in (self.principals or {}).get("AWS", ()))

    def _lists(self, caller: Caller) -> bool:
        principals = self.principals or {}
        if caller.service:
            listed = (*principals.get("Service", ()), *principals.get("*", ()))
            return any(pattern.text in ("*", caller.service) for pattern in listed)
        listed = (*principals.get("AWS", ()), *principals.get("*", ()))
        own = {caller.arn, caller.role} if caller.arn else set()
        in_account = self.is_deny and bool(caller.account) and self.delegates_to(caller.account)
        return in_account or any(pattern.text == "*" or pattern.text in own for pattern in listed)


class Statements(tuple[Statement, ...]):
    """The statements of one or several policies. They never change: a policy that does is parsed again."""

    def __new__(cls, statements: Iterable[Statement] = ()) -> Statements:
        """Statements that remember which of them cover an action: most cover few of the many that are asked for."""
        new = super().__new__(cls, statements)
        new._covering = {}
        return new

    _covering: dict[str, tuple[Statement, ...]]

    def applying(self, request: Request) -> tuple[Statement, ...]:
        """Those whose action, resource and conditions fit; the principal is another question."""
        covering = self._covering.get(request.action)
        if covering is None:
            covering = tuple(statement for statement in self if statement.covers(request.action))
            self._covering[request.action] = covering
        return tuple([statement for statement in covering if statement.fits(request)])


@lru_cache(maxsize=2048)
def parse(document: str, policy: str) -> Statements:
    """The statements of a document; `policy` says where it stands. Raises ValueError for what is not a policy."""
    parsed = json.loads(document or "{}")
    is_filled = parsed.get("Version") == VERSION
    statements = parsed.get("Statement", [])
    listed = statements if isinstance(statements, list) else [statements]
    return Statements(
        _statement(statement, policy, str(position), is_filled) for position, statement in enumerate(listed, start=1)
    )


@lru_cache(maxsize=512)
def parse_all(documents: tuple[tuple[str, str], ...]) -> Statements:
    """The statements of several documents, each with where it stands."""
    return Statements(statement for document, policy in documents for statement in parse(document, policy))


def _statement(element: Mapping[str, Any], policy: str, position: str, is_filled: bool) -> Statement:
    return Statement(
        policy=policy,
        name=element.get("Sid") or position,
        is_deny=element["Effect"] == "Deny",
        actions=_patterns(element, "Action", False),
        resources=_patterns(element, "Resource", is_filled),
        principals=_principals(element.get("Principal", element.get("NotPrincipal"))),
        conditions=conditions.parse(element.get("Condition"), is_filled=is_filled),
        excepts_actions="NotAction" in element,
        excepts_resources="NotResource" in element,
        excepts_principals="NotPrincipal" in element,
    )


def _patterns(element: Mapping[str, Any], name: str, is_filled: bool) -> tuple[Pattern, ...]:
    return tuple(Pattern(text, is_filled=is_filled) for text in _listed(element.get(name, element.get(f"Not{name}"))))


def _principals(element: Any) -> Mapping[str, tuple[Pattern, ...]] | None:
    if element is None:
        return None
    kinds = {"*": "*"} if element == "*" else element
    return {kind: tuple(Pattern(text, is_filled=False) for text in _listed(given)) for kind, given in kinds.items()}


def _listed(given: Any) -> Sequence[str]:
    return () if given is None else [given] if isinstance(given, str) else given
