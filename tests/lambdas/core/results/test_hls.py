"""Captions of an HLS presentation."""

from __future__ import annotations

from impp_lambdas.core.results import hls

MAIN = (
    "#EXTM3U\n#EXT-X-VERSION:6\n"
    '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="x",URI="hls-audio.m3u8"\n'
    '#EXT-X-STREAM-INF:BANDWIDTH=2,AUDIO="a"\nhls-1080.m3u8\n'
    '#EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO="a"\nhls-480.m3u8\n'
)


def test_every_variant_refers_to_the_captions_however_often_they_are_added() -> None:
    text = hls.with_captions(MAIN, "captions.m3u8", "de-DE")
    assert text.count(',SUBTITLES="captions"') == 2 and text.count("TYPE=SUBTITLES") == 1
    assert 'LANGUAGE="de-DE"' in text and 'URI="captions.m3u8"' in text
    assert text.index("TYPE=SUBTITLES") < text.index("#EXT-X-STREAM-INF")
    assert hls.with_captions(text, "captions.m3u8", "de-DE") == text
    without = [line.removesuffix(',SUBTITLES="captions"') for line in text.splitlines() if "TYPE=SUBTITLES" not in line]
    assert "\n".join(without) + "\n" == MAIN


def test_the_captions_are_one_segment_of_the_whole_length() -> None:
    text = hls.captions_playlist("../captions.vtt", 61.2)
    assert "#EXT-X-TARGETDURATION:62\n" in text and "#EXTINF:61.200,\n../captions.vtt\n" in text
