"""IAM's decisions, as AWS documents them: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from impp_local.iam.evaluation import BOUNDARY, IDENTITY, RESOURCE, SESSION, Decision, Policies, decide
from impp_local.iam.policies import Caller, Request, Statements, parse

ACCOUNT = "123456789012"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/worker"
WORKER = Caller(arn=f"arn:aws:sts::{ACCOUNT}:assumed-role/worker/job", account=ACCOUNT, role=ROLE)
ROOT = f"arn:aws:iam::{ACCOUNT}:root"
OBJECT = "arn:aws:s3:::footage/originals/dashcam/a.mp4"
READ = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::footage/*"}
DENY = {**READ, "Effect": "Deny"}


def policy(*statements: Mapping[str, Any], version: str = "2012-10-17") -> Statements:
    return parse(json.dumps({"Version": version, "Statement": list(statements)}), "test")


def judged(
    policies: Policies, caller: Caller = WORKER, action: str = "s3:GetObject", resource: str = OBJECT, **context: Any
) -> Decision:
    given = {key.replace("__", ":").replace("_", "-"): value for key, value in context.items()}
    return decide(Request(caller, action, resource, given), policies)


def applies(statement: Mapping[str, Any], action: str = "s3:GetObject", resource: str = OBJECT, **context: Any) -> bool:
    return judged(Policies(policy({**READ, **statement})), action=action, resource=resource, **context).is_allowed


# --- who decides ------------------------------------------------------------------------------------------------------


def names(principal: Any, **statement: Any) -> Mapping[str, Any]:
    return {**READ, "Principal": principal, **statement}


SESSION_ONLY = names({"AWS": WORKER.arn})
DIRECT = names({"AWS": ROLE})
DELEGATED = names({"AWS": ROOT})


@pytest.mark.parametrize(
    ("policies", "expected"),
    [
        (Policies(), IDENTITY),
        (Policies(policy(READ)), True),
        (Policies(policy(READ, DENY)), IDENTITY),
        (Policies(resource=policy(DIRECT)), True),
        (Policies(resource=policy(DELEGATED)), IDENTITY),
        (Policies(policy(READ), policy(names("*", Effect="Deny"))), RESOURCE),
        (Policies(policy(READ), policy(names({"AWS": ACCOUNT}, Effect="Deny"))), RESOURCE),
        (Policies(policy(READ), policy(names({"Service": "sns.amazonaws.com"}, Effect="Deny"))), True),
        (Policies(policy(READ), policy({**DENY, "NotPrincipal": {"AWS": ROLE}})), True),
        (Policies(policy(READ), policy({**DENY, "NotPrincipal": {"AWS": f"{ROLE}-2"}})), RESOURCE),
        (Policies(policy(READ), boundary=policy(READ)), True),
        (Policies(policy(READ), boundary=()), BOUNDARY),
        (Policies(boundary=policy(READ)), IDENTITY),
        (Policies(resource=policy(DIRECT), boundary=()), BOUNDARY),
        (Policies(resource=policy(SESSION_ONLY), boundary=()), True),
        (Policies(resource=policy(SESSION_ONLY), boundary=policy(DENY)), BOUNDARY),
        (Policies(resource=policy(names("*")), boundary=(), session=()), True),
        (Policies(policy(READ), session=()), SESSION),
        (Policies(policy(READ), session=policy(READ, DENY)), SESSION),
        (Policies(policy(READ), policy(DELEGATED), is_resource_required=True), True),
        (Policies(policy(READ), policy(), is_resource_required=True), RESOURCE),
        (Policies(Statements(), policy(DELEGATED), is_resource_required=True), IDENTITY),
        (Policies(Statements(), policy(DIRECT), is_resource_required=True), True),
    ],
)
def test_policies_of_all_kinds_decide_together(policies: Policies, expected: bool | str) -> None:
    decision = judged(policies)
    assert (decision.is_allowed or decision.kind) == expected


@pytest.mark.parametrize(
    ("caller", "principal", "expected"),
    [
        (Caller(service="sns.amazonaws.com"), {"Service": "sns.amazonaws.com"}, True),
        (Caller(service="sns.amazonaws.com"), {"Service": ["sqs.amazonaws.com", "sns.amazonaws.com"]}, True),
        (Caller(service="sns.amazonaws.com"), {"Service": "events.amazonaws.com"}, False),
        (Caller(service="sns.amazonaws.com"), {"AWS": ROOT}, False),
        (Caller(), "*", True),
        (Caller(), {"AWS": "*"}, True),
        (Caller(), {"AWS": ROLE}, False),
        (Caller(), {"AWS": ""}, False),
    ],
)
def test_services_and_strangers_have_resource_policies_only(caller: Caller, principal: Any, expected: bool) -> None:
    assert judged(Policies(policy(READ), policy(names(principal))), caller).is_allowed is expected
    assert not judged(Policies(policy(READ)), caller).is_allowed


def test_the_account_itself_is_not_limited() -> None:
    root = Caller(arn=ROOT, account=ACCOUNT)
    assert judged(Policies(resource=policy(names("*", Effect="Deny"))), root).is_allowed


def test_the_deciding_statements_are_those_whose_removal_would_matter() -> None:
    twice = judged(Policies(policy({**READ, "Sid": "One"}, {**READ, "Sid": "Two"}), policy(DELEGATED)))
    assert [{s.name for s in group} for group in twice.deciding] == [{"One", "Two"}]
    key = Policies(policy({**READ, "Sid": "One"}), policy({**DELEGATED, "Sid": "Key"}), is_resource_required=True)
    assert [{s.name for s in group} for group in judged(key).deciding] == [{"One"}, {"Key"}]
    denied = judged(Policies(policy(READ, {**DENY, "Sid": "No"})))
    assert [{s.name for s in group} for group in denied.deciding] == [{"No"}]


# --- elements ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statement", "action", "expected"),
    [
        ({"Action": "*"}, "s3:GetObject", True),
        ({"Action": "S3:getobject"}, "s3:GetObject", True),
        ({"Action": ["s3:Put*", "s3:Get?bject"]}, "s3:GetObject", True),
        ({"Action": "s3:GetObject"}, "s3:GetObjectVersion", False),
        ({"Action": None, "NotAction": "s3:Delete*"}, "s3:GetObject", True),
        ({"Action": None, "NotAction": ["s3:Get*"]}, "s3:GetObject", False),
    ],
)
def test_actions(statement: Mapping[str, Any], action: str, expected: bool) -> None:
    given = {key: value for key, value in {**READ, **statement}.items() if value is not None}
    assert judged(Policies(policy(given)), action=action).is_allowed is expected


@pytest.mark.parametrize(
    ("pattern", "resource", "expected"),
    [
        ("*", OBJECT, True),
        ("arn:aws:s3:::footage/*", OBJECT, True),
        ("arn:aws:s3:::footage/*", "arn:aws:s3:::footage", False),
        ("arn:aws:s3:::footage*", "arn:aws:s3:::footage-2/x", True),
        ("arn:aws:s3:::footage/a?.mp4", "arn:aws:s3:::footage/a1.mp4", True),
        ("arn:aws:s3:::footage/A*", "arn:aws:s3:::footage/a1.mp4", False),
        ("arn:aws:s3:::footage/a*b*c", "arn:aws:s3:::footage/a/x/b:c", True),
        ("arn:aws:s3", OBJECT, True),
        ("arn:aws:sqs:*:*:jobs", "arn:aws:sqs:us-east-1:123456789012:jobs", True),
        ("arn:aws:sqs:*", "arn:aws:sqs:us-east-1:123456789012:jobs", True),
        ("arn:aws:sqs:us-*:jobs", "arn:aws:sqs:us-east-1:123456789012:jobs", False),
        ("arn:aws:logs:r:1:log-group:/aws/x:*", "arn:aws:logs:r:1:log-group:/aws/x:log-stream:2026/[1]", True),
        ("arn:aws:s3:::footage/[a]*", "arn:aws:s3:::footage/a", False),
        ("arn:aws:s3:::footage/line\nbreak*", "arn:aws:s3:::footage/line\nbreak\n.mp4", True),
        ("arn:aws:s3:::footage/*", "*", False),
    ],
)
def test_resources(pattern: str, resource: str, expected: bool) -> None:
    assert applies({"Resource": pattern}, resource=resource) is expected
    without = {key: value for key, value in READ.items() if key != "Resource"}
    excepted = judged(Policies(policy({**without, "NotResource": pattern})), resource=resource)
    assert excepted.is_allowed is not expected


@pytest.mark.parametrize(
    ("condition", "context", "expected"),
    [
        ({"StringEquals": {"aws:PrincipalTag/Team": "a"}}, {"aws__principaltag/team": "a"}, True),
        ({"StringEquals": {"k": ["a", "b"]}}, {"k": "b"}, True),
        ({"StringEquals": {"k": "a*"}}, {"k": "ab"}, False),
        ({"StringEquals": {"k": "a"}}, {}, False),
        ({"StringEqualsIfExists": {"k": "a"}}, {}, True),
        ({"StringEqualsIfExists": {"k": "a"}}, {"k": "b"}, False),
        ({"StringEqualsIgnoreCase": {"k": "AbC"}}, {"k": "aBc"}, True),
        ({"StringNotEquals": {"k": ["a", "b"]}}, {"k": "b"}, False),
        ({"StringNotEquals": {"k": ["a", "b"]}}, {"k": "c"}, True),
        ({"StringNotEquals": {"k": "a"}}, {}, True),
        ({"StringNotEqualsIgnoreCase": {"k": "A"}}, {"k": "a"}, False),
        ({"StringLike": {"k": "a?c*"}}, {"k": "abcd"}, True),
        ({"StringNotLike": {"k": "a*"}}, {"k": "abc"}, False),
        ({"StringLike": {"k": "${*}x"}}, {"k": "*x"}, True),
        ({"StringLike": {"k": "${*}x"}}, {"k": "yx"}, False),
        ({"NumericLessThan": {"k": "10"}}, {"k": "9"}, True),
        ({"NumericGreaterThanEquals": {"k": 10}}, {"k": "9"}, False),
        ({"NumericEquals": {"k": 10}}, {"k": "ten"}, False),
        ({"NumericNotEquals": {"k": 10}}, {"k": "10.0"}, False),
        ({"DateLessThan": {"k": "2026-01-01T00:00:00Z"}}, {"k": "2025-12-31T23:59:59Z"}, True),
        ({"DateGreaterThan": {"k": "2026-01-01T00:00:00Z"}}, {"k": "1767225601"}, True),
        ({"Bool": {"k": "false"}}, {"k": "true"}, False),
        ({"Bool": {"k": True}}, {"k": "true"}, True),
        ({"Bool": {"k": "false"}}, {}, False),
        ({"BoolIfExists": {"k": "false"}}, {}, True),
        ({"Null": {"k": "true"}}, {}, True),
        ({"Null": {"k": "true"}}, {"k": "x"}, False),
        ({"Null": {"k": False}}, {"k": "x"}, True),
        ({"IpAddress": {"k": "10.0.0.0/8"}}, {"k": "10.1.2.3"}, True),
        ({"IpAddress": {"k": "2001:db8::/32"}}, {"k": "2001:db8::1"}, True),
        ({"NotIpAddress": {"k": ["10.0.0.0/8", "192.168.0.1"]}}, {"k": "192.168.0.1"}, False),
        ({"ArnLike": {"k": "arn:aws:sns:*:1:t*"}}, {"k": "arn:aws:sns:us-east-1:1:topic"}, True),
        ({"ArnEquals": {"k": "arn:aws:sns:*:1:t*"}}, {"k": "arn:aws:sns:us-east-1:2:topic"}, False),
        ({"ArnNotLike": {"k": "arn:aws:sns:*:1:*"}}, {"k": "arn:aws:sns:us-east-1:2:topic"}, True),
        ({"BinaryEquals": {"k": "AAE="}}, {"k": "AAE="}, True),
        ({"ForAllValues:StringEquals": {"k": ["a", "b"]}}, {"k": ["a", "b"]}, True),
        ({"ForAllValues:StringEquals": {"k": ["a", "b"]}}, {"k": ["a", "c"]}, False),
        ({"ForAllValues:StringEquals": {"k": "a"}}, {}, True),
        ({"ForAnyValue:StringLike": {"k": "a*"}}, {"k": ["x", "ab"]}, True),
        ({"ForAnyValue:StringLike": {"k": "a*"}}, {}, False),
        ({"ForAllValues:StringNotLike": {"k": "a*"}}, {"k": ["b", "ab"]}, False),
        ({"ForAnyValue:StringNotLike": {"k": "a*"}}, {"k": ["b", "ab"]}, True),
        ({"StringEquals": {"k": "a", "l": "b"}}, {"k": "a"}, False),
        ({"StringEquals": {"k": "a"}, "Bool": {"l": "true"}}, {"k": "a", "l": "true"}, True),
    ],
)
def test_conditions(condition: Mapping[str, Any], context: Mapping[str, Any], expected: bool) -> None:
    assert applies({"Condition": condition}, **context) is expected


@pytest.mark.parametrize(
    ("pattern", "context", "expected"),
    [
        ("arn:aws:s3:::footage/originals/${aws:PrincipalTag/Source}/*", {"aws__principaltag/source": "dashcam"}, True),
        ("arn:aws:s3:::footage/originals/${aws:PrincipalTag/Source}/*", {"aws__principaltag/source": "*"}, False),
        ("arn:aws:s3:::footage/originals/${aws:PrincipalTag/Source}/*", {}, False),
        ("arn:aws:s3:::footage/originals/${aws:PrincipalTag/Source, 'dashcam'}/*", {}, True),
    ],
)
def test_variables(pattern: str, context: Mapping[str, Any], expected: bool) -> None:
    assert applies({"Resource": pattern}, **context) is expected
    old = policy({**READ, "Resource": pattern}, version="2008-10-17")
    assert not judged(Policies(old), **context).is_allowed


def test_an_unknown_operator_is_an_error_and_not_ignored() -> None:
    with pytest.raises(ValueError, match="StringMatches"):
        policy({**READ, "Condition": {"StringMatches": {"k": "a"}}})


def test_no_pattern_takes_long() -> None:
    assert not applies({"Resource": "arn:aws:s3:::" + "*a" * 12 + "*b"}, resource="arn:aws:s3:::" + "a" * 2000)
