"""Which originals the function makes a proxy of in time."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.support.dashcam_facts import FACTS

from impp_lambdas.core.planning.proxy import fitting_tracks


@pytest.mark.parametrize(
    ("minutes", "width", "height", "codec", "fits"),
    [
        (1, 1920, 1080, "h264", True),
        (20, 1920, 1080, "h264", True),
        (60, 1920, 1080, "h264", False),
        (3, 3840, 2160, "hevc", True),
        (15, 3840, 2160, "hevc", False),
        (1, 3840, 2160, "prores", True),
        (0, 1920, 1080, "h264", False),  # a length that is unknown
        (60, None, None, None, True),  # sound alone
    ],
)
def test_length_size_and_codec_decide(
    minutes: int, width: int | None, height: int | None, codec: str | None, fits: bool
) -> None:
    kind = "video" if width else "audio"
    size = round(90_000_000 * minutes) if width else 60_000_000
    facts = replace(
        FACTS, kind=kind, duration_s=60.0 * minutes, width=width, height=height, video_codec=codec, bytes=size
    )
    assert fitting_tracks(facts) == fits
    assert fitting_tracks(replace(facts, video_tracks=2)) in ((2, 1) if fits and width else (fits,))


def test_all_cameras_of_a_short_clip_fit_and_of_a_long_one_the_first() -> None:
    clip = replace(FACTS, video_tracks=2, width=1920, height=1080, duration_s=60.0)
    assert fitting_tracks(clip) == 2
    assert fitting_tracks(replace(clip, duration_s=1200.0, bytes=1_800_000_000)) == 1
