"""Cameras by the names and folders they write. One table; to teach another camera is to add a row.

A time in a name is the camera's clock, without a zone and often set wrong; only Pixel phones write UTC. Patterns were
collected from blackvuesync, teslausb, viofosync and owners' dash cam profiles. Names match in any case of letters.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

EARLIEST = 2000
"""A clock before this year was never set: cameras wake up in 1970 or 1980."""


@dataclass(frozen=True)
class Recognised:
    """What a path tells. None = it does not tell.

    ``source`` dashcam, phone or creator; ``camera`` front, rear, interior, …; ``recording`` routine, event, parking or
    manual; ``taken`` as written, without a zone, which is UTC where ``utc``; ``moment`` is shared by the files of one
    moment (channels of a dash cam, a clip and its sidecars), ``proxy`` a small twin of another file or a sidecar.
    """

    source: str
    maker: str
    camera: str | None = None
    recording: str | None = None
    taken: datetime | None = None
    utc: bool = False
    moment: str | None = None
    proxy: bool = False


Groups = Mapping[str, str | None]
Fields = dict[str, str | None]
Reader = Callable[[Groups, list[str]], Fields]


@dataclass(frozen=True)
class Camera:
    """A row of the table: whose files match ``pattern``, and how its groups and the folders are read."""

    source: str
    maker: str
    pattern: re.Pattern[str]
    read: Reader
    date_format: str = "%Y%m%d"
    utc: bool = False


_SIDES = {"F": "front", "R": "rear", "I": "interior", "T": "telephoto", "O": "optional", "B": "rear"}
_FOLDERS = (
    ("event", r"RO|EVENT|EVT_REC|SOS_REC|PROTECTED|LOCKED|SAVEDCLIPS|SENTRYCLIPS|1\d\d(EVENT|SAVED)"),
    ("parking", r"PARKING|PARK|PARKING_REC|MOTION_TIMELAPSE_REC|1\d\dPARKM"),
    ("manual", r"MANUAL_REC|TESLATRACKMODE|1\d\dPHOTO"),
    ("routine", r"MOVIE|CONT_REC|RECENTCLIPS|1\d\dUNSVD|NORMAL|VIDEOS|RECORD"),
)
_PROXIES = (".lrv", ".lrf", ".thm", ".srt", ".gps", ".3gf", ".aae", ".glv")


def recognise(folders: list[str], name: str) -> Recognised | None:
    """What a file's name and the folders above it (outermost first) tell; None for a name of no known camera."""
    stem, dot, extension = name.rpartition(".")
    suffix = (dot + extension).lower()
    for camera in CAMERAS:
        if (match := camera.pattern.match(name)) is not None:
            groups = match.groupdict()
            found = camera.read(groups, [f.upper() for f in folders])
            taken = _clock(groups.get("date"), groups.get("time"), camera.date_format)
            return Recognised(
                source=camera.source,
                maker=camera.maker,
                camera=found.get("camera"),
                recording=found.get("recording") or ("routine" if camera.source == "dashcam" else None),
                taken=taken,
                utc=camera.utc,
                moment=f"{groups['date']}_{groups['time']}" if taken else stem or name,
                proxy=suffix in _PROXIES or bool(found.get("proxy")),
            )
    return None


def is_sidecar(name: str) -> bool:
    """Whether a file only belongs to another: thumbnails, tracks, low-resolution twins, edit lists."""
    return name.lower().endswith(_PROXIES) or name.lower() in ("event.json", "thumb.png")


def recording_by_folder(folders: list[str]) -> str | None:
    """Why a clip was recorded, by the innermost folder that says so."""
    for folder in reversed(folders):
        for recording, pattern in _FOLDERS:
            if re.fullmatch(pattern, folder.upper()):
                return recording
    return None


def _clock(date: str | None, time: str | None, date_format: str) -> datetime | None:
    if not date or not time:
        return None
    digits = re.sub(r"\D", "", date) + re.sub(r"\D", "", time)
    try:
        taken = datetime.strptime(digits, f"{date_format}%H%M%S")
    except ValueError:
        return None
    return taken if taken.year >= EARLIEST else None


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


def _viofo(groups: Groups, folders: list[str]) -> Fields:
    folder = recording_by_folder(folders)
    letter = {"P": "parking", "E": "event"}.get((groups.get("kind") or "").upper())
    return {"camera": _side(groups), "recording": folder if folder in ("event", "parking") else letter}


def _vantrue(groups: Groups, _folders: list[str]) -> Fields:
    camera = {"A": "front", "B": "interior", "C": "rear"}[str(groups["cam"]).upper()]
    return {"camera": camera, "recording": {"P": "parking", "E": "event"}.get(str(groups["kind"]).upper())}


