"""Whether policies allow a request, as AWS decides it within one account.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-basics.html

    decision = decide(request, Policies(identity=parse(document, "role worker")))
    decision.is_allowed, decision.deciding
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from impp_local.iam.policies import Caller, Request, Statement, Statements

_NONE = Statements()


@dataclass(frozen=True)
class Policies:
    """All policies that apply to a request.

    `boundary` and `session` are None where there is none; `resource` is None for a resource that has no policy.
    `is_resource_required`: a key's policy and a role's trust policy must allow whatever the identity's policies say.
    """

    identity: Statements = _NONE
    resource: Statements | None = None
    boundary: Statements | None = None
    session: Statements | None = None
    is_resource_required: bool = False


@dataclass(frozen=True)
class Decision:
    """`deciding` are sets of statements: each has to keep at least one for the decision to stay the same.

    For a denial, `kind` is the kind of policy that denies (`identity-based policy`, `resource-based policy`,
    `permissions boundary`, `session policy`), and `is_explicit` whether by a Deny statement.
    """

    is_allowed: bool
    deciding: tuple[frozenset[Statement], ...] = ()
    kind: str = ""
    is_explicit: bool = False


IDENTITY = "identity-based policy"
RESOURCE = "resource-based policy"
BOUNDARY = "permissions boundary"
SESSION = "session policy"
KINDS = (IDENTITY, RESOURCE, BOUNDARY, SESSION)

Applying = tuple[Statement, ...]
"""Statements of a kind of policy that apply to a request."""


def decide(request: Request, policies: Policies) -> Decision:
    """The decision for a request. What no statement allows is denied; a Deny outdoes every Allow."""
    caller = request.caller
    if caller.is_root:
        return Decision(True)
    identity = policies.identity.applying(request)
    resource = (policies.resource or _NONE).applying(request)
    boundary = (policies.boundary or _NONE).applying(request)
    session = (policies.session or _NONE).applying(request)
    applying = (identity, resource, boundary, session)
    if any(statement.is_deny for statements in applying for statement in statements):
        resource_denies = tuple(statement for statement in resource if statement.names(caller))
        denying = [
            (kind, [statement for statement in statements if statement.is_deny])
            for kind, statements in zip(KINDS, (identity, resource_denies, boundary, session), strict=True)
        ]
        for kind, statements in denying:
            if statements:
                return Decision(False, (frozenset(s for _, group in denying for s in group),), kind, True)
    return _allowed(caller, policies, *applying)


def _allowed(
    caller: Caller, policies: Policies, identity: Applying, resource: Applying, boundary: Applying, session: Applying
) -> Decision:
    """The decision when no Deny decides, by the statements of each kind that apply to the request."""
    resource = tuple([s for s in resource if not s.is_deny])
    direct = tuple(s for s in resource if s.names(caller))
    if caller.service or not caller.arn:
        return Decision(bool(direct), _groups(direct), RESOURCE)
    delegating = tuple(s for s in resource if s.delegates_to(caller.account))
    if policies.is_resource_required and not (direct or delegating):
        return Decision(False, (), RESOURCE)
    if any(s.names_exactly(caller) for s in direct):  # neither boundary nor session policy limits it
        return Decision(True, _groups(direct))
    granting = (*identity, *direct)
    if not granting:
        return Decision(False, (), IDENTITY)
    if policies.boundary is not None and not boundary:
        return Decision(False, (), BOUNDARY)
    if policies.session is not None and not session:
        return Decision(False, (), SESSION)
    # A direct grant of a required policy suffices by itself; a delegation needs the identity's own.
    required = (*direct, *delegating) if policies.is_resource_required else ()
    return Decision(True, _groups(granting, required, boundary, session))


def _groups(*groups: Iterable[Statement]) -> tuple[frozenset[Statement], ...]:
    return tuple(group for group in map(frozenset, groups) if group)
