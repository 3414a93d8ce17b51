"""The main playlist of a CMAF group: variants with pictures, and rendition groups of sound (RFC 8216, 4.3.4).

GROUP-ID and AUDIO are the job's `AudioGroupId` and `AudioRenditionSets`, as the API's model explains them
(`CmfcSettings`). Which names MediaConvert chooses without them is not documented, so `settings` requires them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from impp_engines.media import open_media
from impp_local.engines.video import DEMUXERS
from impp_local.services.mediaconvert.plan import Rendition

_BYTERANGE = re.compile(r"#EXTINF:([\d.]+),.*\n#EXT-X-BYTERANGE:(\d+)")
_AAC_LC = "mp4a.40.2"


def main_playlist(outputs: Sequence[tuple[Rendition, Path]]) -> str:
    """The playlist of a group's outputs, each with the folder of its files."""
    text = "#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-INDEPENDENT-SEGMENTS\n"
    rates: dict[str, tuple[int, int]] = {}
    for rendition, folder in outputs:
        if not rendition.width:
            name, group = _name(rendition), rendition.audio_group
            rates[group] = _rates(folder)
            text += f'#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="{group}",NAME="{name}",'
            text += f'DEFAULT=YES,AUTOSELECT=YES,URI="{name}.m3u8"\n'
    for rendition, folder in outputs:
        if rendition.width:
            text += _variant(rendition, folder, rates.get(rendition.audio_group))
    return text


def _variant(rendition: Rendition, folder: Path, sound: tuple[int, int] | None) -> str:
    """A variant's two lines, with the highest and mean bit/s of its `sound`."""
    most, mean = (sum(pair) for pair in zip(_rates(folder), sound or (0, 0), strict=True))
    codecs = ",".join([_avc(folder), *([_AAC_LC] if sound else [])])
    text = (
        f"#EXT-X-STREAM-INF:BANDWIDTH={most},AVERAGE-BANDWIDTH={mean},"
        f'CODECS="{codecs}",RESOLUTION={rendition.width}x{rendition.height},FRAME-RATE={rendition.fps:.3f}'
    )
    text += f',AUDIO="{rendition.audio_group}"' if sound else ""
    return f"{text}\n{_name(rendition)}.m3u8\n"


def _name(rendition: Rendition) -> str:
    return rendition.key_prefix.rpartition("/")[2]


def _rates(folder: Path) -> tuple[int, int]:
    """Highest and mean bit/s of a track's segments."""
    segments = [(float(s), int(size)) for s, size in _BYTERANGE.findall((folder / "index.m3u8").read_text())]
    seconds = sum(length for length, _ in segments)
    highest = max((8 * size / length for length, size in segments if length), default=0.0)
    return round(highest), round(8 * sum(size for _, size in segments) / max(seconds, 0.001))


def _avc(folder: Path) -> str:
    """The codec by RFC 6381: profile, constraints and level from the decoder configuration record."""
    with open_media(folder / "index.cmfv", DEMUXERS) as container:
        return f"avc1.{bytes(container.streams.video[0].codec_context.extradata or b'')[1:4].hex().upper()}"
