"""Erase an asset: every version of its original, what was made of it, and what the catalog and the index say of it.

The originals go first, because a hold may protect them, and the catalog's item last: until then a repeated request
continues where the last one ended, with the list of what that one was to remove.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from impp_lambdas.adapters import aws, catalog, dynamo, index, removal, s3
from impp_lambdas.adapters.actions import hold, receipts
from impp_lambdas.core import keys, times
from impp_lambdas.core.actions import decision, erase
from impp_lambdas.core.results.index import place_of

if TYPE_CHECKING:
    from impp_lambdas.adapters.actions.scope import Scope
    from impp_lambdas.adapters.settings import Settings
    from impp_lambdas.core.actions.erase import Split
    from impp_lambdas.core.intake.originals import Original


@dataclass(frozen=True)
class Belongings:
    """All objects of an asset: versions of its originals, its sidecars and those of its group, files by bucket."""

    originals: Split
    sidecars: tuple[str, ...]
    shared_sidecars: tuple[str, ...]
    files: Mapping[str, list[str]]


def run(scope: Scope, asset: str) -> dict[str, Any]:
    """Erase an asset; the result has a `receipt`."""
    settings = scope.settings
    item = catalog.asset(settings.catalog_table, asset)
    erased = dynamo.get_item(settings.catalog_table, keys.catalog_erased(asset)) or {}
    decided = erase.decide(item, erased.get("erased_at"))
    if item is None and not scope.request.dry_run:
        _leave_index(settings, asset, erased.get("indexed"))
    if item is None:
        receipt = receipts.kept(settings.catalog_table, asset, erased.get("receipt_sha256"), scope.now)
        return decided.result(asset) | ({"receipt": receipt} if receipt else {})
    if not decided.proceeds:
        return decided.result(asset)
    belongings = _find(settings, item)
    if any(hold.is_held(v.original) for v in belongings.originals.remove if not v.is_marker):
        return decision.refuse("S3 has a legal hold on its original; release it first").result(asset)
    counts = {name: len(objects) for name, objects in _by_purpose(settings, belongings).items()}
    execution = item.get("execution")
    if earlier := receipts.unfinished(settings.catalog_table, asset, execution, scope.now):
        belongings, counts = _continued(belongings, counts, earlier)
    text = erase.summary(belongings.originals, counts["delivered"], counts["work"], len(belongings.sidecars))
    if scope.request.dry_run:
        return decided.result(asset, message=text)
    receipt = erase.receipt(
        asset,
        times.iso(scope.now),
        scope.options.reason,
        belongings.originals,
        belongings.sidecars,
        belongings.shared_sidecars,
        counts,
    )
    receipts.note(settings.catalog_table, asset, execution, receipt, scope.now)
    for version in belongings.originals.remove:
        if not removal.remove_version(version.original):
            return decision.refuse("S3 keeps a version of its original locked: nothing else was erased").result(asset)
    _remove_rest(settings, asset, belongings)
    _forget(settings, item, receipt)
    done = text.replace("erase ", "erased ", 1)
    return decided.result(asset, decision.DONE, done) | {"receipt": receipt}


def with_receipt(scope: Scope, result: Mapping[str, Any]) -> dict[str, Any]:
    """The result that a request got before, with the receipt as long as it is kept."""
    table, asset = scope.settings.catalog_table, str(result["asset"])
    erased = dynamo.get_item(table, keys.catalog_erased(asset)) or {}
    receipt = receipts.kept(table, asset, erased.get("receipt_sha256"), scope.now)
    return {**result, "receipt": receipt} if receipt and result["status"] != decision.REFUSED else {**result}


def _continued(
    belongings: Belongings, counts: Mapping[str, int], earlier: Mapping[str, Any]
) -> tuple[Belongings, dict[str, int]]:
    """With what an attempt that died had listed, and may have removed."""
    whole = replace(
        belongings,
        originals=erase.continued(belongings.originals, earlier),
        sidecars=tuple(sorted({*belongings.sidecars, *earlier["sidecars"]})),
    )
    return whole, {name: max(count, earlier["files"].get(name, 0)) for name, count in counts.items()}


def _find(settings: Settings, item: Mapping[str, Any]) -> Belongings:
    asset, sources = str(item["asset"]), erase.sources(item)
    places = {(source.bucket, source.key) for source in sources}
    versions = erase.split(item, (v for bucket, key in sorted(places) for v in removal.versions(bucket, key)))
    own: set[str] = set()
    shared: set[str] = set()
    for source in sources:
        head = s3.head(source.bucket, source.key, source.version) or {}
        siblings = _siblings(source) if head.get("Metadata", {}).get("impp-sidecars") else set()
        of_clip, of_group = erase.sidecars(source.key, head.get("Metadata", {}), siblings)
        own |= set(of_clip)
        shared |= set(of_group)
    copies = {keys.asset_id(s.bucket, s.key, s.version, None) for s in sources}
    files = {
        settings.delivery_bucket: removal.names(settings.delivery_bucket, keys.delivery(asset, "")),
        settings.work_bucket: [
            name
            for owner in sorted({asset, *copies})
            for name in removal.names(settings.work_bucket, keys.work(owner, ""))
        ],
    }
    return Belongings(versions, tuple(sorted(own)), tuple(sorted(shared - own)), files)


def _siblings(source: Original) -> set[str]:
    """Names of the originals in the same folder."""
    folder = source.key.rpartition("/")[0] + "/"
    return {PurePosixPath(name).name for name in removal.names(source.bucket, folder)}


def _by_purpose(settings: Settings, belongings: Belongings) -> dict[str, list[str]]:
    files = belongings.files
    return {"delivered": files[settings.delivery_bucket], "work": files[settings.work_bucket]}


def _remove_rest(settings: Settings, asset: str, belongings: Belongings) -> None:
    for bucket, objects in belongings.files.items():
        removal.remove(bucket, objects)
    for key in belongings.sidecars:
        for version in removal.versions(settings.ingest_bucket, key):
            removal.remove_version(version.original)
    if settings.distribution_id:  # media is cached for a day
        aws.client("cloudfront").create_invalidation(
            DistributionId=settings.distribution_id,
            InvalidationBatch={
                "Paths": {"Quantity": 1, "Items": [f"/{keys.delivery(asset, '*')}"]},
                "CallerReference": str(uuid.uuid4()),
            },
        )


def _forget(settings: Settings, item: Mapping[str, Any], receipt: Mapping[str, Any]) -> None:
    """Remove an asset from the catalog; what stays has no name, only the receipt's hash."""
    table, asset = settings.catalog_table, str(item["asset"])
    originals = receipt["originals"]
    dynamo.put_item(
        table,
        keys.catalog_erased(asset),
        {
            "asset": asset,
            "erased_at": receipt["erased_at"],
            "versions": len(originals),
            "bytes": sum(one["bytes"] for one in originals),
            "receipt_sha256": receipts.digest(receipt),
            "indexed": place_of(item),
        },
    )
    for pk in _items(item):
        dynamo.delete_item(table, pk)
    _leave_index(settings, asset, place_of(item))


def _leave_index(settings: Settings, asset: str, time: str | None) -> None:
    """Remove the index entry, after the catalog's item, which could bring it back. The receipt's item names its time
    until it is done."""
    if time:
        index.remove(settings, time, asset)
        dynamo.update_item(settings.catalog_table, keys.catalog_erased(asset), {"indexed": None})


def _items(item: Mapping[str, Any]) -> Iterable[str]:
    """Keys of the catalog items of an asset; its own comes last."""
    for source in erase.sources(item):
        yield keys.catalog_claim(source.bucket, source.key, source.version)
        yield keys.catalog_restore(source.bucket, source.key, source.version)
    for rendition in item.get("renditions") or ():
        yield keys.catalog_render(str(item["asset"]), str(rendition["name"]))
    yield keys.catalog_asset(str(item["asset"]))
