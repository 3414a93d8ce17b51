"""Which originals the function makes a proxy of in time."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.support.dashcam_facts import FACTS

from impp_lambdas.core.planning.proxy import fits_proxy


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
    assert fits_proxy(facts) is fits
