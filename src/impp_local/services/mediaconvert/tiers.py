"""The price of an output, by the price book."""

from __future__ import annotations

from impp_lambdas.core.money.ledger import mediaconvert_line
from impp_local.services.mediaconvert.plan import Rendition

_PROFESSIONAL = {"sd": 2, "hd": 4, "4k": 8}
"""Normalized minutes per minute of H.265 up to 30 frames/s, in units of the Professional tier's base rate."""


def charge(rendition: Rendition, seconds: float) -> tuple[str, float]:
    """Price-book item and its quantity in (normalized) minutes for one output of `seconds`.

    H.264 in one pass is the Basic tier; H.265 and more than one pass are Professional, at twice the quantity above 30
    frames/s. Frame captures are priced as audio only: the price book has no item for them.
    """
    size = (rendition.width, rendition.height) if rendition.codec != "FRAME_CAPTURE" else (None, None)
    basic = mediaconvert_line(*size, rendition.fps, seconds)
    if rendition.codec != "H_265" and rendition.passes != "MULTI_PASS_HQ":
        return basic.item, basic.quantity
    factor = _PROFESSIONAL[basic.item.split("_")[1]] * (2 if rendition.fps > 30 else 1)
    return "pro_base", basic.quantity * factor
