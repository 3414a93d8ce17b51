"""The price of outputs, compared with the pipeline's quote."""

from __future__ import annotations

import pytest

from impp_lambdas.core.money.ledger import mediaconvert_line
from impp_local.services.mediaconvert.plan import Rendition
from impp_local.services.mediaconvert.tiers import charge


def rendition(
    width: int | None, height: int | None, fps: float, codec: str | None = "H_264", passes: str = ""
) -> Rendition:
    return Rendition(
        group=0,
        bucket="bucket",
        key_prefix="key",
        extension="mp4",
        folder="0-0",
        main_file="output.mp4",
        arguments=(),
        codec=codec,
        passes=passes,
        width=width,
        height=height,
        fps=fps,
    )


@pytest.mark.parametrize(
    "width, height, fps, seconds",
    [
        (1280, 544, 25, 4.0),
        (720, 1280, 29.97, 61.2),
        (1920, 1080, 60, 30.0),
        (3840, 2160, 30, 90.5),
        (None, None, 0, 12),
    ],
)
def test_basic_outputs_are_charged_as_quoted(width: int | None, height: int | None, fps: float, seconds: float) -> None:
    line = mediaconvert_line(width, height, fps, seconds)
    codec = "H_264" if width else None
    assert charge(rendition(width, height, fps, codec, "SINGLE_PASS_HQ"), seconds) == (line.item, line.quantity)


def test_professional_outputs_cost_more() -> None:
    assert charge(rendition(1920, 1080, 30, "H_265"), 60) == ("pro_base", 4)
    assert charge(rendition(640, 360, 60, "H_265"), 60) == ("pro_base", 4)
    assert charge(rendition(640, 360, 25, "H_264", "MULTI_PASS_HQ"), 60) == ("pro_base", 2)
    assert charge(rendition(640, 360, 0, "FRAME_CAPTURE"), 0) == ("audio_only", 10 / 60)
