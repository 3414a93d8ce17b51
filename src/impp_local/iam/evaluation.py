"""Whether policies allow a request, as AWS decides it within one account.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-basics.html

    decision = decide(request, Policies(identity=parse(document, "role worker")))
    decision.is_allowed, decision.deciding
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from impp_local.iam.policies import Caller, Request, Statement

Statements = tuple[Statement, ...]


@dataclass(frozen=True)
class Policies:
    """All policies that apply to a request.

    `boundary` and `session` are None where there is none; `resource` is None for a resource that has no policy.
    `is_resource_required`: a key's policy and a role's trust policy must allow whatever the identity's policies say.
    """

    identity: Statements = ()
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


def decide(request: Request, policies: Policies) -> Decision:
    """The decision for a request. What no statement allows is denied; a Deny outdoes every Allow."""
    caller = request.caller
    if caller.is_root:
        return Decision(True)
    identity = _applying(policies.identity, request)
    resource = _applying(policies.resource or (), request)
    boundary = _applying(policies.boundary or (), request)
    session = _applying(policies.session or (), request)
    denying = [
        (IDENTITY, [s for s in identity if s.is_deny]),
        (RESOURCE, [s for s in resource if s.is_deny and s.names(caller)]),
        (BOUNDARY, [s for s in boundary if s.is_deny]),
        (SESSION, [s for s in session if s.is_deny]),
    ]
    for kind, statements in denying:
        if statements:
            return Decision(False, (frozenset(s for _, group in denying for s in group),), kind, True)
    applying = Policies(identity, resource, boundary, session)
    return _allowed(caller, policies, applying)


def _allowed(caller: Caller, policies: Policies, applying: Policies) -> Decision:
    """The decision when no Deny decides; `applying` are the statements of `policies` that apply to the request."""
    resource = tuple(s for s in applying.resource or () if not s.is_deny)
    direct = tuple(s for s in resource if s.names(caller))
    if caller.service or not caller.arn:
        return Decision(bool(direct), _groups(direct), RESOURCE)
    delegating = tuple(s for s in resource if s.delegates_to(caller.account))
    if policies.is_resource_required and not (direct or delegating):
        return Decision(False, (), RESOURCE)
    if any(s.names_exactly(caller) for s in direct):  # neither boundary nor session policy limits it
        return Decision(True, _groups(direct))
    granting = (*applying.identity, *direct)
    if not granting:
        return Decision(False, (), IDENTITY)
    if policies.boundary is not None and not applying.boundary:
        return Decision(False, (), BOUNDARY)
    if policies.session is not None and not applying.session:
        return Decision(False, (), SESSION)
    # A direct grant of a required policy suffices by itself; a delegation needs the identity's own.
    required = (*direct, *delegating) if policies.is_resource_required else ()
    return Decision(True, _groups(granting, required, applying.boundary or (), applying.session or ()))


def _applying(statements: Iterable[Statement], request: Request) -> Statements:
    return tuple(statement for statement in statements if statement.applies(request))


def _groups(*groups: Iterable[Statement]) -> tuple[frozenset[Statement], ...]:
    return tuple(group for group in map(frozenset, groups) if group)
