"""Where lines of text are in a probability map, without a model: components, rectangles, growth, their order."""

from __future__ import annotations

import numpy as np
import pytest

from impp_engines import text
from impp_engines.regions import _components, regions, smallest_rectangle


def bar(angle: float, size: tuple[int, int] = (120, 200), length: float = 90, thick: float = 10) -> np.ndarray:
    """A map with a bar of text in its middle, turned clockwise by `angle` degrees."""
    y, x = np.mgrid[: size[0], : size[1]].astype(np.float32)
    x, y = x - size[1] / 2, y - size[0] / 2
    cos, sin = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    along, across = x * cos + y * sin, y * cos - x * sin
    return np.where((abs(along) <= length / 2) & (abs(across) <= thick / 2), np.float32(0.9), np.float32(0.1))


@pytest.mark.parametrize("angle", [0, 10, -20, 37])
def test_a_line_becomes_a_rectangle_at_its_angle_grown_on_all_sides(angle: float) -> None:
    (region,) = regions(bar(angle))
    top_left, top_right, bottom_right, bottom_left = region.corners
    grown = 90 * 10 * 1.6 / (2 * (90 + 10))
    assert np.linalg.norm(top_right - top_left) == pytest.approx(90 + 2 * grown, abs=7)
    assert np.linalg.norm(bottom_left - top_left) == pytest.approx(10 + 2 * grown, abs=6)
    dx, dy = top_right - top_left
    assert np.degrees(np.arctan2(dy, dx)) == pytest.approx(angle, abs=2)
    assert region.corners.mean(axis=0) == pytest.approx([100, 60], abs=2)
    assert region.score > 0.7
    (ax, ay), (bx, by) = top_right - top_left, bottom_right - top_right
    assert ax * by - ay * bx > 0  # clockwise, y downwards


def test_parts_that_touch_by_a_corner_are_one_region_and_others_are_apart() -> None:
    mask = np.zeros((80, 120), bool)
    mask[10:20, 10:40] = mask[20:30, 40:70] = True  # touch by a corner
    mask[40:60, 80:85] = mask[40:60, 100:105] = mask[60:65, 80:105] = True  # arms that meet at the bottom
    mask[70:75, 10:20] = True
    extents = [(*points.min(axis=0).tolist(), *points.max(axis=0).tolist()) for points in _components(mask)]
    assert sorted(extents) == [(10, 10, 69, 29), (10, 70, 19, 74), (80, 40, 104, 64)]


def test_an_empty_map_has_no_line_and_a_full_one_has_one() -> None:
    assert regions(np.zeros((32, 64), np.float32)) == []
    assert len(regions(np.ones((32, 64), np.float32))) == 1


def test_specks_and_faint_smears_are_no_lines() -> None:
    speckled = np.zeros((64, 64), np.float32)
    speckled[5, 5] = speckled[20:22, 30] = 1
    faint = bar(0) * 0.45
    assert regions(speckled) == [] and regions(faint) == []


@pytest.mark.parametrize("points", [[[3, 4]], [[3, 4], [9, 4]], [[1, 1], [2, 2], [5, 5]]])
def test_points_on_a_line_have_a_flat_rectangle(points: list[list[int]]) -> None:
    corners = smallest_rectangle(np.array(points))
    assert corners.shape == (4, 2)
    assert corners.min(axis=0) == pytest.approx(np.min(points, axis=0), abs=1e-4)
    assert corners.max(axis=0) == pytest.approx(np.max(points, axis=0), abs=1e-4)


def test_the_smallest_rectangle_is_no_larger_than_any_turned_by_a_degree() -> None:
    points = np.random.default_rng(7).integers(0, 60, (40, 2))
    corners = smallest_rectangle(points)
    area = np.linalg.norm(corners[1] - corners[0]) * np.linalg.norm(corners[2] - corners[1])
    for degrees in range(90):
        turn = np.radians(degrees)
        u = points @ [np.cos(turn), np.sin(turn)]
        v = points @ [-np.sin(turn), np.cos(turn)]
        assert area <= np.ptp(u) * np.ptp(v) + 1e-3


def test_lines_are_in_order_of_rows_then_columns() -> None:
    def at(x: float, y: float) -> np.ndarray:
        return np.array([[x, y], [x + 5, y], [x + 5, y + 5], [x, y + 5]], np.float32)

    ordered = text._in_rows([at(50, 3), at(0, 40), at(0, 8), at(20, 0)])
    assert [(float(quad[0, 0]), float(quad[0, 1])) for quad in ordered] == [(0, 8), (20, 0), (50, 3), (0, 40)]
    assert text._in_rows([]) == []


def test_ctc_drops_repetitions_and_blanks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "_letters", lambda: ["", "a", "b", " "])
    steps = [0, 1, 1, 0, 1, 3, 3, 2, 2, 0]  # a a (a twice in a row is one), then a space and b
    probability = np.full((len(steps), 4), 0.05, np.float32)
    probability[np.arange(len(steps)), steps] = 0.8
    assert text._decoded(probability) == ("aa b", pytest.approx(0.8))
    assert text._decoded(np.eye(4, dtype=np.float32)[[0, 0]]) == ("", 0.0)
