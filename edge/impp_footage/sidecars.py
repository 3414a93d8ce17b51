"""Which files belong to a clip: thumbnails, sensor tracks, edit lists, low-resolution twins.

By names alone and in constant time: pass siblings as a set. A name is expected in one case, its extension in either.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Literal

from impp_footage.cameras import PROXIES, recognise

Kind = Literal["data", "proxy"]

DATA = (".thm", ".srt", ".gps", ".3gf", ".aae")
"""Thumbnails (GoPro, BlackVue), flight data (DJI), position and acceleration (BlackVue), edits (iPhone)."""
_OF_AN_EVENT = ("event.json", "thumb.png")
_CLIPS = (".mp4", ".mov", ".jpg", ".jpeg", ".heic", ".360", ".dng", ".gpr", ".png", ".ts")
_BLACKVUE = re.compile(r"(\d{8}_\d{6}_[A-Z])([FRIO]?)[LS]?", re.IGNORECASE | re.ASCII)
_GOPRO = re.compile(r"G([HXLS])(\d{6}|[A-Z]{2}\d{4})", re.IGNORECASE | re.ASCII)
_NEXTBASE = re.compile(r"(\d{6}_\d{6}_\d{3}_[BFR])([HL])", re.IGNORECASE | re.ASCII)
_TESLA = re.compile(r"\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d-\w+|event", re.IGNORECASE | re.ASCII)
_EDITED = re.compile(r"IMG_([EO]?)(\d{4}.*)", re.IGNORECASE | re.ASCII | re.DOTALL)


def is_sidecar(folders: list[str], name: str) -> Kind | None:
    """Whether a file only belongs to another: ``data`` that no clip holds, or a ``proxy``, a clip in a low resolution.

    A proxy may stand alone, when the clip that it is a twin of is gone: see :func:`clips`.
    """
    lower = name.lower()
    if lower.endswith(DATA) or lower in _OF_AN_EVENT:
        return "data"
    if lower.endswith(PROXIES):
        return "proxy"
    if _NEXTBASE.match(name) and (known := recognise(folders, name)) is not None and known.proxy:
        return "proxy"
    return None


def of_clip(name: str, siblings: Collection[str]) -> list[str]:
    """The sidecars of a clip among the names in its folder, sorted."""
    return sorted({other for other in _sidecar_names(name) if other != name and other in siblings})


def clips(name: str, siblings: Collection[str]) -> list[str]:
    """The clips that a sidecar belongs to among the names in its folder, sorted; none: it stands alone.

    ``event.json`` and ``thumb.png`` belong to every clip of their folder.
    """
    if name.lower() in _OF_AN_EVENT:
        return sorted(other for other in siblings if other.lower().endswith(".mp4") and _TESLA.fullmatch(other[:-4]))
    return sorted({other for other in clip_names(name) if other != name and other in siblings})


def clip_names(name: str) -> Iterator[str]:
    """The names that a clip can have which a sidecar belongs to."""
    stem, suffix = _parts(name)
    if (match := _NEXTBASE.fullmatch(stem)) is not None:
        yield f"{match[1]}{_like('H', match[2])}{suffix}"
        return
    for of in _clip_stems(stem, suffix.lower()):
        for extension in _CLIPS:
            yield of + extension
            yield of + extension.upper()


def _clip_stems(stem: str, suffix: str) -> Iterator[str]:
    yield stem
    if suffix in PROXIES and (match := _GOPRO.fullmatch(stem)) is not None:
        yield from (f"{stem[0]}{_like(letter, match[1])}{match[2]}" for letter in "HXS")
    elif suffix == ".aae" and (match := _EDITED.fullmatch(stem)) is not None:
        yield from (f"IMG_{edited}{match[2]}" for edited in ("", "E"))
    elif suffix in (".gps", ".3gf") and (match := _BLACKVUE.fullmatch(stem)) is not None:
        yield from (f"{match[1]}{side}{kept}" for side in "FRIO" for kept in ("", "L", "S"))


def _sidecar_names(name: str) -> Iterator[str]:
    stem, suffix = _parts(name)
    if is_sidecar([], name) == "data" or suffix.lower() in PROXIES:
        return
    for extension in DATA + PROXIES:
        for of in _sidecar_stems(stem, extension):
            yield of + extension
            yield of + extension.upper()
    if (match := _NEXTBASE.fullmatch(stem)) is not None and match[2] in "Hh":
        yield f"{match[1]}{_like('L', match[2])}{suffix}"
    if _TESLA.fullmatch(stem):
        yield from _OF_AN_EVENT


def _sidecar_stems(stem: str, extension: str) -> Iterator[str]:
    yield stem
    if extension in PROXIES and (match := _GOPRO.fullmatch(stem)) is not None:
        yield f"{stem[0]}{_like('L', match[1])}{match[2]}"
    elif extension == ".aae" and (match := _EDITED.fullmatch(stem)) is not None:
        yield from (f"IMG_{edited}{match[2]}" for edited in ("", "O"))
    elif extension in (".gps", ".3gf") and (match := _BLACKVUE.fullmatch(stem)) is not None:
        yield match[1]


def _parts(name: str) -> tuple[str, str]:
    stem, dot, extension = name.rpartition(".")
    return (stem, dot + extension) if stem else (name, "")


def _like(letter: str, other: str) -> str:
    return letter.upper() if other.isupper() else letter.lower()
