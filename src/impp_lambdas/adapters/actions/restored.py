"""What happens when S3 has restored an original: the replay that waited for it, or an alert with a link."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from impp_lambdas.adapters import catalog, s3, topic
from impp_lambdas.adapters.actions import replay, restore
from impp_lambdas.core.actions import availability
from impp_lambdas.core.results import alerts

if TYPE_CHECKING:
    from impp_lambdas.adapters.settings import Settings
    from impp_lambdas.core.intake.originals import Original


def run(settings: Settings, original: Original) -> dict[str, Any]:
    """Handle S3's event. Idempotent: what is done is forgotten last, and a second event finds nothing."""
    table = settings.catalog_table
    expected = restore.take(table, original)
    if expected is None:  # the state machine `render` asked, or somebody outside of IMPP
        return {"asset": None}
    asset = str(expected["asset"])
    item = catalog.asset(table, asset)
    where = availability.of(s3.head(original.bucket, original.key, original.version))
    if item is None or not where.is_readable:
        return {"asset": asset, "state": where.state}
    if expected.get("replay"):
        replay.start(settings, item, str(expected["replay"]))
    if expected.get("notify"):
        lines = [f"The original can be read until {where.until or 'its copy expires'}.", f"Fetch it: impp get {asset}"]
        alert = alerts.of_asset("restored", asset, original.key, lines, _links(settings, original, asset), None)
        topic.publish_alert(settings.alert_topic_arn, alert.to_dict())
    restore.forget(table, original)
    return {"asset": asset, "state": where.state}


def _links(settings: Settings, original: Original, asset: str) -> list[dict[str, str]]:
    """The asset in the gallery; without a distribution the original itself, presigned for hours."""
    if settings.delivery_domain:
        return [{"title": "Gallery", "url": f"https://{settings.delivery_domain}/app/index.html#/a/{asset}"}]
    return [{"title": "Original", "url": s3.presigned_url(original.bucket, original.key, original.version)}]
