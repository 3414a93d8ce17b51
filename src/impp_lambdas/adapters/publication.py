"""Records the end of an asset's processing: the tag on the original, manifest, catalog, index, spending, metrics."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from impp_lambdas.adapters import calibration, catalog, dynamo, index, metrics, s3, spending
from impp_lambdas.core import keys
from impp_lambdas.core.intake.originals import Original
from impp_lambdas.core.money import storage
from impp_lambdas.core.results import manifest, outcome

if TYPE_CHECKING:
    from impp_lambdas.adapters.settings import Settings
    from impp_lambdas.core.results.manifest import Delivery, Record
    from impp_lambdas.core.results.outcome import Outcome

WITHOUT_MANIFEST = ("deferred", "quarantined")
"""States in which nothing was delivered."""

Results = Mapping[str, Mapping[str, Any]]


def tag_outcome(media: Mapping[str, Any], results: Results, delivery: Delivery, transcript: str | None) -> Outcome:
    """Determine the outcome and tag the original with its state. If there is no room for the tag, it is `partial`.

    A quarantined original stays in Standard, so that somebody can look at it.
    """
    delivered = {rendition["name"] for rendition in delivery.renditions}
    missing = [r["name"] for r in media["plan"]["renditions"] if r["name"] not in delivered]
    results = {**results, "plan": media["plan"]}
    lengths = outcome.wrong_lengths(delivery.renditions, float(media["facts"]["duration_s"]))
    left_out = list(results["archive"].get("tags_left_out", []))
    second_recording = outcome.second_recording(media["facts"])
    is_useful = bool(delivery.renditions or delivery.poster or transcript)

    def determine(tags_left_out: list[str]) -> Outcome:
        return outcome.of_branches(
            media["verdict"],
            media["detail"],
            results,
            missing,
            tags_left_out,
            lengths,
            second_recording=second_recording,
            is_useful=is_useful,
        )

    end = determine(left_out)
    tags = {"impp:state": end.state}
    if end.state == "quarantined":
        tags["impp:archive"] = storage.STAYS
    if no_room := s3.add_tags(media["bucket"], media["key"], media["version"], tags):
        end = determine([*left_out, *no_room])
    return end


def save(settings: Settings, record: Record) -> None:
    """Write tracks, manifest, catalog item and index, settle the month's spending and let quotes learn. Idempotent."""
    media, table, state = record.media, settings.catalog_table, record.outcome.state
    if state not in WITHOUT_MANIFEST:
        if record.tracks:
            tracks = keys.delivery(media["asset"], manifest.TRACKS)
            s3.put_json(settings.delivery_bucket, tracks, manifest.tracks(record))
        document = manifest.manifest(record)
        s3.put_json(settings.delivery_bucket, keys.delivery(media["asset"], "manifest.json"), document)
    dynamo.update_item(table, keys.catalog_asset(media["asset"]), manifest.catalog(record))
    reserved = spending.reserved(table, media["asset"], record.execution)
    if reserved is None:
        reserved = manifest.quote_usd(media) if media["verdict"] == "process" else 0.0
    spending.settle(settings, media, record.execution, record.usd - reserved, record.ledger)
    if state in WITHOUT_MANIFEST:  # allows a replay of the event once there is budget again, or a service works again
        catalog.release(table, Original(media["bucket"], media["key"], media["version"]), record.execution)
    calibration.learn(table, os.uname().machine, record.execution, media, record.results)
    index.refresh(settings, media["asset"], record.words)
    overrides = record.results.get("analyze", {}).get("overrides")
    metrics.count_asset(table, state, record.usd, float(media["facts"]["duration_s"]), overrides)
