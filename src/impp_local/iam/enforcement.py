"""Judges what happens in the local cloud: each request, and what services do for others.

    enforcement.switch_on()
    enforcement.check(call)                                        # raises AwsError for a denial
    caller = enforcement.assume(role_arn, "states.amazonaws.com", "session", source_arn)
    enforcement.require(caller, "lambda", [Need("lambda:InvokeFunction", function_arn)])

While it is off, everybody is the account's root, whom nothing limits. The local cloud speaks plain HTTP, which counts
as TLS (aws:SecureTransport).
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final

from impp_local.iam import callers, denial, key_needs, needs, resource_policies, signatures, state
from impp_local.iam.callers import UnknownKey
from impp_local.iam.evaluation import Decision, Policies, decide
from impp_local.iam.need import Need
from impp_local.iam.policies import Caller, Request
from impp_local.iam.statement_use import StatementUse, report
from impp_local.kernel.contract import AwsError, Call, Response
from impp_local.kernel.defaults import ACCOUNT, REGION

_ALWAYS_ALLOWED: Final = {"sts:GetCallerIdentity"}
"""https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html"""

TOKEN: Final = "x-amz-security-token"  # noqa: S105  # a header's name

_record: StatementUse | None = None
"""What decisions rested on; None while nothing is enforced."""


def switch_on() -> None:
    """Enforce policies from now on, with a new record. Call it again after moto's reset."""
    global _record
    state.forget()
    _record = StatementUse()


def switch_off() -> None:
    """Allow everything."""
    global _record
    _record = None


def is_on() -> bool:
    """Whether policies are enforced."""
    return _record is not None


def statements() -> dict[str, list[dict[str, str]]]:
    """Which statements were needed since the start; see `statement_use.report`."""
    return report(_record or StatementUse(), resource_policies.all_statements())


# --- requests ---------------------------------------------------------------------------------------------------------


def check(call: Call) -> None:
    """Judge a request. Raises AwsError when its caller is unknown or may not do all that it needs."""
    if _record is None or (call.service == "s3" and call.method == "OPTIONS"):
        return
    caller = caller_of(call)
    if call.access_key is not None:
        signatures.check(call, callers.secret_of(call.access_key, _token(call)))
    if caller.is_root:
        return
    own = callers.own_policies(caller, callers.session_policy_of(call.access_key) if caller.role else None)
    context = _request_context(call, caller)
    for need in needs.needs_of(call):
        _require(call.service, caller, own, need, context)
    context = context | {"aws:viaawsservice": "true"}
    for need in key_needs.needs_of(call):
        _require(call.service, caller, own, need, context)


def refusals(call: Call, wanted: Sequence[Need]) -> list[AwsError | None]:
    """For each need of a request by itself: the error of a caller who may not do it, None if it may."""
    caller = caller_of(call)
    if caller.is_root:
        return [None] * len(wanted)
    own = callers.own_policies(caller, callers.session_policy_of(call.access_key) if caller.role else None)
    context, results = _request_context(call, caller), list[AwsError | None]()
    for need in wanted:
        try:
            _require(call.service, caller, own, need, context)
            results.append(None)
        except AwsError as refusal:
            results.append(refusal)
    return results


def caller_of(call: Call) -> Caller:
    """Who sent a request. Raises AwsError for an access key that nobody has."""
    if _record is None:
        return callers.ROOT
    try:
        return callers.caller_of(call.access_key, _token(call))
    except UnknownKey:
        raise denial.unknown_key(call.service, call.access_key or "") from None


def _token(call: Call) -> str:
    """The session token; "" for none. In a presigned URL, SigV4 spells it with capitals and SigV2 does not."""
    tokens = (call.headers.get(TOKEN), call.query.get("X-Amz-Security-Token"), call.query.get(TOKEN))
    return next((token for token in tokens if token), "")


def conceal(call: Call, response: Response) -> Response:
    """S3's answer about a missing object: 403 for a caller who may not list the bucket.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html ("Permissions")
    """
    if _record is None or call.service != "s3" or response.status != 404 or not _asks_for_object(call):
        return response
    bucket = call.path.lstrip("/").partition("/")[0]
    caller = caller_of(call)
    if not caller.is_root:
        # The request names no prefix, so a statement with a condition on s3:prefix does not help.
        need = Need("s3:ListBucket", f"arn:aws:s3:::{bucket}")
        _require("s3", caller, callers.own_policies(caller), need, _request_context(call, caller))
    return response


