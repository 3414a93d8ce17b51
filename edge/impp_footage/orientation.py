"""How a stored picture is shown: mirrored or not, then rotated by quarter turns.

Cameras state it as a display matrix (ISO/IEC 14496-12, 6.2.2: the point `(x, y)` is shown at `(ax + cy, bx + dy)`) or
as Exif's Orientation.
"""

from __future__ import annotations

import math
import struct
from typing import NamedTuple


class Orientation(NamedTuple):
    """`rotation` is 0, 90, 180 or 270 degrees clockwise; `is_mirrored`: left and right are swapped before that."""

    rotation: int = 0
    is_mirrored: bool = False


UPRIGHT = Orientation()

OF_EXIF = {
    1: UPRIGHT,
    2: Orientation(0, True),
    3: Orientation(180),
    4: Orientation(180, True),
    5: Orientation(270, True),
    6: Orientation(90),
    7: Orientation(90, True),
    8: Orientation(270),
}
"""By Exif's tag Orientation (CIPA DC-008, 4.6.4)."""


def of_matrix(a: float, b: float, c: float, d: float) -> Orientation:
    """The orientation by a display matrix of any scale.

    A negative determinant mirrors. The second column is the same with and without a swap of left and right before the
    rotation, so the angle is that column's.
    """
    return Orientation(right_angle(math.degrees(math.atan2(-c, d))), a * d - b * c < 0)


def of_side_data(matrix: bytes | None) -> Orientation:
    """The orientation by a frame's side data DISPLAYMATRIX, nine native 32-bit integers (libavutil/display.h)."""
    if not matrix:
        return UPRIGHT
    a, b, _, c, d = struct.unpack_from("=5i", matrix)
    return of_matrix(a, b, c, d)


def right_angle(degrees: float) -> int:
    """The clockwise quarter turns, in degrees, within one degree of an angle; 0 for any other angle.

    MediaConvert's rule for `Rotate: AUTO` (API reference, InputRotate).
    """
    nearest = round(degrees / 90) * 90
    return nearest % 360 if abs(degrees - nearest) <= 1 else 0
