"""Cameras by the names and folders they write: to support another camera, add a row to :data:`CAMERAS`.

A time in a name is the camera's clock, without a zone and often set wrong; only Pixel phones write UTC. Patterns were
collected from blackvuesync, teslausb, viofosync, the makers' own tables and owners' dash cam profiles. Letters match
in either case.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

EARLIEST = 2000
"""A clock before this year was never set: cameras wake up in 1970 or 1980."""


@dataclass(frozen=True, slots=True)
class Recognised:
    """What a path says of a file; None where it says nothing.

    ``source`` dashcam, phone or creator; ``camera`` front, rear, interior, …; ``recording`` routine, event, parking or
    manual; ``taken`` as written, without a zone, and in UTC where ``utc``. The files of one moment share ``moment``
    (channels of a dash cam, a clip and its sidecars); files that belong together beyond it share ``group`` (chapters of
    one recording, all files of a Tesla event), which else equals ``moment``. Both are unique within one device and day.
    ``chapter`` counts from 1. ``proxy``: a small twin of another file.
    """

    source: str
    maker: str
    camera: str | None = None
    recording: str | None = None
    taken: datetime | None = None
    utc: bool = False
    moment: str | None = None
    group: str | None = None
    chapter: int | None = None
    proxy: bool = False


Groups = Mapping[str, str | None]
Fields = Mapping[str, str | None]
Reader = Callable[[Groups, list[str]], Fields | None]
"""``read(groups of the match, folders in upper case)`` returns further fields of :class:`Recognised`, None when it is
another camera after all."""


@dataclass(frozen=True, slots=True)
class Camera:
    """A row of the table: files whose names match ``pattern`` are this maker's; ``read`` interprets them."""

    source: str
    maker: str
    pattern: re.Pattern[str]
    read: Reader
    utc: bool = False


def recognise(folders: list[str], name: str) -> Recognised | None:
    """Recognise a camera by a file's name and the folders above it, outermost first; None for any other name."""
    upper: list[str] | None = None
    for camera in CAMERAS:
        if (match := camera.pattern.match(name)) is None:
            continue
        if upper is None:
            upper = [folder.upper() for folder in folders]
        groups = match.groupdict()
        if (fields := camera.read(groups, upper)) is not None:
            return _recognised(camera, name, {**groups, **fields})
    return None


def recording_by_folder(folders: list[str]) -> str | None:
    """Why a clip was recorded, by the innermost folder that says so."""
    for folder in reversed(folders):
        if (recording := _recording_of(folder)) is not None:
            return recording
    return None


def _recognised(camera: Camera, name: str, fields: Fields) -> Recognised:
    date, time = ((fields.get(part) or "").replace("_", "").replace("-", "") for part in ("date", "time"))
    if len(date) == 6:  # as POSIX reads %y, so that a clock that was never set is 1970
        date = f"{'19' if date >= '69' else '20'}{date}"
    moment = fields.get("moment") or (f"{date}_{time}" if date and time else name.rpartition(".")[0] or name)
    chapter = fields.get("chapter")
    return Recognised(
        source=camera.source,
        maker=camera.maker,
        camera=fields.get("camera"),
        recording=fields.get("recording") or ("routine" if camera.source == "dashcam" else None),
        taken=clock(date, time),
        utc=camera.utc,
        moment=moment,
        group=fields.get("group") or moment,
        chapter=int(chapter) if chapter else None,
        proxy=name.lower().endswith(PROXIES) or bool(fields.get("proxy")),
    )


def clock(date: str, time: str) -> datetime | None:
    """A camera's clock by eight and six digits; None where they are not a date or the clock was never set."""
    if not date or not time:
        return None
    try:
        taken = datetime(int(date[:4]), int(date[4:6]), int(date[6:]), int(time[:2]), int(time[2:4]), int(time[4:6]))
    except ValueError:
        return None
    return taken if taken.year >= EARLIEST else None


# --- folders ----------------------------------------------------------------------------------------------------------

_FOLDERS = (
    ("event", r"RO|EVENT|EVT_REC|SOS_REC|PROTECTED|LOCKED|EMERGENCY|SAVEDCLIPS|SENTRYCLIPS|1\d\d(EVENT|SAVED)"),
    ("parking", r"PARKING|PARK|\.?PARKING_REC(_SEC)?|MOTION_REC|MOTION_TIMELAPSE_REC|1\d\dPARKM"),
    ("manual", r"MANUAL_REC|TESLATRACKMODE|PHOTO|1\d\dPHOTO"),
    ("routine", r"MOVIE|CONT_REC|INCABIN_REC|RECENTCLIPS|1\d\dUNSVD|NORMAL|VIDEOS|RECORD"),
)
_TESLA_EVENTS = ("SAVEDCLIPS", "SENTRYCLIPS")


