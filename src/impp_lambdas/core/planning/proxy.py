"""Whether a function makes the proxy of an original in its time, or MediaConvert must."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from impp_lambdas.core.intake.facts import Facts

LIMIT_S = 900.0
"""Longest run of a function (docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html)."""
SHARE = 0.6
"""Part of the limit that an estimate may use: footage differs, and so do machines."""
START_S = 6.0
SECONDS_PER_GIGAPIXEL = 3.2
"""Of decoded picture, scaling included. `benchmarks/proxy_bench.py` measures 17 to 19 s of one busy core per minute of
1080p30 at 12 Mbit/s, of which this is 12 (3.7 gigapixels)."""
SECONDS_PER_MINUTE = 1.5
"""Of length: encoding 480p15 and AAC."""
SECONDS_PER_GB = 30.0
"""Of the original: entropy decoding, and reading at 50 MB/s."""
MACHINE = 1.5
"""How much longer a Graviton core takes than the development machine's: assumed, not measured."""
CODECS = {"h264": 1.0, "mpeg2": 0.6, "mjpeg": 1.2, "hevc": 1.6, "vp9": 1.5, "av1": 2.5}
OTHER_CODEC = 3.0
"""Of a codec without a measurement, such as ProRes."""
USUAL_FPS = 30.0


def seconds(facts: Facts) -> float:
    """Estimated run time of the function that makes the proxy."""
    if facts.kind != "video" or not facts.width or not facts.height:
        return START_S + MACHINE * (SECONDS_PER_MINUTE / 3 * facts.duration_s / 60 + SECONDS_PER_GB * facts.bytes / 1e9)
    pixels = facts.width * facts.height * (facts.fps or USUAL_FPS) * facts.duration_s
    decoding = SECONDS_PER_GIGAPIXEL * pixels / 1e9 * CODECS.get(facts.video_codec or "", OTHER_CODEC)
    rest = SECONDS_PER_MINUTE * facts.duration_s / 60 + SECONDS_PER_GB * facts.bytes / 1e9
    return START_S + MACHINE * (decoding + rest)


def fits_proxy(facts: Facts) -> bool:
    """Whether the function makes the proxy within its time. A length that is unknown does not."""
    return facts.duration_s > 0 and seconds(facts) <= SHARE * LIMIT_S
