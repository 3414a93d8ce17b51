"""report.html and report.json from the facts of a run.

The page needs nothing but itself: posters, captions and small renditions lie in it as data URIs, larger ones beside it
in media/. It has no script, asks no network (a Content-Security-Policy says so), and every value is escaped.
"""

from __future__ import annotations

import base64
import json
import mimetypes
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from impp_local.demo.facts import FileReport, Rendition, Report
from impp_local.demo.names import printable
from impp_local.deploy.terraform import REPOSITORY

STYLE = REPOSITORY / "gallery" / "style"
"""Colours, type and common parts are those of the gallery."""
EMBED_EACH = 1_500_000
EMBED_ALL = 12_000_000
"""Bytes of video that go into the page: the least of a file's renditions, while the page stays a page."""

Fetch = Callable[[str], bytes]
"""Gives the content of a key in the delivery bucket."""


@dataclass(frozen=True)
class Media:
    """What the page shows of one file: URIs, all of them data: or relative to the page."""

    poster: str | None = None
    player: str | None = None
    player_type: str = "video/mp4"
    captions: str | None = None
    links: dict[str, str] = field(default_factory=dict)  # rendition name → file beside the page


def write_json(report: Report, path: Path) -> None:
    """The facts for programs; see schemas/report.v1.schema.json."""
    path.write_text(json.dumps(report.to_dict(), indent=2, ensure_ascii=False, default=str) + "\n", "utf-8")


def write_html(report: Report, path: Path, fetch: Fetch) -> None:
    """The page, and the renditions beside it in media/."""
    left = EMBED_ALL
    media: list[Media] = []
    for file in report.files:
        shown, used = gather_media(file, path.parent, fetch, min(left, EMBED_EACH))
        media.append(shown)
        left -= used
    path.write_text(render(report, media), "utf-8")


def gather_media(file: FileReport, folder: Path, fetch: Fetch, embed: int) -> tuple[Media, int]:
    """Fetch poster, captions and renditions of a file; returns them and how many bytes of video were embedded."""
    links: dict[str, str] = {}
    player, used = None, 0
    kind = "video/mp4"
    for rendition in sorted(file.renditions, key=lambda rendition: rendition.bytes):
        target = folder / "media" / (file.asset or "unknown") / Path(rendition.key).name
        target.parent.mkdir(parents=True, exist_ok=True)
        content = fetch(rendition.key)
        target.write_bytes(content)
        links[rendition.name] = quote(target.relative_to(folder).as_posix())
        if player is None:
            kind = _content_type(rendition)
            fits = len(content) <= embed
            player = _data_uri(kind, content) if fits else links[rendition.name]
            used = len(content) if fits else 0
    poster = _data_uri("image/jpeg", fetch(file.poster)) if file.poster else None
    captions = _data_uri("text/vtt", fetch(file.captions)) if file.captions else None
    return Media(poster, player, kind, captions, links), used


def _content_type(rendition: Rendition) -> str:
    return mimetypes.guess_type(rendition.key)[0] or "video/mp4"


def _data_uri(content_type: str, content: bytes) -> str:
    return f"data:{content_type};base64,{base64.b64encode(content).decode()}"


def render(report: Report, media: list[Media]) -> str:
    """The page as text; `media` are those of the files, in their order."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([Path(__file__).parent, STYLE]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"usd": usd, "size": size, "clock": clock, "seconds": seconds, "printable": printable}
    template = environment.get_template("report.html.j2")
    return template.render(report=report, totals=report.totals(), media=media, services=by_service(report), bars=bars)


def by_service(report: Report) -> list[tuple[str, float]]:
    """The bill by service, most expensive first, without services that cost nothing."""
    sums: dict[str, float] = {}
    for line in report.bill.get("lines", ()):
        sums[line["service"]] = sums.get(line["service"], 0.0) + line["usd"]
    return sorted(((name, value) for name, value in sums.items() if value > 0), key=lambda pair: -pair[1])


def bars(file: FileReport) -> list[dict[str, Any]]:
    """The timeline of a file: each state with its place and width in per cent of the whole."""
    whole = max((step.start_s + step.seconds for step in file.steps), default=0) or 1
    return [
        {
            "step": step,
            "left": round(100 * step.start_s / whole, 3),
            "width": max(0.6, round(100 * step.seconds / whole, 3)),  # a very short state stays visible
        }
        for step in file.steps
    ]


def usd(value: float) -> str:
    """Money with two significant digits: $1.20, $0.034, $0.00012."""
    if value == 0:
        return "$0"
    if value >= 1:
        return f"${value:,.2f}"
    places = 2
    while places < 8 and value * 10 ** (places - 1) < 1:
        places += 1
    return f"${value:.{max(places, 2)}f}"


def size(value: float) -> str:
    """A size in decimal units: 1.4 MB."""
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000 or unit == "GB":
            return f"{value:.0f} {unit}" if unit == "B" or value >= 100 else f"{value:.1f} {unit}"
        value /= 1000
    raise AssertionError


def clock(value: float | None) -> str:
    """A duration as minutes and seconds: 1:05."""
    whole = round(value or 0)
    return (
        f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"
        if whole >= 3600
        else f"{whole // 60}:{whole % 60:02d}"
    )


def seconds(value: float) -> str:
    """A short span: 0.3 s, 12 s."""
    return f"{value:.1f} s" if value < 10 else f"{value:.0f} s"
