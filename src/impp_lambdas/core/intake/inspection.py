"""From an object to what is known of it: identity, integrity, streams, origin; nothing here has been paid for yet."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from impp_lambdas.core import keys
from impp_lambdas.core.intake import containers, facts, integrity, sources
from impp_lambdas.core.intake.facts import Facts, Streams
from impp_lambdas.core.intake.integrity import Problem

if TYPE_CHECKING:
    from impp_lambdas.core.intake.originals import Original

Probe = Callable[[], Mapping[str, Any] | Problem]
"""Asks MediaConvert: one ``ProbeResults`` entry, or the problem it had with the file."""

_UNKNOWN = Streams("unknown", 0.0, None, None, 0, None, None, None, False, "unknown")


@dataclass(frozen=True)
class Inspected:
    """``problem`` is None for media that can be processed. ``facts`` are as full as the file allowed."""

    asset: str
    facts: Facts
    problem: Problem | None


def gone(original: Original, now: datetime) -> Inspected:
    """An object that was deleted before it could be read."""
    origin = sources.infer(original.key, {}, None, now)
    asset = keys.asset_id(original.bucket, original.key, original.version, None)
    found = Facts.of(_UNKNOWN, origin, 0, None, None)
    return Inspected(asset, found, Problem("gone", "deleted before it could be read"))


def inspect(original: Original, head: Mapping[str, Any], read: containers.Read, probe: Probe) -> Inspected:
    """Inspect the object that HeadObject answered ``head`` for."""
    own = sources.own_metadata(head.get("Metadata", {}))
    size = int(head["ContentLength"])
    examined = integrity.examine(read, size)
    problem = examined.problem if size == 0 else integrity.check_sum(head, own) or examined.problem
    streams = replace(_UNKNOWN, container=examined.container or "unknown")
    if not problem:
        streams, problem = _streams(read, size, probe, streams)
    origin = sources.infer(original.key, own, examined.created, head["LastModified"])
    sha256 = own["sha256"].lower() if re.fullmatch(r"[0-9a-fA-F]{64}", own.get("sha256", "")) else None
    # A mismatch is not what it claims to be: under the claimed identity it would stand in the true asset's place.
    identity = None if problem and problem.reason == "checksum_mismatch" else sha256
    return Inspected(
        keys.asset_id(original.bucket, original.key, original.version, identity),
        Facts.of(streams, origin, size, sha256, head.get("ChecksumCRC64NVME") or own.get("crc64nvme")),
        problem,
    )


def impostor(have: Mapping[str, Any], inspected: Inspected, original: Original) -> Inspected | None:
    """The inspection put right where an object bears another asset's SHA-256 but has other bytes, else None."""
    found = inspected.facts
    differs = have.get("size") not in (None, found.bytes)
    if have.get("crc64nvme") and found.crc64nvme:
        differs = differs or have["crc64nvme"] != found.crc64nvme
    if not differs:
        return None
    problem = Problem("checksum_mismatch", f"bears the SHA-256 of asset {inspected.asset}, but its bytes are others")
    return Inspected(keys.asset_id(original.bucket, original.key, original.version, None), found, problem)


def apart(have: Mapping[str, Any] | None, inspected: Inspected, original: Original, execution: str) -> Inspected:
    """An object with a problem, kept from standing in the place of the asset ``have`` whose SHA-256 it bears.

    A copy cut short still bears the SHA-256 of the whole; what is quarantined is the copy, not the asset.
    """
    own = have is None or have.get("execution") == execution or original.is_of(have)
    if own:
        return inspected
    return replace(inspected, asset=keys.asset_id(original.bucket, original.key, original.version, None))


def _streams(read: containers.Read, size: int, probe: Probe, unknown: Streams) -> tuple[Streams, Problem | None]:
    if containers.is_image(unknown.container):
        return facts.image(unknown.container, containers.image_size(read(0, 1 << 16))), None
    answer = probe()
    if isinstance(answer, Problem):
        return unknown, answer
    ask = unknown.container == "mp4" and not facts.tells_rotation(answer)
    streams = facts.from_probe(answer, containers.mp4_rotation(read, size) if ask else 0)
    if streams is None:
        return unknown, Problem("no_streams", "the container holds neither picture nor sound")
    if streams.duration_s <= 0:
        return streams, Problem("corrupt", "the container tells no duration")
    return streams, None
