"""The answers that a run gives to the doubts: a sentence about what AWS did, or None where it has not shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import requests
from botocore.exceptions import ClientError

from impp_local.demo.report import usd
from impp_smoke.checks import CheckFailed, encoded_minutes, renditions_suit_every_player
from impp_smoke.doubts import DOUBTS, Doubt
from impp_smoke.evidence import Asset, Run

Answer = Callable[[Run], str | None]

PHONE: Final = "card:PXL_20261018_143210512.mp4"
SPEECH: Final = "card:20261017_081500_NF.mp4"
"""Roles of files of the sample card: upright, and with 8 s of speech."""


def answered(run: Run) -> list[tuple[Doubt, str]]:
    """The doubts that the run has settled, with their answers."""
    answers = [(doubt, _answer(doubt, run)) for doubt in DOUBTS if doubt.settled_by_smoke]
    return [(doubt, answer) for doubt, answer in answers if answer]


def _answer(doubt: Doubt, run: Run) -> str | None:
    try:
        return ANSWERS[doubt.id](run)
    except ClientError as error:
        return f"AWS refuses to say: {error}"


def _published(run: Run, role: str) -> Asset | None:
    asset = run.role(role)
    return asset if asset and asset.is_published else None


def _probe(run: Run, role: str) -> Mapping[str, Any] | None:
    asset = run.role(role)
    return asset.probe if asset and isinstance(asset.probe, Mapping) else None


def _track(probe: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    tracks = (probe.get("Container") or {}).get("Tracks") or []
    return next((track for track in tracks if track.get("TrackType") == kind), {})


def _probe_duration(run: Run) -> str | None:
    stated = []
    for role, name in (("slow-motion", "MP4"), ("transport-stream", "MPEG-TS")):
        if (probe := _probe(run, role)) is None:
            return None
        seconds = (probe.get("Container") or {}).get("Duration")
        stated.append(f"{name}: {f'{seconds:g} s' if seconds else 'no duration'}")
    return "; ".join(stated)


def _probe_fields(run: Run) -> str | None:
    phone, hlg, mono = (_probe(run, role) for role in (PHONE, "hlg", "slow-motion"))
    if phone is None or hlg is None or mono is None:
        return None
    turned = _track(phone, "video").get("VideoProperties", {})
    bright = _track(hlg, "video").get("VideoProperties", {})
    transfer = bright.get("TransferCharacteristics") or (bright.get("CodecMetadata") or {}).get(
        "TransferCharacteristics"
    )
    channels = _track(mono, "audio").get("AudioProperties", {}).get("Channels")
    rotation = turned.get("Rotation", (turned.get("CodecMetadata") or {}).get("Rotation"))
    return f"rotation {rotation}, transfer function {transfer}, channels {channels}"


def _probe_damaged(run: Run) -> str | None:
    asset = run.role("damaged")
    if asset is None or not asset.item:
        return None
    return f"{asset.state} as {asset.item.get('reason')}: {asset.item.get('detail')}"


def _odd_key(run: Run) -> str | None:
    asset = _published(run, "odd-key")
    return f"yes, by a copy: {len(asset.jobs())} job with {len(asset.item['renditions'])} rendition" if asset else None


def _job_tags(run: Run) -> str | None:
    for asset in run.published():
        for job in asset.jobs():
            tags = run.environment.client("mediaconvert").list_tags_for_resource(Arn=job["Arn"])
            names = sorted(tags.get("ResourceTags", {}).get("Tags", {}))
            return f"the job ended, its tags are {', '.join(names) or 'none'}"
    return None


def _mono_high_rate(run: Run) -> str | None:
    asset = _published(run, "slow-motion")
    return f"yes: {asset.item['renditions'][0]['name']} was encoded" if asset and asset.item["renditions"] else None


def _short_speech(run: Run) -> str | None:
    asset = run.role(SPEECH)
    if asset is None or "branches" not in asset.item:
        return None
    branch = asset.item["branches"].get("transcribe", {})
    reason = f", {branch['reason']}" if branch.get("reason") else ""
    return f"{branch.get('status')}{reason}, language {asset.item.get('language')}"


def _hdr(run: Run) -> str | None:
    asset = _published(run, "hlg")
    if asset is None:
        return None
    try:
        renditions_suit_every_player(run)
    except CheckFailed as failure:
        return f"the job ended, but {failure}"
    return "yes: the rendition is BT.709"


def _heic(run: Run) -> str | None:
    asset = _published(run, "photo")
    return f"yes: poster and {len(asset.item.get('labels', ()))} labels" if asset and asset.item.get("poster") else None


def _transitions(run: Run) -> str | None:
    pairs = [(sum(line["quantity"] for line in a.ledger("states")), a.transitions()) for a in run.published()]
    return f"{_count(pairs)}, {sum(used for _, used in pairs)} transitions" if pairs else None


def _encoded_minutes(run: Run) -> str | None:
    pairs = [(sum(line["quantity"] for line in a.ledger("mediaconvert")), encoded_minutes(a)) for a in run.published()]
    return f"{_count(pairs)}, {sum(used for _, used in pairs):.2f} minutes" if pairs else None


def _count(pairs: Sequence[tuple[float, float]]) -> str:
    equal = sum(abs(ledger - used) < 1e-6 for ledger, used in pairs)
    return f"equal for {equal} of {len(pairs)} files"


def _quote_bound(run: Run) -> str | None:
    shares = [(asset.item["usd"] / asset.item["usd_quote"], asset) for asset in run.published()]
    if not shares:
        return None
    share, asset = max(shares, key=lambda pair: pair[0])
    bound = "yes" if share <= 1 else "no"
    return f"{bound}: closest is {asset.name}, {usd(asset.item['usd'])} of {usd(asset.item['usd_quote'])}"


def _private_delivery(run: Run) -> str | None:
    posters = [asset.item["poster"] for asset in run.published() if asset.item.get("poster")]
    url = run.environment.delivery_url(posters[0]) if posters else None
    if url is None:
        return None
    unsigned = requests.get(url, timeout=60).status_code
    signed = run.environment.signed(url)
    answer = f"unsigned {unsigned}"
    return f"{answer}, signed {requests.get(signed, timeout=60).status_code}" if signed else answer


ANSWERS: Final[Mapping[str, Answer]] = {
    "probe-duration": _probe_duration,
    "probe-fields": _probe_fields,
    "probe-damaged": _probe_damaged,
    "odd-key": _odd_key,
    "job-tags": _job_tags,
    "mono-high-rate": _mono_high_rate,
    "short-speech": _short_speech,
    "hdr": _hdr,
    "heic": _heic,
    "transitions": _transitions,
    "encoded-minutes": _encoded_minutes,
    "quote-bound": _quote_bound,
    "private-delivery": _private_delivery,
}
"""How each doubt that a run settles is read, by its id."""
