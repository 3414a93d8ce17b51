"""Whether a function makes the proxy of an original, or a rung of its HLS presentation, or MediaConvert must.

The quote uses the estimate, too. Seconds are those of one core of the development machine (x86-64, AMD EPYC)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from impp_lambdas.core.intake.facts import Facts

LIMIT_S = 900.0
"""Longest run of a function (docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html)."""
SHARE = 0.6
"""Part of the limit that an estimate may use: footage differs, and so do machines."""
MOST_TRACKS = 4
"""Most cameras whose pictures are in one file."""
START_S = 1.3
"""Until the first picture is decoded: a child process and its libraries."""
SECONDS_PER_GIGAPIXEL = 3.4
"""Of decoded picture, scaling included. `benchmarks/proxy_bench.py` measures 17 to 19 s of one busy core per minute of
1080p30 at 12 Mbit/s, of which this is 12 (3.7 gigapixels)."""
SECONDS_PER_MINUTE = 0.5
"""Of length: encoding 480p15 and AAC."""
RUNG_SECONDS_PER_MINUTE = 8.0
"""Of length: encoding 480p30 of a rung. A minute of 1080p30 at 12 Mbit/s took 22.4 s in all."""
ATTEMPT_S = 840.0
"""What an attempt of a rung uses of its 900 s, at most."""
MOST_ATTEMPTS = 12
"""Runs of the function for a rung: some three hours, one after the other."""
SECONDS_PER_GB = 30.0
"""Of the original: entropy decoding, and reading at 50 MB/s."""
GRAVITON = 1.5
"""How much longer a Graviton core takes than the development machine's: assumed, not measured."""
CODECS = {"h264": 1.0, "mpeg2": 0.6, "mjpeg": 1.2, "hevc": 1.6, "vp9": 1.5, "av1": 2.5}
OTHER_CODEC = 3.0
"""Of a codec without a measurement, such as ProRes."""
USUAL_FPS = 30.0


def seconds(facts: Facts, tracks: int = 1) -> float:
    """Estimated run time of the function that makes the proxies of so many tracks, each as large as the first, on the
    development machine."""
    return tracks * _seconds(facts)


def _seconds(facts: Facts) -> float:
    reading, minutes = SECONDS_PER_GB * facts.bytes / 1e9, facts.duration_s / 60
    if facts.kind != "video" or not facts.width or not facts.height:
        return START_S + SECONDS_PER_MINUTE / 3 * minutes + reading
    pixels_per_s = facts.width * facts.height * (facts.fps or USUAL_FPS)
    return START_S + decoding(facts, pixels_per_s * facts.duration_s) + SECONDS_PER_MINUTE * minutes + reading


def decoding(facts: Facts, pixels: float) -> float:
    """Seconds that decoding so many pixels of the original takes on the development machine."""
    return SECONDS_PER_GIGAPIXEL * pixels / 1e9 * CODECS.get(facts.video_codec or "", OTHER_CODEC)


def fitting_tracks(facts: Facts) -> int:
    """Of how many tracks of moving pictures, or of sound alone, the function makes a proxy within its time, at most
    :data:`MOST_TRACKS`. A length that is unknown does not fit."""
    if facts.duration_s <= 0:
        return 0
    tracks = max(1, facts.video_tracks) if facts.kind == "video" else 1
    return min(tracks, MOST_TRACKS, int(SHARE * LIMIT_S / (GRAVITON * _seconds(facts))))


def rung_seconds(facts: Facts) -> float:
    """Estimated run time of the function that makes a rung, all attempts together, on the development machine."""
    pixels = (facts.width or 0) * (facts.height or 0) * (facts.fps or USUAL_FPS) * facts.duration_s
    encoding = RUNG_SECONDS_PER_MINUTE * facts.duration_s / 60
    work = decoding(facts, pixels) + encoding + SECONDS_PER_GB * facts.bytes / 1e9
    return work + START_S * math.ceil(GRAVITON * work / ATTEMPT_S)


def rung_attempts(facts: Facts) -> int:
    """How many runs of the function a rung takes, by the estimate."""
    return math.ceil(GRAVITON * rung_seconds(facts) / ATTEMPT_S)


def fits_rung(facts: Facts) -> bool:
    """Whether a function makes the small rung, for an eighth of what MediaConvert asks, but more slowly.

    MediaConvert makes it where the two would show different pictures: colours of HDR, mirrored pictures (which it
    cannot turn), rates that vary."""
    is_alike = not (facts.is_hdr or facts.is_mirrored or facts.is_variable_rate)
    has_rate = bool(facts.fps) and facts.video_codec in CODECS
    return is_alike and has_rate and facts.duration_s > 0 and rung_attempts(facts) <= MOST_ATTEMPTS