def _asks_for_object(call: Call) -> bool:
    return call.operation in ("GetObject", "HeadObject", "GetObjectTagging", "GetObjectAttributes", "CopyObject")


# --- what services do -------------------------------------------------------------------------------------------------


def require(caller: Caller, service: str, wanted: Iterable[Need]) -> None:
    """Raise AwsError, as the service (botocore's name) words it, unless the caller may do all of it."""
    if _record is None or caller.is_root:
        return
    own = callers.own_policies(caller)
    for need in wanted:
        _require(service, caller, own, need, _caller_context(caller))


def may(caller: Caller, wanted: Iterable[Need]) -> bool:
    """Whether the caller may do all of it."""
    try:
        require(caller, "", wanted)
    except AwsError:
        return False
    return True


def assume(role_arn: str, service: str, name: str, source_arn: str | None = None) -> Caller:
    """A session of a role for a service principal. Raises AwsError when the role does not trust it."""
    if _record is None:
        return callers.ROOT
    need = Need("sts:AssumeRole", role_arn, source(source_arn))
    require(callers.of_service(service), "sts", [need])
    return session(role_arn, name)


def session(role_arn: str, name: str) -> Caller:
    """A session of a role. Raises AwsError when there is no such role."""
    if _record is None:
        return callers.ROOT
    try:
        return callers.of_role(role_arn, name)
    except UnknownKey:
        raise AwsError("AccessDeniedException", f"There is no role {role_arn}", 403) from None


def require_of_service(service: str, protocol: str, wanted: Iterable[Need]) -> None:
    """Raise AwsError unless resource policies allow a service principal all of it."""
    if _record is not None:
        require(callers.of_service(service), protocol, wanted)


def source(arn: str | None) -> dict[str, str]:
    """The condition keys by which a service says for which resource it acts."""
    return {"aws:sourcearn": arn, "aws:sourceaccount": ACCOUNT} if arn else {"aws:sourceaccount": ACCOUNT}


# --- one decision -----------------------------------------------------------------------------------------------------


def _require(service: str, caller: Caller, own: Policies, need: Need, context: Mapping[str, Any]) -> None:
    decision = _decide(caller, own, need, context)
    if not decision.is_allowed:
        raise denial.error(service, caller, need, decision)


def _decide(caller: Caller, own: Policies, need: Need, context: Mapping[str, Any]) -> Decision:
    if need.action in _ALWAYS_ALLOWED:
        return Decision(True)
    policies = Policies(
        identity=own.identity,
        resource=resource_policies.policy_of(need.resource, need.action),
        boundary=own.boundary,
        session=own.session,
        is_resource_required=need.action.startswith(("kms:", "sts:Assume")) and need.resource != "*",
    )
    decision = decide(Request(caller, need.action, need.resource, {**context, **need.context}), policies)
    if _record is not None:
        _record.add(decision)
    return decision


def _request_context(call: Call, caller: Caller) -> dict[str, Any]:
    return _caller_context(caller) | {
        "aws:requestedregion": call.region,
        "aws:sourceip": call.environ.get("REMOTE_ADDR", ""),
        "aws:useragent": call.headers.get("user-agent", ""),
    }


def _caller_context(caller: Caller) -> dict[str, Any]:
    """The keys that describe the caller, https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html."""
    now = int(time.time())
    context: dict[str, Any] = {
        "aws:securetransport": "true",
        "aws:currenttime": _iso(now),
        "aws:epochtime": str(now),
        "aws:requestedregion": REGION,
        "aws:viaawsservice": "false",
        "aws:principalisawsservice": str(bool(caller.service)).lower(),
    }
    if caller.service:
        return context | {"aws:principalservicename": caller.service}
    if not caller.arn:
        return context | {"aws:principaltype": "Anonymous"}
    context |= {
        "aws:principalarn": caller.principal_arn,
        "aws:principalaccount": caller.account,
        "aws:sourceowner": caller.account,
        "aws:principaltype": "AssumedRole" if caller.role else "User",
    }
    if not caller.role:
        context["aws:username"] = caller.arn.rpartition("/")[2]
    return context | {f"aws:principaltag/{name.lower()}": value for name, value in caller.tags.items()}


@lru_cache(maxsize=1)
def _iso(now: int) -> str:
    return datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
