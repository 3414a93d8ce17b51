"""What a camera's file name and folder tell: maker, which camera, why it recorded, and when.

Patterns are the makers', as collected from blackvuesync, teslausb, viofosync and camera manuals. A time in a name is
the camera's clock without a zone; dash cams are set by hand and often wrong, so callers keep where a time came from.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

Match = re.Match[str]


@dataclass(frozen=True)
class Named:
    """``recording`` is ``routine``, ``event``, ``parking`` or ``manual``; ``taken`` has no zone; None = not told."""

    source: str
    maker: str
    camera: str | None = None
    recording: str | None = None
    taken: datetime | None = None


Reader = Callable[[Match, list[str]], Named | None]
"""``read(match of the name, folders in upper case)``; None when it is not this camera after all."""

_SIDES = {"F": "front", "R": "rear", "I": "interior", "T": "telephoto", "O": "optional", "B": "rear"}
_BLACKVUE = {"N": "routine", "P": "parking", "M": "manual"}  # every other letter is an event
_THINKWARE = {
    "REC": "routine",
    "MOT": "parking",
    "PAK": "parking",
    "PAS": "parking",
    "PARK": "parking",
    "MAN": "manual",
}
_70MAI = {"NO": "routine", "PA": "parking", "LA": "routine"}  # LA is a time lapse
_TESLA_EVENTS = ("SAVEDCLIPS", "SENTRYCLIPS")
_FOLDERS = (
    (
        r"RO|EVENT|EVT_REC|SOS_REC|PROTECTED|LOCKED|EMERGENCY|SAVEDCLIPS|SENTRYCLIPS|1\d\d(EVENT|SAVED)",
        "event",
    ),
    (r"PARKING|PARK|\.?PARKING_REC(_SEC)?|MOTION_REC|MOTION_TIMELAPSE_REC|1\d\dPARKM", "parking"),
    (r"MANUAL_REC|TESLATRACKMODE|PHOTO|1\d\dPHOTO", "manual"),
    (r"MOVIE|CONT_REC|INCABIN_REC|RECENTCLIPS|1\d\dUNSVD|NORMAL|VIDEOS|RECORD", "routine"),
)


def recognise(path: str) -> Named | None:
    """What a path (folders and file name, as on the card) tells, None where no camera is known to name files so."""
    *folders, name = path.split("/")
    upper = [folder.upper() for folder in folders]
    for pattern, read in _PATTERNS:
        if (match := pattern.match(name)) and (named := read(match, upper)):
            return named
    return None


def recording_by_folder(folders: list[str]) -> str | None:
    """Why a clip was recorded, by the deepest folder that says so. Folders are upper case."""
    for folder in reversed(folders):
        for pattern, recording in _FOLDERS:
            if re.fullmatch(pattern, folder, re.ASCII):
                return recording
    return None


def clock(date: str, time: str, date_format: str = "%Y%m%d") -> datetime | None:
    """A camera's clock, None where digits are no date or the clock was never set (before 2000)."""
    try:
        found = datetime.strptime(date + time, f"{date_format}%H%M%S")
    except ValueError:
        return None
    return found if found.year >= 2000 else None


def _dashcam(maker: str, match: Match, recording: str | None, date_format: str = "%Y%m%d") -> Named:
    groups = match.groupdict()
    date, time = (re.sub(r"\D", "", groups.get(part) or "") for part in ("date", "time"))
    taken = clock(date, time, date_format) if date else None
    return Named("dashcam", maker, _SIDES.get((groups.get("side") or "F").upper()), recording or "routine", taken)


def _blackvue(m: Match, _: list[str]) -> Named:
    return _dashcam("blackvue", m, _BLACKVUE.get(m["kind"].upper(), "event"))


def _special(folders: list[str]) -> str | None:
    """What the folder says beyond the ordinary: a clip that was locked or moved there."""
    recording = recording_by_folder(folders)
    return recording if recording != "routine" else None


def _viofo(m: Match, folders: list[str]) -> Named:
    by_letter = {"P": "parking", "E": "event"}.get((m["kind"] or "").upper())
    return _dashcam("viofo", m, _special(folders) or by_letter)


def _vantrue(m: Match, folders: list[str]) -> Named:
    by_letter = {"P": "parking", "E": "event"}.get(m["kind"].upper())
    camera = {"A": "front", "B": "interior", "C": "rear"}[m["cam"].upper()]
    return replace(_dashcam("vantrue", m, _special(folders) or by_letter), camera=camera)


def _tesla(m: Match, folders: list[str]) -> Named:
    camera = m["cam"].lower()
    named = _dashcam("tesla", m, recording_by_folder(folders))
    return replace(named, camera={"back": "rear"}.get(camera, camera.replace("_", "-")))


def _tesla_event(_: Match, folders: list[str]) -> Named | None:
    """What stands beside the clips of an event, of the time that their folder is called."""
    match = _TESLA_FOLDER.fullmatch(folders[-1]) if folders[-2:-1] and folders[-2] in _TESLA_EVENTS else None
    return replace(_dashcam("tesla", match, "event"), camera=None) if match else None


def _thinkware(m: Match, folders: list[str]) -> Named:
    recording = _special(folders) or _THINKWARE.get(m["kind"].upper(), "event")
    named = _dashcam("thinkware", m, recording)
    return replace(named, camera="interior") if "INCABIN_REC" in folders and not m["side"] else named