@lru_cache(4096)
def _recording_of(folder: str) -> str | None:
    folder = folder.upper()
    return next((recording for recording, pattern in _FOLDERS if re.fullmatch(pattern, folder, re.ASCII)), None)


def _special(folders: list[str]) -> str | None:
    """The recording by the folder, unless it is routine: a clip that was locked or moved there."""
    recording = recording_by_folder(folders)
    return recording if recording != "routine" else None


# --- readers ----------------------------------------------------------------------------------------------------------

_SIDES = {"F": "front", "R": "rear", "I": "interior", "T": "telephoto", "O": "optional", "B": "rear"}


def _side(groups: Groups) -> str:
    return _SIDES[(groups.get("side") or "F").upper()]


def _by_kind(kinds: Mapping[str, str], other: str | None = None) -> Reader:
    """The recording by a letter or word in the name; ``other`` for those not listed."""

    def read(groups: Groups, _folders: list[str]) -> Fields:
        kind = (groups.get("kind") or "").upper()
        return {"camera": _side(groups), "recording": kinds.get(kind, other)}

    return read


def _by_folder(groups: Groups, folders: list[str]) -> Fields:
    return {"camera": _side(groups), "recording": recording_by_folder(folders)}


def _thinkware(groups: Groups, folders: list[str]) -> Fields:
    inside = "INCABIN_REC" in folders and not groups["side"]
    kind = _THINKWARE.get(str(groups["kind"]).upper(), "event")
    return {"camera": "interior" if inside else _side(groups), "recording": _special(folders) or kind}


def _viofo(groups: Groups, folders: list[str]) -> Fields:
    letter = {"P": "parking", "E": "event"}.get((groups.get("kind") or "").upper())
    return {"camera": _side(groups), "recording": _special(folders) or letter}


def _vantrue(groups: Groups, folders: list[str]) -> Fields:
    camera = {"A": "front", "B": "interior", "C": "rear"}[str(groups["cam"]).upper()]
    letter = {"P": "parking", "E": "event"}.get(str(groups["kind"]).upper())
    return {"camera": camera, "recording": _special(folders) or letter}


def _tesla(groups: Groups, folders: list[str]) -> Fields:
    camera = str(groups["cam"]).lower()
    return {
        "camera": {"back": "rear"}.get(camera, camera.replace("_", "-")),
        "recording": recording_by_folder(folders),
        "group": folders[-1] if _in_tesla_event(folders) else None,
    }


def _tesla_event(_groups: Groups, folders: list[str]) -> Fields | None:
    """``event.json``, ``thumb.png`` and ``event.mp4`` of an event: of the time that their folder is called."""
    if not _in_tesla_event(folders):
        return None
    date, _, time = folders[-1].partition("_")
    return {"recording": "event", "moment": folders[-1], "group": folders[-1], "date": date, "time": time}


def _in_tesla_event(folders: list[str]) -> bool:
    return len(folders) > 1 and folders[-2] in _TESLA_EVENTS and bool(_TESLA_FOLDER.fullmatch(folders[-1]))


def _nextbase(groups: Groups, folders: list[str]) -> Fields:
    low = "yes" if str(groups["rate"]).upper() == "L" else None
    return {"camera": _side(groups), "recording": recording_by_folder(folders), "proxy": low}


def _gopro(groups: Groups, _folders: list[str]) -> Fields:
    """Chapters by the maker's table of names: ``GX020123`` is the second of recording 0123, ``GXAA0002`` of loop AA,
    ``GP010123`` that of ``GOPR0123``; ``G0231111`` is a picture of burst 023."""
    number = str(groups["number"])
    series = groups["loop"] or groups["burst"]
    group = f"GOPRO-{(series or number).upper()}"
    if groups["later"]:
        chapter = str(int(groups["later"]) + 1)
    else:
        chapter = groups["chapter"] or (number if groups["loop"] else "1" if groups["first"] else "")
    part = number if series else f"{int(chapter):02d}" if chapter else ""
    return {"group": group, "moment": f"{group}-{part}".rstrip("-"), "chapter": chapter}


def _iphone(groups: Groups, _folders: list[str]) -> Fields:
    """An edited ``IMG_E0001`` and the still and film of a live photo belong together."""
    return {"moment": f"IMG_{groups['number']}"}


def _plain(_groups: Groups, _folders: list[str]) -> Fields:
    return {}


# --- the table --------------------------------------------------------------------------------------------------------

PROXIES = (".lrv", ".lrf", ".glv")
"""Low-resolution twins of GoPro, DJI and Garmin."""
_TESLA_FOLDER = re.compile(r"\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d", re.ASCII)
_BLACKVUE = {"N": "routine", "P": "parking", "M": "manual"}
_THINKWARE = {
    **dict.fromkeys(("MOT", "PAK", "PAS", "PARK"), "parking"),
    "REC": "routine",
    "MAN": "manual",
}
_70MAI = {"NO": "routine", "PA": "parking", "LA": "routine"}  # LA: a time lapse

