"""Adds captions to an HLS presentation that was encoded without them.

Transcription and encoding end in any order, so Publish, which waits for both, writes the captions' own playlist and
refers to it from the main one (RFC 8216, 4.3.4.1 and 4.3.4.2.1). Idempotent.
"""

from __future__ import annotations

import math

GROUP = "captions"
_STREAM, _MEDIA = "#EXT-X-STREAM-INF:", "#EXT-X-MEDIA:TYPE=SUBTITLES"


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
