"""Decides whether an inspected object is processed (duplicates, quarantine, budget) and writes it to the catalog."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from impp_lambdas.adapters import calibration, catalog, identity, s3, spending
from impp_lambdas.core import times
from impp_lambdas.core.detect import custom
from impp_lambdas.core.intake import inspection
from impp_lambdas.core.money import ledger, pricing, quote, storage, usage
from impp_lambdas.core.planning import plan
from impp_lambdas.core.planning.profiles import Profiles

if TYPE_CHECKING:
    from impp_lambdas.adapters import aws
    from impp_lambdas.adapters.settings import Settings
    from impp_lambdas.core.intake.facts import Facts
    from impp_lambdas.core.intake.inspection import Inspection
    from impp_lambdas.core.intake.originals import Original
    from impp_lambdas.core.planning.profiles import ProfileChoice


@dataclass(frozen=True)
class Verdict:
    """`verdict` is process, archive_only, duplicate, ignored or quarantine. The first two have `plan`, `quote`
    and what it assumes about the functions."""

    verdict: str
    reason: str | None = None
    detail: str | None = None
    plan: Mapping[str, Any] | None = None
    quote: Sequence[Mapping[str, Any]] = ()
    quote_basis: Mapping[str, Any] | None = None


def decide(
    settings: Settings,
    original: Original,
    inspected: Inspection,
    event: Mapping[str, Any],
    now: datetime,
    context: aws.Context,
) -> tuple[Inspection, Verdict]:
    """Decide about an object in an execution. The inspection is corrected if the object claims another asset's id."""
    execution, table = event["execution"], settings.catalog_table
    if inspected.problem:
        item = catalog.asset(table, inspected.asset)
        inspected = inspection.protect_asset(item, inspected, original, execution)
    elif other := catalog.begin(table, original, inspected, execution, times.iso(now)):
        facts = inspected.facts
        if inspection.may_be_equal(other, inspected) and identity.is_verified(table, other, facts, context):
            if catalog.link_duplicate(table, original, execution, inspected.asset):
                return inspected, _as_duplicate(settings, original, inspected, other)
            inspected = inspection.too_many_copies(inspected, original)
        # Who claimed this SHA-256 falsely, the other object or this one? The bytes say it.
        elif identity.holds(original, facts.sha256, context) is False:
            inspected = inspection.false_claim(inspected, original)
        else:
            inspected = inspection.as_separate_asset(inspected, original)
            catalog.begin(table, original, inspected, execution, times.iso(now))
    catalog.note_on_claim(table, original, execution, {"asset": inspected.asset})
    if inspected.problem:
        return inspected, Verdict("quarantine", inspected.problem.reason, inspected.problem.detail)
    return inspected, _reserve(settings, original, inspected, event, f"{now:%Y-%m-%d}")


def _reserve(
    settings: Settings, original: Original, inspected: Inspection, event: Mapping[str, Any], day: str
) -> Verdict:
    """Plan, quote and reserve; without room in the budget or a limit the object is only archived."""
    facts, features = inspected.facts, event["features"]
    profile_choice = _profile(settings, original, facts)
    planned = plan.make(
        inspected.asset,
        facts,
        original.input_uri(settings.work_bucket, inspected.usable),
        settings.delivery_bucket,
        settings.max_frames,
        profile_choice=profile_choice,
        features=features,
        custom_detectors=custom.parse(settings.custom_detectors),
    )
    choice = storage.choose(facts, profile_choice.profile.keep_years)
    known = calibration.read(settings.catalog_table, os.uname().machine)
    lines = quote.lines(planned, facts, choice, features, known)
    basis = known.basis(quote.runs(planned, facts, features, known))
    if original.copy_key(inspected.usable) and facts.kind != "image":
        lines = ledger.merge([*lines, *usage.copy_lines(inspected.usable or facts.bytes)])
    priced, usd = [line.to_dict() for line in lines], pricing.total(lines)
    media = {"asset": inspected.asset, "day": day, "facts": facts.to_dict()}
    most = profile_choice.profile.max_usd
    if most is not None and usd > most:
        detail = f"this asset may cost ${usd:.4f}, profile {profile_choice.name} allows ${most:.4g}"
        return Verdict("archive_only", "over_profile_limit", detail, planned.to_dict(), priced, basis)
    if refusal := spending.reserve(settings, media, event["execution"], usd):
        return Verdict("archive_only", *refusal, planned.to_dict(), priced, basis)
    return Verdict("process", None, None, planned.to_dict(), priced, basis)


def _profile(settings: Settings, original: Original, facts: Facts) -> ProfileChoice:
    """The profile of an original, by the user's rules and its facts. Its tags are read only if a rule needs them."""
    known = Profiles.of(
        json.loads(settings.profiles or "{}"),
        json.loads(settings.profile_rules or "[]"),
        custom.parse(settings.custom_detectors),
    )
    tags = s3.tags(original.bucket, original.key, original.version) if known.reads_tags else {}
    return known.choose(facts, original.key, tags)


def _as_duplicate(settings: Settings, original: Original, inspected: Inspection, other: Mapping[str, Any]) -> Verdict:
    keep_years = _profile(settings, original, inspected.facts).profile.keep_years
    tags = {"impp:state": "duplicate", "impp:archive": storage.choose(inspected.facts, keep_years).tag}
    left_out = s3.add_tags(original.bucket, original.key, original.version, tags)
    detail = f"same content as {other.get('bucket')}/{other.get('key')}"
    if left_out:
        detail += f"; no room for the tags {', '.join(left_out)}"
    return Verdict("duplicate", "same_content", detail)
