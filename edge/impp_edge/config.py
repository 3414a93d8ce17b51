"""What to bring where: a TOML file, with flags and environment variables on top. Every mistake is said with its place.

See ``config.example.toml`` for all settings and their meaning.
"""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

SOURCES = ("dashcam", "phone", "creator")
UNKNOWN = ("media", "skip")
OBJECT_TAGS = 10
"""Most tags of an S3 object."""
EDGE_TAGS = ("impp:source", "impp:timestamp", "impp:checksum")
PIPELINE_TAGS = ("impp:archive", "impp:state")
"""Set later by the pipeline on the same object, so room is kept for them."""
OWN_TAGS = OBJECT_TAGS - len(EDGE_TAGS) - len(PIPELINE_TAGS)

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_TAG = re.compile(r"[\w .:/=+\-@]*")  # letters, digits and these, by S3's reference
_TOP = {
    "bucket": str, "region": str, "endpoint_url": str, "profile": str, "state": str, "device": str, "timezone": str,
    "settle_s": float, "workers": int, "tags": dict, "folder": list,
}  # fmt: skip
_FOLDER = {
    "path": str, "source": str, "device": str, "timezone": str, "unknown": str, "exclude": list, "tags": dict,
}  # fmt: skip


class ConfigError(Exception):
    """The configuration is wrong; the text says where and what would be right."""


@dataclass(frozen=True)
class Folder:
    """A folder to bring, with what its names cannot tell. ``zone`` None means the computer's own time zone."""

    path: Path
    source: str | None = None
    device: str | None = None
    zone: ZoneInfo | None = None
    unknown: str = "media"
    exclude: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Config:
    """A valid configuration: a file is taken after ``settle_s`` seconds without change, ``workers`` at once."""

    bucket: str
    folders: tuple[Folder, ...]
    state: Path
    region: str | None = None
    endpoint_url: str | None = None
    profile: str | None = None
    settle_s: float = 10.0
    workers: int = 4


def default_state() -> Path:
    """``$XDG_STATE_HOME/impp-edge``, by default ``~/.local/state/impp-edge``."""
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "impp-edge"


def load(path: Path | None, over: Mapping[str, Any], paths: tuple[Path, ...] = ()) -> Config:
    """The configuration of a file (or none), with ``over`` (flags, environment) winning and ``paths`` as its folders.

    Raises :class:`ConfigError`.
    """
    document, place = _read(path)
    document |= {k: v for k, v in over.items() if v is not None}
    _known(document, _TOP, place, "")
    bucket = document.get("bucket")
    if not bucket:
        raise ConfigError(f"{place.name}: bucket is missing: the name of the ingest bucket (or --bucket)")
    if not _BUCKET.fullmatch(bucket):
        raise ConfigError(f"{place('bucket')}: {bucket!r} is no bucket name")
    if not 0 <= document.get("settle_s", 10) <= 3600:
        raise ConfigError(f"{place('settle_s')}: from 0 to 3600 seconds")
    if not 1 <= document.get("workers", 4) <= 32:
        raise ConfigError(f"{place('workers')}: from 1 to 32")
    tables: list[Any] = [{"path": str(p)} for p in paths] or document.get("folder", [])
    if not tables:
        raise ConfigError(f"{place.name}: nothing to do: add a [[folder]] with its path, or name folders to sync")
    folders = tuple(_folder(table, document, place, n) for n, table in enumerate(tables, 1))
    _no_overlap(folders, place)
    return Config(
        bucket=bucket,
        folders=folders,
        state=Path(document["state"]).expanduser() if "state" in document else default_state(),
        region=document.get("region"),
        endpoint_url=document.get("endpoint_url"),
        profile=document.get("profile"),
        settle_s=float(document.get("settle_s", 10)),
        workers=document.get("workers", 4),
    )


class _Place:
    """Says where a setting stands: ``config.toml:12: folder 2: timezone``."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self._lines = text.splitlines()

    def __call__(self, key: str, table: int = 0) -> str:
        seen = 0
        for number, line in enumerate(self._lines, 1):
            seen += bool(re.match(r"\s*\[\[\s*folder\s*\]\]", line))
            if seen == table and re.match(rf"\s*[\"']?{re.escape(key)}[\"']?\s*=", line):
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


def _known(table: Any, types: Mapping[str, type], place: _Place, where: str, number: int = 0) -> None:
    if not isinstance(table, dict):
        raise ConfigError(f"{place.name}: {where or 'the file'} must be a table")
    for key, value in table.items():
        if key not in types:
            close = difflib.get_close_matches(key, types, n=1)
            hint = f"did you mean {close[0]}?" if close else f"known are {', '.join(sorted(types))}"
            raise ConfigError(f"{place(key, number)}: unknown setting; {hint}")
        wanted = types[key]
        fits = isinstance(value, (int, float) if wanted is float else wanted) and not isinstance(value, bool)
        if not fits:
            raise ConfigError(f"{place(key, number)}: must be {_NAMES[wanted]}, not {value!r}")


_NAMES: dict[type, str] = {str: "text", float: "a number", int: "a whole number", dict: "a table", list: "a list"}


def _folder(table: Any, document: Mapping[str, Any], place: _Place, number: int) -> Folder:
    _known(table, _FOLDER, place, f"folder {number}", number)
    if not table.get("path"):
        raise ConfigError(f"{place.name}: folder {number}: path is missing")
    source, unknown = table.get("source"), table.get("unknown", "media")
    if source is not None and source not in SOURCES:
        raise ConfigError(f"{place('source', number)}: {source!r} is none of {', '.join(SOURCES)}")
    if unknown not in UNKNOWN:
        raise ConfigError(f"{place('unknown', number)}: {unknown!r} is none of {', '.join(UNKNOWN)}")
    exclude = table.get("exclude", [])
    if not all(isinstance(pattern, str) for pattern in exclude):
        raise ConfigError(f'{place("exclude", number)}: a list of patterns such as ["*.tmp"]')
    return Folder(
        path=Path(os.path.abspath(Path(table["path"]).expanduser())),  # noqa: PTH100  # resolve() would follow links
        source=source,
        device=table.get("device") or document.get("device"),
        zone=_zone(table, document, place, number),
        unknown=unknown,
        exclude=tuple(exclude),
        tags=_tags({**document.get("tags", {}), **table.get("tags", {})}, place, number),
    )


def _zone(table: Mapping[str, Any], document: Mapping[str, Any], place: _Place, number: int) -> ZoneInfo | None:
    name = table.get("timezone") or document.get("timezone")
    if not name:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        where = place("timezone", number if "timezone" in table else 0)
        raise ConfigError(f"{where}: no such time zone: {name!r} (one like Europe/Berlin)") from error


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
            f"{OBJECT_TAGS}, and {', '.join(EDGE_TAGS + PIPELINE_TAGS)} need their place"
        )
    return dict(tags)


def _no_overlap(folders: tuple[Folder, ...], place: _Place) -> None:
    for i, one in enumerate(folders, 1):
        for j, other in enumerate(folders, 1):
            if i != j and (one.path == other.path or one.path in other.path.parents):
                raise ConfigError(
                    f"{place.name}: folder {j} ({other.path}) lies in folder {i} ({one.path}): its files would be "
                    "brought twice"
                )