_D, _T = r"(?P<date>\d{8})", r"(?P<time>\d{6})"
_CLIP = r"\.(mp4|mov|ts|avi|jpe?g|thm)"
_PICTURE = r"\.(mp4|mov|3gp|webm|jpe?g|heic|heif|dng|png|aae|gif)"
_AGAIN = r"( \d+|\(\d+\)|~\d+|-edited)*"


def _row(source: str, maker: str, pattern: str, read: Reader, utc: bool = False) -> Camera:
    return Camera(source, maker, re.compile(pattern + r"\Z", re.IGNORECASE | re.ASCII), read, utc)


CAMERAS: tuple[Camera, ...] = (
    _row("dashcam", "blackvue", rf"{_D}_{_T}_(?P<kind>[NEPMIOATBRXGDLYF])(?P<side>[FRIO]?)[LS]?\.(mp4|thm|gps|3gf)",
         _by_kind(_BLACKVUE, other="event")),
    _row("dashcam", "vantrue", rf"{_D}_{_T}_\d+_(?P<kind>[NEP])_(?P<cam>[ABC]){_CLIP}", _vantrue),
    _row("dashcam", "viofo", rf"(?P<date>\d{{4}}_\d{{4}})_{_T}_\d*(?P<kind>[PE]?)(?P<side>[FRTI]?){_CLIP}", _viofo),
    _row("dashcam", "viofo", rf"{_D}{_T}_\d{{6}}(?P<kind>[PE]?)(?P<side>[FRTI]?){_CLIP}", _viofo),
    _row("dashcam", "tesla", r"(?P<date>\d{4}-\d\d-\d\d)_(?P<time>\d\d-\d\d-\d\d)-"
         r"(?P<cam>front|back|(left|right)_(repeater|pillar))\.mp4", _tesla),
    _row("dashcam", "tesla", r"event\.(json|mp4)|thumb\.png", _tesla_event),
    _row("dashcam", "thinkware", rf"(?P<kind>REC|EVT|MOT|PAK|PAS|EXT|PARK|MAN)_{_D}_{_T}(_(?P<side>[FRI]))?{_CLIP}",
         _thinkware),
    _row("dashcam", "thinkware", r"(?P<kind>REC)_(?P<date>\d{4}_\d\d_\d\d)_(?P<time>\d\d_\d\d_\d\d)"
         rf"(_(?P<side>[FRI]))?{_CLIP}", _thinkware),
    _row("dashcam", "70mai", rf"(?P<kind>NO|EV|LA|PA){_D}-{_T}(-\d+)?(?P<side>[FBIR]?){_CLIP}",
         _by_kind(_70MAI, other="event")),
    _row("dashcam", "nextbase", rf"(?P<date>\d{{6}})_{_T}_\d{{3}}_(?P<side>[BFR])(?P<rate>[HL])\.(mp4|mov|jpe?g)",
         _nextbase),
    _row("dashcam", "garmin", r"GRMN\d{4}\.(mp4|jpe?g|glv)", _by_folder),
    _row("creator", "gopro", r"(G[HXLSG](?P<chapter>\d\d)|GP(?P<later>\d\d)|(?P<first>GOPR)|GP(AA|_{1,2})"
         r"|GS_{1,2}|G[HXLS](?P<loop>[A-Z]{2})|G(?P<burst>\d{3})|3D_[LR])(?P<number>\d{4})"
         r"\.(mp4|360|lrv|thm|wav|jpe?g|gpr)", _gopro),
    _row("creator", "dji", rf"DJI_({_D}{_T}_\d{{4}}(_[A-Z0-9]+)*|\d{{4}})\.(mp4|mov|lrf|srt|jpe?g|dng|m4a|wav)",
         _plain),
    _row("phone", "pixel", rf"PXL_{_D}_(?P<time>\d{{9}})([._~-][\w.~()-]*)?{_PICTURE}", _plain, utc=True),
    _row("phone", "android", rf"(IMG|VID|MVIMG|PANO|BURST|Screenshot)[_-]{_D}[_-]{_T}[\w.~() -]*{_PICTURE}", _plain),
    _row("phone", "whatsapp", rf"(IMG|VID)-\d{{8}}-WA\d{{4}}{_AGAIN}{_PICTURE}", _plain),
    _row("phone", "samsung", rf"{_D}_{_T}(_\d+|_Burst\d+|_HDR)*{_AGAIN}{_PICTURE}", _plain),
    _row("phone", "iphone", rf"IMG_[EO]?(?P<number>\d{{4}}){_AGAIN}{_PICTURE}", _iphone),
)  # fmt: skip
