"""Renditions that somebody asks for after an original was published: which of them can be made, and by which job."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from impp_lambdas.core import keys
from impp_lambdas.core.intake.facts import Facts
from impp_lambdas.core.intake.originals import Original
from impp_lambdas.core.planning import encoding, hls, ladder
from impp_lambdas.core.planning.plan import TRANSCODE_BASE_S, TRANSCODE_MAX_S

PROCESSED = ("published", "partial", "deferred")
"""States of assets whose originals can be read."""

POSSIBLE = ("web", "mobile", "youtube", "proxy")
"""Single files that can be asked for, of footage; sound has one of its own. `hls` asks for all tracks of a
presentation, which MediaConvert makes."""
RESTORE_S = 60 * 3600
"""By then an archived original can be read: within 48 hours by the slowest tier, Bulk from Deep Archive
(https://docs.aws.amazon.com/AmazonS3/latest/userguide/restoring-objects-retrieval-options.html)."""


class Refused(Exception):
    """A request that cannot be fulfilled, and why."""


@dataclass(frozen=True)
class Order:
    """What a request of renditions of an original comes to. `existing` are names of those that it has already."""

    asset: str
    facts: Facts
    original: Original
    renditions: tuple[ladder.Rendition, ...]
    existing: tuple[str, ...]

    def job_settings(self, delivery_bucket: str) -> dict[str, Any]:
        """Settings of MediaConvert's job."""
        uri, renditions = self.original.uri, self.renditions
        return encoding.job_settings(self.asset, uri, delivery_bucket, renditions, self.facts) or {}

    @property
    def deadlines(self) -> dict[str, int]:
        """Whole seconds by step."""
        transcode_s = min(TRANSCODE_BASE_S + 2 * math.ceil(self.facts.duration_s), TRANSCODE_MAX_S)
        return {"restore_s": RESTORE_S, "transcode_s": transcode_s}


def order(item: Mapping[str, Any] | None, names: Sequence[str]) -> Order:
    """What a request comes to, by the asset's catalog item. Raises Refused."""
    if item is None:
        raise Refused("there is no such asset")
    if item["state"] not in PROCESSED:
        raise Refused(f"the asset is {item['state']}")
    facts, original = _facts(item), Original(item["bucket"], item["key"], item.get("version") or "")
    if not keys.is_safe(original.key):
        raise Refused(f"MediaConvert may not read the name {original.key}: upload it under another one")
    listed = {r["name"] for r in item.get("renditions") or ()}
    bit_rate = facts.bytes * 8 / facts.duration_s if facts.duration_s else None
    possible = [*ladder.renditions(item["asset"], POSSIBLE, facts, bit_rate), *hls.rungs(item["asset"], facts)]
    by_name: dict[str, set[str]] = {}
    for rendition in possible:
        by_name.setdefault(request_name(rendition.name), set()).add(rendition.name)
    existing = tuple(name for name in names if by_name.get(name, {name}) <= listed)
    wanted = tuple(r for r in possible if request_name(r.name) in set(names) - set(existing))
    if impossible := sorted(set(names) - set(by_name) - set(existing)):
        known = ", ".join(by_name) or "none"
        raise Refused(f"{', '.join(impossible)}: not a rendition of this {facts.kind}, which can have: {known}")
    return Order(item["asset"], facts, original, wanted, existing)


def request_name(rendition: str) -> str:
    """The name by which a rendition is asked for and claimed: tracks of a presentation come together."""
    return hls.NAME if hls.is_track(rendition) else rendition


def _facts(item: Mapping[str, Any]) -> Facts:
    """The facts, which a catalog item has flat, without those that do not apply."""
    known: dict[str, Any] = {field.name: item.get(field.name) for field in fields(Facts)}
    return Facts(**known | {"bytes": item["size"], "is_mirrored": bool(item.get("is_mirrored"))})
