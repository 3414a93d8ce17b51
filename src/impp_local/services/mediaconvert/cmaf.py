"""The main playlist of a CMAF group: variants with pictures, and one rendition group of sound (RFC 8216, 4.3.4)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from impp_engines.media import open_media
from impp_local.engines.video import DEMUXERS
from impp_local.services.mediaconvert.plan import Rendition

_GROUP = "program_audio_0"
"""MediaConvert's name for the audio group of outputs that name none, in published playlists of its jobs."""
_BYTERANGE = re.compile(r"#EXTINF:([\d.]+),.*\n#EXT-X-BYTERANGE:(\d+)")
_AAC_LC = "mp4a.40.2"


def main_playlist(outputs: Sequence[tuple[Rendition, Path]]) -> str:
    """The playlist of a group's outputs, each with the folder of its files."""
    text = "#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-INDEPENDENT-SEGMENTS\n"
    sounds = [(r, folder) for r, folder in outputs if not r.width]
    for number, (rendition, _) in enumerate(sounds):
        is_default = "NO" if number else "YES"
        text += (
            f'#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="{_GROUP}",NAME="{_name(rendition)}",DEFAULT={is_default},'
            f'AUTOSELECT=YES,URI="{_name(rendition)}.m3u8"\n'
        )
    sound_rates = [_rates(folder) for _, folder in sounds]
    peak, average = (max((rates[n] for rates in sound_rates), default=0) for n in (0, 1))
    for rendition, folder in outputs:
        if not rendition.width:
            continue
        most, mean = _rates(folder)
        codecs = ",".join([_avc(folder), *([_AAC_LC] if sounds else [])])
        text += (
            f"#EXT-X-STREAM-INF:BANDWIDTH={most + peak},AVERAGE-BANDWIDTH={mean + average},"
            f'CODECS="{codecs}",RESOLUTION={rendition.width}x{rendition.height},FRAME-RATE={rendition.fps:.3f}'
        )
        text += f',AUDIO="{_GROUP}"\n' if sounds else "\n"
        text += f"{_name(rendition)}.m3u8\n"
    return text


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
