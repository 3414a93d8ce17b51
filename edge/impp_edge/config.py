"""What to upload where: a TOML file, overridden by environment variables and flags. Errors name file and line.

One table, :data:`SETTINGS`, defines the keys of the file, the flags, the environment variables and their help.
``config.example.toml`` shows all of them in use.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

SOURCES = ("dashcam", "phone", "creator")
UNKNOWN = ("media", "skip")
SIDECARS = ("data", "all", "none")
OBJECT_TAGS = 10
"""Most tags of an S3 object."""
EDGE_TAGS = ("impp:source", "impp:timestamp", "impp:checksum")
PIPELINE_TAGS = ("impp:archive", "impp:state")
"""Set later by the pipeline on the same object, so room is kept for them."""
OWN_TAGS = OBJECT_TAGS - len(EDGE_TAGS) - len(PIPELINE_TAGS)

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_TAG = re.compile(r"[\w .:/=+\-@]*")  # letters, digits and these, by S3's reference


class ConfigError(Exception):
    """The configuration is wrong; the message names the place and what is allowed."""


@dataclass(frozen=True)
class Setting:
    """A setting: its name in the file, its type, and its help. ``least`` and ``most`` bound a number;
    ``folder``: a [[folder]] may have its own."""

    name: str
    kind: type
    help: str
    least: float | None = None
    most: float | None = None
    choices: tuple[str, ...] = ()
    folder: bool = False


DAY_S = 86_400.0
SETTINGS = (
    Setting("bucket", str, "Upload to this bucket."),
    Setting("device", str, "Name the device, a part of every key (the camera's maker).", folder=True),
    Setting("source", str, "Set the kind of source (taken from file names).", choices=SOURCES, folder=True),
    Setting("timezone", str, "Read camera clocks in this zone, such as Europe/Berlin (the system's).", folder=True),
    Setting("unknown", str, "Upload media of unknown cameras, or skip it (media).", choices=UNKNOWN, folder=True),
    Setting("sidecars", str, "Upload sidecars: data (tracks, thumbnails, event files), all (low-resolution "
            "copies too) or none (data).", choices=SIDECARS, folder=True),
    Setting("exclude", list, "Skip names or paths that match a pattern.", folder=True),
    Setting("tags", dict, "Add a tag, key=value, to every object.", folder=True),
    Setting("retain", dict, "Remove uploaded clips from the card under these conditions.", folder=True),
    Setting("settle_s", float, "Wait this many seconds after a file's last change (10).", 0, 3600),
    Setting("truncated_after_s", float, "Upload a truncated clip unchanged after this many seconds without a write "
            "(600).", 0, 7 * DAY_S),
    Setting("workers", int, "Send this many requests at the same time (4).", 1, 32),
    Setting("limit_mbit", float, "Limit uploads to this many megabits per second (no limit).", 0.1, 100_000),
    Setting("hours", list, "Upload during these hours only, such as 'mon-fri 22:00-06:00' (always)."),
    Setting("events_any_time", bool, "Also upload events outside the hours (yes)."),
    Setting("rescan_s", float, "While watching, scan all folders at this interval in seconds (60).", 1, DAY_S),
    Setting("heartbeat_s", float, "Send a heartbeat to CloudWatch at this interval in seconds (0: never).", 0, DAY_S),
    Setting("metrics_file", str, "Write metrics for Prometheus' textfile collector to this file."),
    Setting("state", str, "Keep the state database and the custody log in this folder."),
    Setting("region", str, "Use this AWS region (as the AWS CLI finds it)."),
    Setting("profile", str, "Use this AWS profile (as the AWS CLI finds it)."),
    Setting("endpoint_url", str, "Use the endpoint of an S3-compatible service."),
    Setting("ca_bundle", str, "Trust the certificates in this PEM file (the system's)."),
)  # fmt: skip
RETAIN = (
    Setting("older_than_days", float, "Remove uploaded clips that are older (never).", 0, 36_500),
    Setting("min_free_percent", float, "Remove the oldest uploaded clips until this much is free (never).", 0, 99),
    Setting("events", bool, "Also remove locked, event and manual clips (no)."),
)
_TOP = {s.name: s for s in SETTINGS} | {"folder": Setting("folder", list, "A folder to upload.")}
_FOLDER = {s.name: s for s in SETTINGS if s.folder} | {"path": Setting("path", str, "Path of the folder.")}
_RETAIN = {s.name: s for s in RETAIN}


@dataclass(frozen=True)
class Retain:
    """When an uploaded clip may be removed from the card: by age, by free space, or by either."""

    older_than_days: float | None = None
    min_free_percent: float | None = None
    events: bool = False


@dataclass(frozen=True)
class Folder:
    """A folder to upload, with what file names do not say. ``zone`` None means the computer's own time zone, ``retain``
    None that nothing is ever removed."""

    path: Path
    source: str | None = None
    device: str | None = None
    zone: ZoneInfo | None = None
    unknown: str = "media"
    sidecars: str = "data"
    exclude: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    retain: Retain | None = None


@dataclass(frozen=True)
class Config:
    """A valid configuration. Times in seconds, ``limit_mbit`` in 10^6 bits per second; the meaning of each is in
    :data:`SETTINGS`."""

    bucket: str
    folders: tuple[Folder, ...]
    state: Path
    device: str | None = None
    region: str | None = None
    endpoint_url: str | None = None
    profile: str | None = None
    ca_bundle: Path | None = None
    settle_s: float = 10.0
    truncated_after_s: float = 600.0
    workers: int = 4
    limit_mbit: float | None = None
    hours: tuple[str, ...] = ()
    events_any_time: bool = True
    rescan_s: float = 60.0
    heartbeat_s: float = 0.0
    metrics_file: Path | None = None


def default_state() -> Path:
    """``$XDG_STATE_HOME/impp-edge``, by default ``~/.local/state/impp-edge``."""
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "impp-edge"


def state_folder(path: Path | None, over: Mapping[str, Any]) -> Path:
    """The state folder, for commands that need no other setting. Raises :class:`ConfigError`."""
    document, place = _read(path)
    document |= over
    _check(document, _TOP, place)
    return _path(document.get("state")) or default_state()


def load(path: Path | None, over: Mapping[str, Any], paths: tuple[Path, ...] = ()) -> Config:
    """Load a configuration file, if any. ``over`` (flags, environment) overrides it; ``paths`` are its folders.

    Raises :class:`ConfigError`.
    """
    document, place = _read(path)
    document |= over
    _check(document, _TOP, place)
    bucket = document.get("bucket")
    if not bucket:
        raise ConfigError(f"{place.name}: bucket is missing: the name of the ingest bucket (or --bucket)")
    if not _BUCKET.fullmatch(bucket):
        raise ConfigError(f"{place('bucket')}: {bucket!r} is not a valid bucket name")
    if 0 < document.get("heartbeat_s", 0) < 60:
        raise ConfigError(
            f"{place('heartbeat_s')}: must be 0 (never) or at least 60, because each heartbeat is a paid request"
        )
    tables: list[Any] = [{"path": str(p)} for p in paths] or document.get("folder", [])
    winning = {name: value for name, value in over.items() if name in _FOLDER}
    if not tables:
        raise ConfigError(
            f"{place.name}: no folders: add a [[folder]] with its path, or pass paths on the command line"
        )
    folders = tuple(_folder(table, document, winning, place, n) for n, table in enumerate(tables, 1))
    _no_overlap(folders, place)
    plain = {
        s.name: s.kind(document[s.name])
        for s in SETTINGS
        if s.name in document and not s.folder and s.name not in ("state", "ca_bundle", "metrics_file", "hours")
    }
    return Config(
        **plain,
        folders=folders,
        state=_path(document.get("state")) or default_state(),
        device=document.get("device"),
        ca_bundle=_path(document.get("ca_bundle")),
        metrics_file=_path(document.get("metrics_file")),
        hours=_hours(document.get("hours", []), place),
    )


class _Place:
    """Formats the place of a setting: ``config.toml:12: folder 2: timezone``."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self._lines = text.splitlines()

    def __call__(self, key: str, table: int = 0) -> str:
        seen = 0
        for number, line in enumerate(self._lines, 1):
            seen += bool(re.match(r"\s*\[\[\s*folder\s*\]\]", line))
            if seen == table and re.search(rf"(^|[{{,\[.])\s*[\"']?{re.escape(key)}[\"']?\s*[]=]", line):
                return f"{self.name}:{number}: {self._of(table)}{key}"
        return f"{self.name}: {self._of(table)}{key}"

    @staticmethod
    def _of(table: int) -> str:
        return f"folder {table}: " if table else ""


