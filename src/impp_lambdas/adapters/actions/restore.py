"""Restore originals, and remember what is to happen when S3 reports that they can be read."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from impp_lambdas.adapters import amendments, aws, dynamo, restores, spending
from impp_lambdas.adapters.actions.scope import original_of
from impp_lambdas.core import keys
from impp_lambdas.core.actions import decision, restore
from impp_lambdas.core.actions.availability import RESTORING

if TYPE_CHECKING:
    from impp_lambdas.adapters.actions.scope import Scope
    from impp_lambdas.core.actions.availability import Availability
    from impp_lambdas.core.actions.decision import Decision
    from impp_lambdas.core.intake.originals import Original

RETENTION_S = 7 * 24 * 3600
"""Longer than the slowest restore. After that the catalog's TTL removes what waits for an event that never came."""


def run(scope: Scope, asset: str) -> dict[str, Any]:
    """Restore the original of an asset."""
    item, where = scope.look(asset)
    decided = restore.decide(item, where, scope.options)
    if scope.request.dry_run or item is None or where is None:
        return decided.result(asset)
    if where.state == RESTORING:  # somebody else began: tell this one, too
        expect(scope.settings.catalog_table, original_of(item), {"asset": asset, "notify": True})
    if not decided.proceeds:
        return decided.result(asset)
    return begin(scope, item, where, decided, {"notify": True})


def begin(
    scope: Scope, item: Mapping[str, Any], where: Availability, decided: Decision, then: Mapping[str, Any]
) -> dict[str, Any]:
    """Begin a restore that was decided. `then` says what follows. It is stored first, so no event can come too early.

    The price counts against the same limits as new footage before S3 is asked, and is given back if S3 refuses.
    """
    settings, asset, original = scope.settings, str(item["asset"]), original_of(item)
    source, _, device = keys.owner(original.key).partition("/")
    media = {"day": f"{scope.now:%Y-%m-%d}", "facts": {"source": source, "device": device}}
    pk, by = _pk(original), f"restore/{scope.request.request}"
    expect(settings.catalog_table, original, {"asset": asset, **then})
    if refusal := spending.charge(settings, media, (pk, "charged_by"), by, decided.lines):
        return decision.refuse(": ".join(refusal)).result(asset)
    try:
        restores.begin(original, where.archive, scope.options.tier, scope.options.days)
    except ClientError as error:
        # "Returned if there is insufficient capacity to process the Expedited request" (RestoreObject)
        if aws.code(error) != "GlacierExpeditedRetrievalNotAvailable":
            raise
        spending.refund(settings, media, (pk, "charged_by"), f"{by}/refund", decided.lines)
        return decision.refuse("S3 has no capacity for expedited retrievals now; use standard").result(asset)
    amendments.amend(settings, asset, by, decided.lines)
    return decided.result(asset, decision.ACCEPTED)


def expect(table: str, original: Original, then: Mapping[str, Any]) -> None:
    """Store what is to happen when an object version can be read, beside what was stored before."""
    dynamo.update_item(table, _pk(original), {**then, "expires_at": int(time.time()) + RETENTION_S})


def take(table: str, original: Original) -> dict[str, Any] | None:
    """What is to happen now that an object version can be read; None if nobody asked. Remove it with :func:`forget`."""
    item = dynamo.get_item(table, _pk(original))
    return item if item and item.get("asset") else None


def forget(table: str, original: Original) -> None:
    """Remove what was to happen."""
    dynamo.delete_item(table, _pk(original))


def _pk(original: Original) -> str:
    return keys.catalog_restore(original.bucket, original.key, original.version)
