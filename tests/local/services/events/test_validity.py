"""Which event patterns PutRule refuses: each row was compared with Ruler, the library behind EventBridge."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.support.local_cloud import Maker

from impp_local.services.events.validity import fault

LISTS = "Inside anything but list, either all values are number or string, mixed type is not supported"


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [
        (["x", 1, 1.5, True, None], None),
        ([{"prefix": ""}, {"suffix": {"equals-ignore-case": ".mp4"}}], None),
        ([{"exists": False}], None),
        ([{"wildcard": "a*b\\*"}], None),
        ([{"cidr": "10.0.0.0/8"}], None),
        ([{"numeric": ["=", 1]}, {"numeric": [">", 0, "<=", 5]}], None),
        ([{"anything-but": ["a", "b"]}, {"anything-but": [1, 2.5]}, {"anything-but": {"suffix": ["a"]}}], None),
        ({"deeper": ["x"]}, None),
        ("x", '"f" must be an object or an array'),
        ([], "Empty arrays are not allowed"),
        ({}, "Empty objects are not allowed"),
        ([["x"]], "Match value must be String, number, true, false, or null"),
        ([{}], "Match expression name not found"),
        ([{"prefix": "a", "suffix": "b"}], "Only one key allowed in match expression"),
        ([{"begins": "a"}], "Unrecognized match type begins"),
        ([{"prefix": ["a", "b"]}], "prefix match pattern must be a string"),
        ([{"suffix": 1}], "suffix match pattern must be a string"),
        ([{"equals-ignore-case": ["a"]}], "equals-ignore-case match pattern must be a string"),
        ([{"exists": "yes"}], "exists match pattern must be either true or false."),
        ([{"wildcard": "a**"}], "Consecutive wildcard characters at pos 2"),
        ([{"wildcard": "a\\b"}], "Invalid escape character at pos 2"),
        ([{"cidr": "10.1.2.3"}], "Malformed CIDR, one '/' required"),
        ([{"cidr": "x/8"}], "Nonstandard IP address: x"),
        ([{"cidr": "10.1.2.3/32"}], "IPv4 mask bits must be < 32"),
        ([{"numeric": [">", 5, "<", 5]}], "Bottom must be less than top"),
        ([{"numeric": ["!", 3]}], "Unrecognized numeric range operator: !"),
        ([{"numeric": [">", 3, ">", 4]}], "Bad numeric range operator: >"),
        ([{"anything-but": []}], LISTS),
        ([{"anything-but": ["a", 1]}], LISTS),
        ([{"anything-but": {"prefix": ""}}], "Null prefix/suffix not allowed"),
    ],
    ids=json.dumps,
)
def test_reason(wanted: Any, reason: str | None) -> None:
    assert fault({"f": wanted}) == reason


def test_or_needs_two_patterns() -> None:
    assert fault({"$or": [{"a": ["x"]}, {"b": ["y"]}]}) is None
    assert fault({"$or": [{"a": ["x"]}, {"b": []}]})
    assert fault({"$or": [{"a": ["x"]}]}) == "Unrecognized match type a"
    assert fault([]) == "Filter is not an object"


def test_put_rule_refuses_with_the_reason(make: Maker) -> None:
    with pytest.raises(ClientError) as raised:
        make.rule({"source": [{"begins": "aws."}]})
    error = raised.value.response["Error"]
    assert error["Code"] == "InvalidEventPatternException"
    assert error["Message"] == "Event pattern is not valid. Reason: Unrecognized match type begins"
    make.client("events").put_rule(Name=make.name("rule"), ScheduleExpression="rate(1 day)")
