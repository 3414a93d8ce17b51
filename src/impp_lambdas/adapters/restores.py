"""Archived originals: restored once, whoever waits for them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from impp_lambdas.adapters import aws, dynamo, s3, task_tokens
from impp_lambdas.core import keys
from impp_lambdas.core.intake.object_head import find_archived
from impp_lambdas.core.money import retrieval
from impp_lambdas.core.money.on_request import RESTORED_DAYS, TIER

if TYPE_CHECKING:
    from impp_lambdas.core.intake.originals import Original

RETENTION_S = 7 * 24 * 3600
"""How long tokens wait before the catalog's TTL removes them."""


class Gone(Exception):
    """The original has been deleted."""


def archive_of(original: Original) -> str | None:
    """The storage class or tier that an original has to be restored from; None if it can be read. Raises Gone."""
    head = s3.head(original.bucket, original.key, original.version)
    if head is None:
        raise Gone(f"{original.uri} no longer exists")
    return str(head.get("ArchiveStatus") or head.get("StorageClass")) if find_archived(head) else None


def wait(table: str, original: Original, token: str) -> None:
    """Let a task wait for an original. Several executions may wait for the same one."""
    pk = _pk(original)
    dynamo.add_to_set(table, pk, "tokens", token)
    dynamo.update_item(table, pk, {"expires_at": int(time.time()) + RETENTION_S})


def begin(original: Original, archive: str, tier: str = TIER, days: int = RESTORED_DAYS) -> None:
    """Begin to restore; harmless if that is under way."""
    request: dict[str, Any] = {"GlacierJobParameters": {"Tier": tier.capitalize()}}
    if not retrieval.is_tiered(archive):  # from Intelligent-Tiering an object moves back for good
        request["Days"] = days
    version = {"VersionId": original.version} if original.version and original.version != "null" else {}
    try:
        aws.client("s3").restore_object(Bucket=original.bucket, Key=original.key, RestoreRequest=request, **version)
    except ClientError as error:
        if aws.code(error) != "RestoreAlreadyInProgress":
            raise


def answer(table: str, original: Original) -> int:
    """Tell everybody who waits for an original that it can be read; returns how many tasks did."""
    waiting = dynamo.get_item(table, _pk(original)) or {}
    answered = sum(task_tokens.succeed(token, {"usage": []}) for token in waiting.get("tokens", ()))
    if waiting:
        dynamo.delete_item(table, _pk(original))
    return answered


def _pk(original: Original) -> str:
    return keys.catalog_token(f"restore/{original.bucket}/{original.key}#{original.version}")
