"""Erase: what belongs to an asset and has to go, and the receipt."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote

from impp_footage import sidecars as names
from impp_lambdas.core import keys
from impp_lambdas.core.actions.decision import MISSING, WOULD, Decision, nothing_to_do, refuse
from impp_lambdas.core.intake.originals import Original


@dataclass(frozen=True)
class Version:
    """A version of an object, or a delete marker, below an original's key. `checksums` are S3's of the whole object, by
    algorithm."""

    original: Original
    size: int = 0
    checksums: Mapping[str, str] = field(default_factory=dict)
    is_marker: bool = False


@dataclass(frozen=True)
class Split:
    """Versions that hold the asset's content, and others below the same keys, which stay."""

    remove: tuple[Version, ...]
    keep: tuple[Version, ...]


def decide(item: Mapping[str, Any] | None, erased_at: str | None) -> Decision:
    """Whether an asset may be erased. `erased_at` is the time on its receipt, if there is one."""
    if item is None:
        return nothing_to_do(f"it was erased at {erased_at}") if erased_at else MISSING
    if hold := item.get("hold"):
        return refuse(f"it is on hold since {hold['since']}; release it first")
    if item.get("state") == "processing":
        return refuse("it is being processed; try again when it has ended")
    return Decision(WOULD, "erase it")


def sources(item: Mapping[str, Any]) -> list[Original]:
    """The object versions that the catalog links to an asset: its original, and others with the same content."""
    linked = [Original(str(item["bucket"]), str(item["key"]), str(item.get("version") or ""))]
    for text in sorted(item.get("also") or ()):
        path, _, version = text.rpartition("#")
        bucket, _, key = path.partition("/")
        linked.append(Original(bucket, key, version))
    return linked


def split(item: Mapping[str, Any], listed: Iterable[Version]) -> Split:
    """Which versions hold the asset's content: those that the catalog links to it, and equal ones.

    Two versions are equal if their size and a checksum are: a version that nobody processed, because a newer one came
    first, is linked to nothing. Delete markers go once nothing is left for them to hide.
    """
    linked, versions = set(sources(item)), list(listed)
    known = {pair for version in versions if version.original in linked for pair in version.checksums.items()}
    if crc := item.get("crc64nvme"):
        known.add(("CRC64NVME", crc))

    def is_same(version: Version) -> bool:
        is_equal = version.size == item.get("size") and not known.isdisjoint(version.checksums.items())
        return version.original in linked or is_equal

    remove = [v for v in versions if not v.is_marker and is_same(v)]
    keep = [v for v in versions if not v.is_marker and not is_same(v)]
    kept_keys = {v.original.key for v in keep}
    for marker in (v for v in versions if v.is_marker):
        (keep if marker.original.key in kept_keys else remove).append(marker)
    return Split(tuple(remove), tuple(keep))


def continued(found: Split, receipt: Mapping[str, Any]) -> Split:
    """With the versions on the receipt of an earlier attempt, which may be gone."""
    listed = {version.original for version in found.remove}
    earlier = [
        Version(Original(one["bucket"], one["key"], one["version"]), one["bytes"], one["checksums"])
        for one in receipt["originals"]
    ]
    return Split((*(one for one in earlier if one.original not in listed), *found.remove), found.keep)


def sidecars(key: str, metadata: Mapping[str, str], siblings: Collection[str]) -> tuple[list[str], list[str]]:
    """Keys of the sidecars that are an original's alone, and of those that other clips need, which stay.

    `siblings` are the names of the originals in its folder. The metadata (docs/reference/contracts.md) is the
    uploader's, so only keys below the original's own source and device count.
    """
    owner, name = keys.owner(key), PurePosixPath(key).name
    own: list[str] = []
    shared: list[str] = []
    for written in (metadata.get("impp-sidecars") or "").split() if owner else ():
        path = PurePosixPath(unquote(written))
        if path.is_absolute() or ".." in path.parts:
            continue
        others = set(names.clips(path.name, siblings)) - {name}
        (shared if others else own).append(f"sidecars/{owner}/{path}")
    return own, shared


def summary(found: Split, delivered: int, work: int, own_sidecars: int) -> str:
    """What will be erased, in one sentence."""
    versions = [v for v in found.remove if not v.is_marker]
    size = sum(v.size for v in versions)
    counts = [
        f"{len(versions)} version{'' if len(versions) == 1 else 's'} of the original ({size:,} bytes)",
        f"{own_sidecars} sidecars",
        f"{delivered} delivered and {work} intermediate files",
        "its catalog and index entries",
    ]
    text = f"erase {', '.join(counts[:-1])}, and {counts[-1]}"
    if kept := sum(not v.is_marker for v in found.keep):
        text += f"; {kept} with other content below the same name stay"
    return text


def receipt(
    asset: str,
    erased_at: str,
    reason: str,
    found: Split,
    own_sidecars: Sequence[str],
    shared_sidecars: Sequence[str],
    counts: Mapping[str, int],
) -> dict[str, Any]:
    """The receipt: every object version that is gone, and what stays and why."""

    def listed(versions: Iterable[Version]) -> list[dict[str, Any]]:
        return [
            {**asdict(v.original), "bytes": v.size, "checksums": dict(v.checksums)} for v in versions if not v.is_marker
        ]

    return {
        "version": 1,
        "asset": asset,
        "erased_at": erased_at,
        "reason": reason,
        "originals": listed(found.remove),
        "sidecars": list(own_sidecars),
        "files": dict(counts),
        "kept": {"other_content": listed(found.keep), "shared_sidecars": list(shared_sidecars)},
    }
