"""The playlists of an HLS presentation that we write: those of captions and of rungs that a function encodes.

Transcription and encoding end in any order, so Publish, which waits for all, writes the captions' own playlist and
refers to it from the main one, which MediaConvert wrote (RFC 8216, 4.3.4). Idempotent.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

CONTENT_TYPE = "application/vnd.apple.mpegurl"
"""RFC 8216, section 10."""
GROUP = "captions"
SOUND_BITRATE = 128_000
"""Of a presentation's sound, at most (core/planning/jobs.py)."""
_STREAM, _MEDIA = "#EXT-X-STREAM-INF:", "#EXT-X-MEDIA:TYPE=SUBTITLES"
_ATTRIBUTE = re.compile(r'([A-Z0-9-]+)=("[^"]*"|[^,]*)')


@dataclass(frozen=True)
class Track:
    """A file of segments, each `(seconds, offset, bytes)`; its first `header` bytes are the initialization."""

    uri: str
    header: int
    segments: Sequence[tuple[float, int, int]]


def track_playlist(tracks: Sequence[Track]) -> str:
    """The playlist of a rung that is in one file or several."""
    longest = max(length for track in tracks for length, _, _ in track.segments)
    lines = [
        "#EXTM3U",
        "#EXT-X-VERSION:6",
        f"#EXT-X-TARGETDURATION:{max(1, math.ceil(longest))}",
        "#EXT-X-MEDIA-SEQUENCE:0",
        "#EXT-X-PLAYLIST-TYPE:VOD",
        "#EXT-X-INDEPENDENT-SEGMENTS",
    ]
    for track in tracks:
        lines.append(f'#EXT-X-MAP:URI="{track.uri}",BYTERANGE="{track.header}@0"')
        for length, offset, size in track.segments:
            lines += [f"#EXTINF:{length:.6f},", f"#EXT-X-BYTERANGE:{size}@{offset}", track.uri]
    return "\n".join([*lines, "#EXT-X-ENDLIST"]) + "\n"


def files(playlist: str) -> list[str]:
    """The names of the files that a playlist lists, each once."""
    return list(dict.fromkeys(line for line in playlist.splitlines() if line and not line.startswith("#")))


def rates(tracks: Sequence[Track]) -> tuple[int, int]:
    """Highest and mean bit/s of a rung's segments."""
    segments = [segment for track in tracks for segment in track.segments]
    seconds = sum(length for length, _, _ in segments)
    peak = max(8 * size / length for length, _, size in segments)
    return math.ceil(peak), round(8 * sum(size for _, _, size in segments) / seconds)


def with_variant(main: str, output: Mapping[str, Any]) -> str:
    """The main playlist with a rung that a function has made, after the others: its `stream` has codecs, `peak` and
    `mean` in bit/s, and `fps`. Sound and captions are those of the first variant, whose sound is counted as
    :data:`SOUND_BITRATE`."""
    lines, uri = main.splitlines(), f"{output['name']}.m3u8"
    first = next((line for line in lines if line.startswith(_STREAM)), None)
    if uri in lines or first is None:
        return main
    shared = dict(_ATTRIBUTE.findall(first.removeprefix(_STREAM)))
    sound = [codec for codec in shared.get("CODECS", "").strip('"').split(",") if codec.startswith("mp4a")]
    stream, extra = output["stream"], SOUND_BITRATE if "AUDIO" in shared else 0
    attributes = {
        "BANDWIDTH": str(stream["peak"] + extra),
        "AVERAGE-BANDWIDTH": str(stream["mean"] + extra),
        "CODECS": f'"{",".join([stream["codecs"], *sound])}"',
        "RESOLUTION": f"{output['width']}x{output['height']}",
        "FRAME-RATE": f"{float(Fraction(stream['fps'])):.3f}",
    }
    attributes |= {name: shared[name] for name in ("AUDIO", "SUBTITLES") if name in shared}
    lines += [_STREAM + ",".join(f"{name}={value}" for name, value in attributes.items()), uri]
    return "\n".join(lines) + "\n"


def captions_playlist(uri: str, duration_s: float) -> str:
    """A playlist whose only segment is a WebVTT file of a recording's whole length."""
    lines = [
        "#EXTM3U",
        "#EXT-X-VERSION:6",
        f"#EXT-X-TARGETDURATION:{max(1, math.ceil(duration_s))}",
        "#EXT-X-MEDIA-SEQUENCE:0",
        "#EXT-X-PLAYLIST-TYPE:VOD",
        f"#EXTINF:{duration_s:.3f},",
        uri,
        "#EXT-X-ENDLIST",
    ]
    return "\n".join(lines) + "\n"


def with_captions(main: str, uri: str, language: str | None) -> str:
    """The main playlist with the captions' playlist at `uri`; `language` is a code such as `en-US`."""
    spoken = f'LANGUAGE="{language}",' if language else ""
    media = f'{_MEDIA},GROUP-ID="{GROUP}",NAME="{language or "Captions"}",{spoken}DEFAULT=NO,AUTOSELECT=YES,URI="{uri}"'
    lines: list[str] = []
    is_listed = False
    for line in main.splitlines():
        if line.startswith(_MEDIA):
            continue
        if line.startswith(_STREAM):
            if not is_listed:
                lines.append(media)
                is_listed = True
            if "SUBTITLES=" not in line:
                line += f',SUBTITLES="{GROUP}"'
        lines.append(line)
    return "\n".join(lines) + "\n"
