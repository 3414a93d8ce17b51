"""Who calls: the owner of an access key, and what this owner's own policies are.

Keys and policies are moto's.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

from impp_local.iam.evaluation import Policies
from impp_local.iam.policies import Caller, Statements, parse, parse_all
from impp_local.iam.state import backend
from impp_local.kernel import principals
from impp_local.kernel.contract import AwsError
from impp_local.kernel.defaults import ACCESS_KEY_ID, ACCOUNT, SECRET_ACCESS_KEY

ROOT: Final = Caller(arn=f"arn:aws:iam::{ACCOUNT}:root", account=ACCOUNT)
"""The user on this machine, whom nothing limits: who deploys is an administrator."""
NOBODY: Final = Caller()


class UnknownKey(LookupError):
    """Nobody has this access key."""


def caller_of(access_key: str | None, token: str) -> Caller:
    """The owner of an access key; `token` is the session token. Raises UnknownKey, AwsError ExpiredToken."""
    if access_key is None:
        return NOBODY
    if access_key == ACCESS_KEY_ID:
        return ROOT
    if session := principals.session_of(access_key, token):
        return of_role(session.role_arn, session.name)
    for assumed in list(backend("sts").assumed_roles):
        if assumed.access_key_id == access_key and assumed.session_token == token:
            if assumed.expiration.replace(tzinfo=UTC) < datetime.now(UTC):
                raise AwsError("ExpiredToken", "The provided token has expired.", 400)
            return of_role(assumed.role_arn, assumed.session_name)
    for user in list(backend("iam").users.values()):
        if any(key.access_key_id == access_key and key.status == "Active" for key in user.access_keys):
            return Caller(arn=user.arn, account=ACCOUNT)
    raise UnknownKey(access_key)


def secret_of(access_key: str, token: str) -> str:
    """The secret key of an access key that has an owner."""
    if access_key == ACCESS_KEY_ID:
        return SECRET_ACCESS_KEY
    if principals.session_of(access_key, token):
        return principals.SESSION_SECRET
    keys = [*backend("sts").assumed_roles, *(key for user in backend("iam").users.values() for key in user.access_keys)]
    return next(str(key.secret_access_key) for key in keys if key.access_key_id == access_key)


def of_role(role_arn: str, session: str) -> Caller:
    """A session of a role. Raises UnknownKey when the role does not exist."""
    role = _role(role_arn)
    if role is None:
        raise UnknownKey(role_arn)
    arn = principals.Session(role_arn, session).arn
    return Caller(arn=arn, account=ACCOUNT, role=role_arn, tags=_tags(role))


def of_service(service: str) -> Caller:
    """A service principal such as `events.amazonaws.com`."""
    return Caller(service=service)


def own_policies(caller: Caller, session_policy: str | None = None) -> Policies:
    """The caller's identity policies, its permissions boundary and its session policy."""
    if caller.role:
        entity: Any = _role(caller.role)
        label = f"role {entity.name}"
        identity = _of_entity(entity, label)
    elif caller.arn:
        entity = backend("iam").users[caller.arn.rpartition("/")[2]]
        label = f"user {entity.name}"
        identity = _of_entity(entity, label)
        for group in backend("iam").get_groups_for_user(entity.name):
            identity = Statements((*identity, *_of_entity(group, f"group {group.name}")))
    else:
        return Policies()
    boundary = _boundary(entity, label)
    session = parse(session_policy, f"{label}: session") if session_policy else None
    return Policies(identity=identity, boundary=boundary, session=session)


def session_policy_of(access_key: str | None) -> str | None:
    """The policy that AssumeRole was called with, None without."""
    assumed = (one for one in list(backend("sts").assumed_roles) if one.access_key_id == access_key)
    return next((str(one.policy) for one in assumed if one.policy), None)


def trust_of(role_arn: str) -> Statements | None:
    """A role's trust policy; None when there is no such role."""
    role = _role(role_arn)
    return None if role is None else parse(_text(role.assume_role_policy_document), f"role {role.name}: trust")


def roles() -> Iterator[tuple[str, Statements]]:
    """All roles, each with the statements of its policies, its trust policy and its boundary."""
    for role in list(backend("iam").roles.values()):
        label = f"role {role.name}"
        own, trust, boundary = _of_entity(role, label), trust_of(role.arn) or (), _boundary(role, label) or ()
        yield role.arn, Statements((*own, *trust, *boundary))


def _role(arn: str) -> Any | None:
    name = arn.rpartition("/")[2]
    roles = list(backend("iam").roles.values())
    return next((role for role in roles if role.name == name and role.arn == arn), None)


def _of_entity(entity: Any, label: str) -> Statements:
    """The statements of a role's, a user's or a group's inline and managed policies."""
    inline = [(_text(document), f"{label}: {name}") for name, document in list(entity.policies.items())]
    managed = [(_document(policy), f"policy {policy.name}") for policy in list(entity.managed_policies.values())]
    return parse_all((*inline, *managed))


def _boundary(entity: Any, label: str) -> Statements | None:
    arn = getattr(entity, "permissions_boundary_arn", None)
    if not arn:
        return None
    policy = backend("iam").managed_policies.get(arn)
    return Statements() if policy is None else parse(_document(policy), f"{label}: boundary")


def _document(policy: Any) -> str:
    return next(_text(version.document) for version in policy.versions if version.is_default)


def _text(document: Any) -> str:
    return document if isinstance(document, str) else json.dumps(document)


def _tags(role: Any) -> dict[str, str]:
    tags = role.tags
    return {tag["Key"]: tag["Value"] for tag in list(tags.values() if isinstance(tags, dict) else tags or [])}