def _tesla(groups: Groups, folders: list[str]) -> Fields:
    camera = str(groups["cam"]).lower()
    return {
        "camera": {"back": "rear"}.get(camera, camera.replace("_", "-")),
        "recording": recording_by_folder(folders),
    }


def _nextbase(groups: Groups, folders: list[str]) -> Fields:
    low = "yes" if str(groups["rate"]).upper() == "L" else None
    return {"camera": _side(groups), "recording": recording_by_folder(folders), "proxy": low}


def _plain(_groups: Groups, _folders: list[str]) -> Fields:
    return {}


_D, _T = r"(?P<date>\d{8})", r"(?P<time>\d{6})"


def _camera(
    source: str, maker: str, pattern: str, read: Reader, date_format: str = "%Y%m%d", utc: bool = False
) -> Camera:
    return Camera(source, maker, re.compile(pattern + r"\Z", re.IGNORECASE | re.ASCII), read, date_format, utc)


_ANY = r"\.[a-z0-9]{2,4}"
_PICTURE = r"\.(mp4|mov|3gp|webm|jpe?g|heic|heif|dng|png|aae|gif)"

CAMERAS: tuple[Camera, ...] = (
    _camera(
        "dashcam",
        "blackvue",
        rf"{_D}_{_T}_(?P<kind>[NEPMIOATBRXGDLYF])(?P<side>[FRIO]?)[LS]?\.(mp4|thm|gps|3gf)",
        _by_kind({"N": "routine", "P": "parking", "M": "manual"}, other="event"),
    ),
    _camera("dashcam", "vantrue", rf"{_D}_{_T}_\d+_(?P<kind>[NEP])_(?P<cam>[ABC])\.(mp4|ts|mov)", _vantrue),
    _camera(
        "dashcam",
        "viofo",
        rf"(?P<date>\d{{4}}_\d{{4}})_{_T}_\d*(?P<kind>[PE]?)(?P<side>[FRTI])\.(mp4|ts|mov)",
        _viofo,
    ),
    _camera("dashcam", "viofo", rf"{_D}{_T}_\d{{6}}(?P<kind>[PE]?)(?P<side>[FRTI]?)\.(mp4|ts)", _viofo),
    _camera(
        "dashcam",
        "tesla",
        r"(?P<date>\d{4}-\d\d-\d\d)_(?P<time>\d\d-\d\d-\d\d)-"
        r"(?P<cam>front|back|(left|right)_(repeater|pillar))\.mp4",
        _tesla,
    ),
    _camera(
        "dashcam",
        "thinkware",
        rf"(?P<kind>REC|EVT|MOT|PAK|PAS|EXT|PARK|MAN)_{_D}_{_T}(_(?P<side>[FRI]))?\.(mp4|avi)",
        _by_kind(
            {
                "REC": "routine",
                "MOT": "parking",
                "PAK": "parking",
                "PAS": "parking",
                "PARK": "parking",
                "MAN": "manual",
            },
            other="event",
        ),
    ),
    _camera(
        "dashcam",
        "70mai",
        rf"(?P<kind>NO|EV|LA|PA){_D}-{_T}(-\d+)?(?P<side>[FBIR]?)\.(mp4|mov|ts|avi)",
        _by_kind({"NO": "routine", "PA": "parking", "LA": "routine"}, other="event"),  # LA: lapse
    ),
    _camera(
        "dashcam",
        "nextbase",
        rf"(?P<date>\d{{6}})_{_T}_\d{{3}}_(?P<side>[BFR])(?P<rate>[HL])\.mp4",
        _nextbase,
        "%y%m%d",
    ),
    _camera("dashcam", "garmin", r"GRMN\d{4}\.(mp4|jpg|glv)", _by_folder),
    _camera("creator", "gopro", rf"(G[HXL]\d{{6}}|G[HX][A-Z]{{2}}\d{{4}}|GOPR\d{{4}}|GP\d{{6}}){_ANY}", _plain),
    _camera("creator", "dji", rf"DJI_({_D}{_T}_\d{{4}}_[A-Z]|\d{{4}}){_ANY}", _plain),
    _camera("phone", "pixel", rf"PXL_{_D}_{_T}\d{{3}}([._~-][\w.~()-]*)?{_PICTURE}", _plain, utc=True),
    _camera("phone", "android", rf"(IMG|VID|MVIMG|PANO|BURST)[_-]{_D}[_-]{_T}[\w.~() -]*{_PICTURE}", _plain),
    _camera("phone", "samsung", rf"{_D}_{_T}(_\d+|\(\d+\))?{_PICTURE}", _plain),
    _camera("phone", "iphone", rf"IMG_E?\d{{4}}( \d+|\(\d+\))?{_PICTURE}", _plain),
)