def _read(path: Path | None) -> tuple[dict[str, Any], _Place]:
    if path is None:
        return {}, _Place("configuration", "")
    try:
        text = path.read_text(encoding="utf-8")
        return tomllib.loads(text), _Place(path.name, text)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path.name}: {error}") from error


def _check(table: Any, known: Mapping[str, Setting], place: _Place, number: int = 0) -> None:
    """Check that a table holds only known settings of the right type and within their bounds."""
    if not isinstance(table, dict):
        raise ConfigError(f"{place.name}: folder {number} must be a table: write [[folder]]")
    for key, value in table.items():
        if key not in known:
            raise ConfigError(f"{place(key, number)}: unknown setting; {_hint(key, known)}")
        setting = known[key]
        wanted = (int, float) if setting.kind is float else setting.kind
        if not isinstance(value, wanted) or (isinstance(value, bool) and setting.kind is not bool):
            raise ConfigError(f"{place(key, number)}: must be {_NAMES[setting.kind]}, not {value!r}")
        if setting.choices and value not in setting.choices:
            raise ConfigError(
                f"{place(key, number)}: {value!r} is not allowed; choose one of {', '.join(setting.choices)}"
            )
        if not _within(setting, value):
            raise ConfigError(
                f"{place(key, number)}: must be from {setting.least:g} to {setting.most:g}, not {value!r}"
            )


