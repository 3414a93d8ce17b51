"""EventBridge patterns and input transformers, case by case from the EventBridge User Guide."""

from __future__ import annotations

import json
from typing import Any

import pytest

from impp_local.services.events.patterns import matches, select, target_input, transform

EVENT: dict[str, Any] = {
    "source": "aws.s3",
    "detail-type": "Object Created",
    "time": "2026-11-22T10:00:00Z",
    "resources": ["arn:aws:s3:::one", "arn:aws:s3:::two"],
    "detail": {
        "object": {"key": "originals/dashcam/A.MP4", "size": 1024, "etag": ""},
        "ip": "10.1.2.3",
        "ok": True,
        "nothing": None,
        "flags": [],
        "parts": [{"n": 1, "state": "good"}, {"n": 2, "state": "bad"}],
    },
}


def key(*alternatives: Any) -> dict[str, Any]:
    return {"detail": {"object": {"key": list(alternatives)}}}


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ({"source": ["aws.s3"]}, True),
        ({"source": ["aws.ec2"]}, False),
        ({"source": ["aws.s3"], "detail-type": ["Object Deleted"]}, False),
        ({"resources": ["arn:aws:s3:::two"]}, True),
        ({"resources": [{"prefix": "arn:aws:s3:::t"}]}, True),
        (key({"prefix": "originals/"}), True),
        (key({"prefix": "delivery/"}), False),
        (key({"prefix": {"equals-ignore-case": "ORIGINALS/"}}), True),
        (key({"suffix": ".mp4"}), False),
        (key({"suffix": {"equals-ignore-case": ".mp4"}}), True),
        (key({"equals-ignore-case": "ORIGINALS/dashcam/a.mp4"}), True),
        (key({"wildcard": "originals/*/A.MP4"}), True),
        (key({"wildcard": "*.mov"}), False),
        (key({"wildcard": "originals/\\*"}), False),
        (key({"anything-but": "x"}), True),
        (key({"anything-but": ["x", "originals/dashcam/A.MP4"]}), False),
        (key({"anything-but": {"prefix": "originals/"}}), False),
        (key({"anything-but": {"suffix": [".mov", ".avi"]}}), True),
        (key({"anything-but": {"wildcard": "*/dashcam/*"}}), False),
        (key({"anything-but": {"equals-ignore-case": ["other"]}}), True),
        (key({"exists": True}), True),
        (key({"exists": False}), False),
        ({"detail": {"gone": [{"exists": False}]}}, True),
        ({"detail": {"gone": {"deep": [{"exists": False}]}}}, True),
        ({"detail": {"gone": [{"anything-but": "x"}]}}, False),
        ({"detail": {"object": [{"exists": True}]}}, False),
        ({"detail": {"parts": [{"exists": True}]}}, False),
        ({"detail": {"flags": [{"exists": True}]}}, False),
        ({"detail": {"flags": [{"exists": False}]}}, True),
        ({"detail": {"nothing": [{"exists": True}]}}, True),
        ({"detail": {"object": {"size": [{"anything-but": {"prefix": "1"}}]}}}, True),
        ({"detail": {"nothing": [{"anything-but": {"suffix": "x"}}]}}, True),
        ({"detail": {"object": {"size": [{"numeric": [">", 1000, "<=", 1024]}]}}}, True),
        ({"detail": {"object": {"size": [{"numeric": ["<", 1024]}]}}}, False),
        ({"detail": {"object": {"size": [1024]}}}, True),
        ({"detail": {"object": {"size": ["1024"]}}}, False),
        ({"detail": {"object": {"key": [{"numeric": ["=", 1]}]}}}, False),
        ({"detail": {"object": {"etag": [""]}}}, True),
        ({"detail": {"ok": [True]}}, True),
        ({"detail": {"ok": [1]}}, False),
        ({"detail": {"nothing": [None]}}, True),
        ({"detail": {"ip": [{"cidr": "10.0.0.0/8"}]}}, True),
        ({"detail": {"ip": [{"cidr": "11.0.0.0/8"}]}}, False),
        ({"detail": {"parts": {"n": [2], "state": ["bad"]}}}, True),
        ({"detail": {"parts": {"n": [1], "state": ["bad"]}}}, False),
        ({"detail": {"$or": [{"ok": [False]}, {"ip": [{"prefix": "10."}]}]}}, True),
        ({"detail": {"$or": [{"ok": [False]}, {"ip": ["1.1.1.1"]}], "nothing": [None]}}, False),
        ({"source": ["x", {"prefix": "aws."}]}, True),
    ],
)
def test_pattern(pattern: dict[str, Any], expected: bool) -> None:
    assert matches(pattern, EVENT) is expected


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("$.detail.object.key", "originals/dashcam/A.MP4"),
        ("$.detail-type", "Object Created"),
        ("$.resources[1]", "arn:aws:s3:::two"),
        ("$['detail']['ip']", "10.1.2.3"),
        ("$.detail.missing.deep", None),
    ],
)
def test_select(path: str, value: Any) -> None:
    assert select(path, EVENT) == value


def test_input_transformer_quotes_values_by_their_place() -> None:
    target = {
        "InputTransformer": {
            "InputPathsMap": {"key": "$.detail.object.key", "size": "$.detail.object.size", "o": "$.detail.object"},
            "InputTemplate": '{"key": <key>, "text": "file <key> of <size> bytes, \\"<gone>\\"", "o": <o>,'
            ' "rule": <aws.events.rule-name>, "at": "<aws.events.event.ingestion-time>"}',
        }
    }
    assert json.loads(target_input(target, EVENT, "arn:rule", "nightly")) == {
        "key": "originals/dashcam/A.MP4",
        "text": 'file originals/dashcam/A.MP4 of 1024 bytes, "<gone>"',
        "o": EVENT["detail"]["object"],
        "rule": "nightly",
        "at": "2026-11-22T10:00:00Z",
    }


def test_transform_escapes_values_in_text() -> None:
    values = {"name": 'a "quoted"\nname', "all": {"a": [1]}}
    assert json.loads(transform('{"n": "<name>!", "v": <name>}', values)) == {
        "n": 'a "quoted"\nname!',
        "v": 'a "quoted"\nname',
    }
    assert json.loads(transform("found <name>", values)) == 'found a "quoted"\nname'
    assert json.loads(transform("<all>", values)) == {"a": [1]}


def test_target_input_constants_and_paths() -> None:
    assert target_input({"Input": '{"fixed": 1}'}, EVENT, "", "") == '{"fixed": 1}'
    assert json.loads(target_input({"InputPath": "$.detail.object"}, EVENT, "", "")) == EVENT["detail"]["object"]
    assert json.loads(target_input({}, EVENT, "", "")) == EVENT
