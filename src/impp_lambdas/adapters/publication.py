"""Records the end of an asset's processing: the tag on the original, manifest, catalog item, spending, metrics."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from impp_lambdas.adapters import catalog, dynamo, metrics, s3, spending
from impp_lambdas.core import keys
from impp_lambdas.core.intake.originals import Original
from impp_lambdas.core.results import manifest, outcome

if TYPE_CHECKING:
    from impp_lambdas.adapters.settings import Settings
    from impp_lambdas.core.results.manifest import Delivery, Record
    from impp_lambdas.core.results.outcome import Outcome

Results = Mapping[str, Mapping[str, Any]]


def tag_outcome(media: Mapping[str, Any], results: Results, delivery: Delivery) -> Outcome:
    """Determine the outcome and tag the original with its state. If there is no room for the tag, it is `partial`."""
    delivered = {rendition["name"] for rendition in delivery.renditions}
    missing = [r["name"] for r in media["plan"]["renditions"] if r["name"] not in delivered]
    results = {**results, "plan": media["plan"]}
    lengths = outcome.wrong_lengths(delivery.renditions, float(media["facts"]["duration_s"]))
    left_out = list(results["archive"].get("tags_left_out", []))
    end = outcome.of_branches(media["verdict"], media["detail"], results, missing, left_out, lengths)
    if no_room := s3.add_tags(media["bucket"], media["key"], media["version"], {"impp:state": end.state}):
        end = outcome.of_branches(media["verdict"], media["detail"], results, missing, [*left_out, *no_room], lengths)
    return end


def save(settings: Settings, record: Record) -> None:
    """Write manifest and catalog item, and settle the month's spending. Idempotent."""
    media, table, state = record.media, settings.catalog_table, record.outcome.state
    if state != "deferred":
        document = manifest.manifest(record)
        s3.put_json(settings.delivery_bucket, keys.delivery(media["asset"], "manifest.json"), document)
    dynamo.update_item(table, keys.catalog_asset(media["asset"]), manifest.catalog(record))
    reserved = manifest.quote_usd(media) if media["verdict"] == "process" else 0.0
    spending.settle(settings, media, record.execution, record.usd - reserved)
    if state == "deferred":  # allows a replay of the event once there is budget again
        catalog.release(table, Original(media["bucket"], media["key"], media["version"]), record.execution)
    metrics.count_asset(table, state, record.usd, float(media["facts"]["duration_s"]))
