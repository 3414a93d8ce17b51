"""A display matrix is a mirroring and a rotation, whatever its scale."""

from __future__ import annotations

import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from impp_footage import orientation


@pytest.mark.parametrize("is_mirrored", [False, True])
@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
@pytest.mark.parametrize(("scale", "off"), [(1.0, 0.0), (65536.0, 0.9), (0.01, -0.9)])
def test_a_matrix_is_a_mirroring_and_a_rotation(rotation: int, is_mirrored: bool, scale: float, off: float) -> None:
    angle = math.radians(rotation + off)
    a, b = scale * math.cos(angle), scale * math.sin(angle)
    mirrored = -1 if is_mirrored else 1
    assert orientation.of_matrix(mirrored * a, mirrored * b, -b, a) == (rotation, is_mirrored)


@pytest.mark.parametrize("degrees", [45, 91.5, 200])
def test_an_angle_between_quarter_turns_is_no_rotation(degrees: float) -> None:
    a, b = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    assert orientation.of_matrix(a, b, -b, a) == orientation.UPRIGHT


@given(st.lists(st.integers(-(1 << 31), (1 << 31) - 1), min_size=9, max_size=9))
def test_any_matrix_has_an_orientation(values: list[int]) -> None:
    shown = orientation.of_side_data(struct.pack("=9i", *values))
    assert shown.rotation in (0, 90, 180, 270)
    assert orientation.of_side_data(None) == orientation.UPRIGHT
