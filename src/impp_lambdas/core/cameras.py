"""What a camera's file name and folder tell: maker, which camera, why it recorded, and when.

Patterns are the makers', as collected from blackvuesync, teslausb, viofosync and camera manuals. A time in a name is
the camera's clock without a zone; dash cams are set by hand and often wrong, so callers keep where a time came from.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
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
_TESLA = {"RECENTCLIPS": "routine", "SAVEDCLIPS": "event", "SENTRYCLIPS": "event", "TESLATRACKMODE": "manual"}
_FOLDERS = (
    (re.compile(r"^(RO|EVENT|EVT_REC|SOS_REC|PROTECTED|LOCKED|SAVEDCLIPS|SENTRYCLIPS|1\d\d(EVENT|SAVED))$"), "event"),
    (re.compile(r"^(PARKING|PARK|PARKING_REC|MOTION_TIMELAPSE_REC|1\d\dPARKM)$"), "parking"),
    (re.compile(r"^(MANUAL_REC|1\d\dPHOTO)$"), "manual"),
    (re.compile(r"^(MOVIE|CONT_REC|RECENTCLIPS|1\d\dUNSVD|NORMAL|VIDEOS)$"), "routine"),
)


def recognise(path: str) -> Named | None:
    """What a path (folders and file name, as on the card) tells, None where no camera is known to name files so."""
    *folders, name = path.split("/")
    upper = [folder.upper() for folder in folders]
    for pattern, read in _PATTERNS:
        if match := pattern.match(name):
            return read(match, upper)
    return None


def recording_by_folder(folders: list[str]) -> str | None:
    """Why a clip was recorded, by the deepest folder that says so. Folders are upper case."""
    for folder in reversed(folders):
        for pattern, recording in _FOLDERS:
            if pattern.match(folder):
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
    taken = clock(groups["date"].replace("_", ""), groups["time"], date_format) if groups.get("date") else None
    return Named("dashcam", maker, _SIDES.get((groups.get("side") or "F").upper()), recording or "routine", taken)


def _blackvue(m: Match, _: list[str]) -> Named:
    return _dashcam("blackvue", m, _BLACKVUE.get(m["kind"].upper(), "event"))


def _viofo(m: Match, folders: list[str]) -> Named:
    by_folder = recording_by_folder(folders)
    by_letter = {"P": "parking", "E": "event"}.get((m["kind"] or "").upper())
    return _dashcam("viofo", m, by_folder if by_folder in ("event", "parking") else by_letter)


def _vantrue(m: Match, _: list[str]) -> Named:
    named = _dashcam("vantrue", m, {"P": "parking", "E": "event"}.get(m["kind"].upper()))
    camera = {"A": "front", "B": "interior", "C": "rear"}[m["cam"].upper()]
    return Named(named.source, named.maker, camera, named.recording, named.taken)


def _tesla(m: Match, folders: list[str]) -> Named:
    camera = {"back": "rear", "front": "front"}.get(m["cam"], m["cam"].replace("_", "-"))
    recording = next((_TESLA[f] for f in reversed(folders) if f in _TESLA), "routine")
    return Named("dashcam", "tesla", camera, recording, clock(m["date"].replace("-", ""), m["time"].replace("-", "")))


def _thinkware(m: Match, _: list[str]) -> Named:
    return _dashcam("thinkware", m, _THINKWARE.get(m["kind"].upper(), "event"))


def _70mai(m: Match, _: list[str]) -> Named:
    return _dashcam("70mai", m, _70MAI.get(m["kind"].upper(), "event"))


def _by_folder(maker: str) -> Callable[[Match, list[str]], Named]:
    def read(m: Match, folders: list[str]) -> Named:
        return _dashcam(maker, m, recording_by_folder(folders), "%y%m%d" if maker == "nextbase" else "%Y%m%d")

    return read


def _phone(maker: str) -> Callable[[Match, list[str]], Named]:
    def read(m: Match, _: list[str]) -> Named:
        groups = m.groupdict()
        return Named("phone", maker, taken=clock(groups["date"], groups["time"]) if groups.get("date") else None)

    return read


def _creator(maker: str) -> Callable[[Match, list[str]], Named]:
    def read(m: Match, _: list[str]) -> Named:
        groups = m.groupdict()
        return Named("creator", maker, taken=clock(groups["date"], groups["time"]) if groups.get("date") else None)

    return read


_D8, _T6, _VIDEO = r"(?P<date>\d{8})", r"(?P<time>\d{6})", r"\.(mp4|mov|ts|avi)$"


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text, re.IGNORECASE | re.ASCII)


_PATTERNS: tuple[tuple[re.Pattern[str], Callable[[Match, list[str]], Named]], ...] = (
    (_pattern(rf"{_D8}_{_T6}_(?P<kind>[NEPMIOATBRXGDLYF])(?P<side>[FRIO])[LS]?\.mp4$"), _blackvue),
    (_pattern(rf"{_D8}_{_T6}_\d+_(?P<kind>[NEP])_(?P<cam>[ABC])\."), _vantrue),
    (_pattern(rf"(?P<date>\d{{4}}_\d{{4}})_{_T6}_\d*(?P<kind>[PE]?)(?P<side>[FRTI])\.(mp4|ts|mov)$"), _viofo),
    (_pattern(rf"{_D8}{_T6}_\d{{6}}(?P<kind>[PE]?)(?P<side>[FRTI]?)\.(mp4|ts)$"), _viofo),
    (
        _pattern(
            r"(?P<date>\d{4}-\d{2}-\d{2})_(?P<time>\d{2}-\d{2}-\d{2})-"
            r"(?P<cam>front|back|left_repeater|right_repeater|left_pillar|right_pillar)\.mp4$"
        ),
        _tesla,
    ),
    (_pattern(rf"(?P<kind>REC|EVT|MOT|PAK|PAS|EXT|PARK|MAN)_{_D8}_{_T6}(_(?P<side>[FRI]))?\.(mp4|avi)$"), _thinkware),
    (_pattern(rf"(?P<kind>NO|EV|LA|PA){_D8}-{_T6}(-\d+)?(?P<side>[FBIR]?){_VIDEO}"), _70mai),
    (_pattern(rf"(?P<date>\d{{6}})_{_T6}_\d{{3}}_(?P<side>[BFR])[HL]\.mp4$"), _by_folder("nextbase")),
    (_pattern(r"GRMN\d{4}\.mp4$"), _by_folder("garmin")),
    (_pattern(r"(G[HXL]\d{6}|G[HX][A-Z]{2}\d{4}|GOPR\d{4}|GP\d{6})\."), _creator("gopro")),
    (_pattern(rf"DJI_({_D8}{_T6}_\d{{4}}_D|\d{{4}})\."), _creator("dji")),
    (_pattern(rf"PXL_{_D8}_{_T6}\d{{3}}"), _phone("pixel")),
    (_pattern(rf"(IMG|VID|MVIMG)[_-]{_D8}[_-](WA)?{_T6}"), _phone("android")),
    (_pattern(rf"{_D8}_{_T6}(_\d+|\(\d+\))?\.(mp4|jpg|heic)$"), _phone("samsung")),
    (_pattern(r"IMG_E?\d{4}\.(mov|mp4|heic|jpg|jpeg|png)$"), _phone("iphone")),
)
