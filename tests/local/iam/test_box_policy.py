"""What the policy of an edge box lets it do with footage: the one that docs/guide/edge-credentials.md gives to a user.

`tests/infra/test_root.py` compares it with the policy of a box's role.
"""

from __future__ import annotations

import re
from typing import Final

import pytest
from tests.support.paths import REPOSITORY

from impp_local.iam.policies import Caller, Request, parse

KEY: Final = "arn:aws:s3:::BUCKET/originals/dashcam/DEVICE/2026/11/20/clip.mp4"
NEW: Final = {"s3:if-none-match": "*", "s3:objectcreationoperation": "true"}
"""Conditions of a request that creates an object and replaces none."""
SSE: Final = "s3:x-amz-server-side-encryption"


def is_allowed(action: str, context: dict[str, str | list[str]], resource: str = KEY) -> bool:
    page = (REPOSITORY / "docs" / "guide" / "edge-credentials.md").read_text(encoding="utf-8")
    (document,) = re.findall(r"^```json\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    request = Request(Caller(), action, resource, context)
    applying = parse(document, "box").applying(request)
    return bool(applying) and not any(statement.is_deny for statement in applying)


def test_a_box_uploads_with_its_tags() -> None:
    tags = {"s3:requestobjecttagkeys": ["impp:source", "impp:checksum", "mine"]}
    for action in ("s3:PutObject", "s3:PutObjectTagging"):
        assert is_allowed(action, NEW | tags), action
    assert is_allowed("s3:PutObject", {"s3:objectcreationoperation": "false"}), "a part of an upload"
    assert is_allowed("s3:PutObject", NEW | {"s3:x-amz-storage-class": "STANDARD", SSE: "aws:kms"})


@pytest.mark.parametrize(
    ("action", "context"),
    [
        ("s3:PutObject", {"s3:objectcreationoperation": "true"}),
        ("s3:PutObject", NEW | {"s3:x-amz-storage-class": "DEEP_ARCHIVE"}),
        ("s3:PutObject", NEW | {SSE: "AES256"}),
        ("s3:PutObject", NEW | {f"{SSE}-customer-algorithm": "AES256"}),
        ("s3:PutObject", {"s3:objectcreationoperation": "false", f"{SSE}-customer-algorithm": "AES256"}),
        ("s3:PutObject", NEW | {"s3:requestobjecttagkeys": ["impp:source", "impp:archive"]}),
        ("s3:PutObjectTagging", {"s3:requestobjecttagkeys": ["impp:state"]}),
        ("s3:PutObjectTagging", {"s3:requestobjecttagkeys": ["mine"], "s3:existingobjecttag/impp:source": "dashcam"}),
        ("s3:PutObjectTagging", {"s3:requestobjecttagkeys": ["mine"], "s3:existingobjecttag/impp:state": "published"}),
        ("s3:DeleteObject", {}),
    ],
    ids=["replace", "class", "encrypt", "own-key", "own-key-part", "archive", "state", "retag", "retag-done", "delete"],
)
def test_a_stolen_box_cannot(action: str, context: dict[str, str | list[str]]) -> None:
    assert not is_allowed(action, context)


def test_a_box_stays_below_its_own_device() -> None:
    assert not is_allowed("s3:PutObject", NEW, KEY.replace("DEVICE", "red-car"))