def _within(setting: Setting, value: Any) -> bool:
    return (setting.least is None or value >= setting.least) and (setting.most is None or value <= setting.most)


def _hint(key: str, known: Iterable[str]) -> str:
    import difflib  # for mistakes only

    close = difflib.get_close_matches(key, known, n=1)
    return f"did you mean {close[0]}?" if close else f"known settings: {', '.join(sorted(known))}"


_NAMES: dict[type, str] = {
    str: "text", float: "a number", int: "a whole number", bool: "true or false", dict: "a table", list: "a list",
}  # fmt: skip


def _folder(table: Any, document: Mapping[str, Any], winning: Mapping[str, Any], place: _Place, number: int) -> Folder:
    """Build a folder: flags override its own table, which overrides the top of the document."""
    _check(table, _FOLDER, place, number)
    if not table.get("path"):
        raise ConfigError(f"{place.name}: folder {number}: path is missing")
    both = {**document, **table, **winning}
    exclude = both.get("exclude", [])
    if not all(isinstance(pattern, str) for pattern in exclude):
        raise ConfigError(f'{place("exclude", number)}: must be a list of patterns such as ["*.tmp"]')
    return Folder(
        path=Path(os.path.abspath(Path(table["path"]).expanduser())),  # noqa: PTH100  # resolve() would follow links
        source=both.get("source"),
        device=both.get("device"),
        zone=_zone(both.get("timezone"), place, number if "timezone" in table else 0),
        unknown=both.get("unknown", "media"),
        sidecars=both.get("sidecars", "data"),
        exclude=tuple(exclude),
        tags=_tags({**document.get("tags", {}), **table.get("tags", {}), **winning.get("tags", {})}, place, number),
        retain=_retain(both.get("retain"), place, number if "retain" in table else 0),
    )


def _zone(name: str | None, place: _Place, number: int) -> ZoneInfo | None:
    if not name:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ConfigError(
            f"{place('timezone', number)}: there is no time zone {name!r}; use a name such as Europe/Berlin"
        ) from error


def _retain(table: Any, place: _Place, number: int) -> Retain | None:
    if not table:
        return None
    _check(table, _RETAIN, place, number)
    if "older_than_days" not in table and "min_free_percent" not in table:
        raise ConfigError(f"{place('retain', number)}: needs older_than_days or min_free_percent")
    return Retain(**table)


def _hours(texts: list[Any], place: _Place) -> tuple[str, ...]:
    if texts:
        from impp_edge import hours

        for text in texts:
            try:
                hours.parse(text)
            except (ValueError, TypeError, AttributeError) as error:
                raise ConfigError(f"{place('hours')}: {error}") from error
    return tuple(texts)


def _path(text: str | None) -> Path | None:
    return Path(text).expanduser() if text else None


def _tags(tags: Mapping[str, Any], place: _Place, number: int) -> dict[str, str]:
    for key, value in tags.items():
        where = place(key, number)
        if not isinstance(value, str):
            raise ConfigError(f"{where}: a tag's value must be text")
        if not 1 <= len(key) <= 128 or len(value) > 256:
            raise ConfigError(f"{where}: a tag has at most 128 characters of key and 256 of value")
        if not _TAG.fullmatch(key) or not _TAG.fullmatch(value):
            raise ConfigError(f"{where}: a tag may hold letters, digits, spaces and _.:/=+-@ only")
        if key.lower().startswith(("impp:", "aws:")):
            raise ConfigError(f"{where}: tags that begin with impp: or aws: are reserved")
    if len(tags) > OWN_TAGS:
        raise ConfigError(
            f"{place.name}: folder {number}: {len(tags)} tags of your own, at most {OWN_TAGS}: an S3 object holds "
            f"{OBJECT_TAGS}, and {', '.join(EDGE_TAGS + PIPELINE_TAGS)} need the rest"
        )
    return dict(tags)


def _no_overlap(folders: tuple[Folder, ...], place: _Place) -> None:
    for i, one in enumerate(folders, 1):
        for j, other in enumerate(folders, 1):
            if i != j and (one.path == other.path or one.path in other.path.parents):
                raise ConfigError(
                    f"{place.name}: folder {j} ({other.path}) lies in folder {i} ({one.path}): its files would be "
                    "uploaded twice"
                )
