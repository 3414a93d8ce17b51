"""Work that takes longer than a function may run: an attempt saves its progress, and the state machine calls again."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from impp_lambdas.adapters import aws, s3


def load(bucket: str, key: str, execution: str) -> dict[str, Any]:
    """What an earlier attempt of this execution has saved, with its `execution`; empty if there was none."""
    try:
        saved: dict[str, Any] = s3.get_json(bucket, key)
    except ClientError as error:
        if aws.code(error) != "NoSuchKey":
            raise
        return {}
    return saved if saved["execution"] == execution else {}
