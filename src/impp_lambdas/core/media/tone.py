"""Tone mapping of high dynamic range to BT.709, as a table for FFmpeg's filter `lut3d`.

Pictures of ITU-R BT.2100 (PQ, HLG) have values that a player of standard range shows washed out. The light of each is
computed (BT.2100-2, tables 4 and 5), its primaries become BT.709's (BT.2087-0), highlights are compressed by Hable's
curve, as FFmpeg's `tonemap=hable` and the local MediaConvert do it, and BT.709's transfer function is applied.
"""

from __future__ import annotations

from functools import lru_cache

PQ, HLG = 16, 18
"""Transfer functions (ISO/IEC 23091-2)."""
CURVES = frozenset({PQ, HLG})
SIDE = 25
"""Values per channel; `lut3d` interpolates between them."""
WHITE_NITS = 203.0
"""Luminance of white paper in HDR (ITU-R BT.2408-7)."""
HLG_PEAK_NITS, PQ_PEAK_NITS = 1000.0, 1000.0
"""Luminance that becomes the brightest value: HLG's nominal display, and what most HDR10 is graded for."""
_TO_709 = ((1.6605, -0.5876, -0.0728), (-0.1246, 1.1329, -0.0083), (-0.0182, -0.1006, 1.1187))


@lru_cache(maxsize=2)
def cube(transfer: int) -> str:
    """The table for a transfer function, in Adobe's format .cube (red changes fastest)."""
    light = [_light(transfer, n / (SIDE - 1)) for n in range(SIDE)]
    lines = [f"LUT_3D_SIZE {SIDE}"]
    for blue in light:
        for green in light:
            for red in light:
                lines.append("{:.5f} {:.5f} {:.5f}".format(*_mapped(transfer, red, green, blue)))
    return "\n".join(lines) + "\n"


def _light(transfer: int, value: float) -> float:
    """PQ: nits of the display. HLG: light of the scene from 0 to 1."""
    if transfer == PQ:
        root = value ** (1 / 78.84375)
        return float(10_000 * (max(root - 0.8359375, 0) / (18.8515625 - 18.6875 * root)) ** (1 / 0.1593017578125))
    if value <= 0.5:
        return value * value / 3
    return float((2.718281828459045 ** ((value - 0.55991073) / 0.17883277) + 0.28466892) / 12)


def _mapped(transfer: int, red: float, green: float, blue: float) -> list[float]:
    peak = PQ_PEAK_NITS
    if transfer == HLG:  # the display's light depends on the luminance of the scene
        peak = HLG_PEAK_NITS
        gain = peak * max(1e-6, 0.2627 * red + 0.678 * green + 0.0593 * blue) ** 0.2
        red, green, blue = red * gain, green * gain, blue * gain
    linear = [max(0.0, (row[0] * red + row[1] * green + row[2] * blue) / WHITE_NITS) for row in _TO_709]
    brightest = max(*linear, 1e-9)
    scale = min(1.0, _hable(brightest) / _hable(peak / WHITE_NITS)) / brightest
    return [_bt709(min(1.0, channel * scale)) for channel in linear]


def _hable(x: float) -> float:
    return (x * (0.15 * x + 0.05) + 0.004) / (x * (0.15 * x + 0.5) + 0.06) - 0.02 / 0.3


def _bt709(light: float) -> float:
    return 4.5 * light if light < 0.018 else float(1.099 * light**0.45 - 0.099)