def _70mai(m: Match, _: list[str]) -> Named:
    return _dashcam("70mai", m, _70MAI.get(m["kind"].upper(), "event"))


def _by_folder(maker: str) -> Reader:
    def read(m: Match, folders: list[str]) -> Named:
        return _dashcam(maker, m, recording_by_folder(folders), "%y%m%d" if maker == "nextbase" else "%Y%m%d")

    return read


def _phone(maker: str) -> Reader:
    def read(m: Match, _: list[str]) -> Named:
        groups = m.groupdict()
        return Named("phone", maker, taken=clock(groups["date"], groups["time"][:6]) if groups.get("date") else None)

    return read


def _creator(maker: str) -> Reader:
    def read(m: Match, _: list[str]) -> Named:
        groups = m.groupdict()
        return Named("creator", maker, taken=clock(groups["date"], groups["time"]) if groups.get("date") else None)

    return read


_TESLA_FOLDER = re.compile(r"(?P<date>\d{4}-\d\d-\d\d)_(?P<time>\d\d-\d\d-\d\d)", re.ASCII)
_D8, _T6 = r"(?P<date>\d{8})", r"(?P<time>\d{6})"
_CLIP = r"\.(mp4|mov|ts|avi|jpe?g|thm)"
_PICTURE = r"\.(mp4|mov|3gp|webm|jpe?g|heic|heif|dng|png|aae|gif)"
_AGAIN = r"( \d+|\(\d+\)|~\d+|-edited)*"


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text + r"\Z", re.IGNORECASE | re.ASCII)


_PATTERNS: tuple[tuple[re.Pattern[str], Reader], ...] = (
    (_pattern(rf"{_D8}_{_T6}_(?P<kind>[NEPMIOATBRXGDLYF])(?P<side>[FRIO]?)[LS]?\.(mp4|thm|gps|3gf)"), _blackvue),
    (_pattern(rf"{_D8}_{_T6}_\d+_(?P<kind>[NEP])_(?P<cam>[ABC]){_CLIP}"), _vantrue),
    (_pattern(rf"(?P<date>\d{{4}}_\d{{4}})_{_T6}_\d*(?P<kind>[PE]?)(?P<side>[FRTI]?){_CLIP}"), _viofo),
    (_pattern(rf"{_D8}{_T6}_\d{{6}}(?P<kind>[PE]?)(?P<side>[FRTI]?){_CLIP}"), _viofo),
    (
        _pattern(
            r"(?P<date>\d{4}-\d\d-\d\d)_(?P<time>\d\d-\d\d-\d\d)-"
            r"(?P<cam>front|back|(left|right)_(repeater|pillar))\.mp4"
        ),
        _tesla,
    ),
    (_pattern(r"event\.(json|mp4)|thumb\.png"), _tesla_event),
    (_pattern(rf"(?P<kind>REC|EVT|MOT|PAK|PAS|EXT|PARK|MAN)_{_D8}_{_T6}(_(?P<side>[FRI]))?{_CLIP}"), _thinkware),
    (
        _pattern(
            r"(?P<kind>REC)_(?P<date>\d{4}_\d\d_\d\d)_(?P<time>\d\d_\d\d_\d\d)"
            rf"(_(?P<side>[FRI]))?{_CLIP}"
        ),
        _thinkware,
    ),
    (_pattern(rf"(?P<kind>NO|EV|LA|PA){_D8}-{_T6}(-\d+)?(?P<side>[FBIR]?){_CLIP}"), _70mai),
    (
        _pattern(rf"(?P<date>\d{{6}})_{_T6}_\d{{3}}_(?P<side>[BFR])[HL]\.(mp4|mov|jpe?g)"),
        _by_folder("nextbase"),
    ),
    (_pattern(r"GRMN\d{4}\.(mp4|jpe?g|glv)"), _by_folder("garmin")),
    (
        _pattern(
            r"(G[HXLSG]\d\d|GP\d\d|GOPR|GP(AA|_{1,2})|GS_{1,2}|G[HXLS][A-Z]{2}|G\d{3}|3D_[LR])\d{4}"
            r"\.(mp4|360|lrv|thm|wav|jpe?g|gpr)"
        ),
        _creator("gopro"),
    ),
    (
        _pattern(rf"DJI_({_D8}{_T6}_\d{{4}}(_[A-Z0-9]+)*|\d{{4}})\.(mp4|mov|lrf|srt|jpe?g|dng|m4a|wav)"),
        _creator("dji"),
    ),
    (_pattern(rf"PXL_{_D8}_(?P<time>\d{{9}})([._~-][\w.~()-]*)?{_PICTURE}"), _phone("pixel")),
    (
        _pattern(rf"(IMG|VID|MVIMG|PANO|BURST|Screenshot)[_-]{_D8}[_-]{_T6}[\w.~() -]*{_PICTURE}"),
        _phone("android"),
    ),
    (_pattern(rf"(IMG|VID)-\d{{8}}-WA\d{{4}}{_AGAIN}{_PICTURE}"), _phone("whatsapp")),
    (_pattern(rf"{_D8}_{_T6}(_\d+|_Burst\d+|_HDR)*{_AGAIN}{_PICTURE}"), _phone("samsung")),
    (_pattern(rf"IMG_[EO]?\d{{4}}{_AGAIN}{_PICTURE}"), _phone("iphone")),
)
