"""Finds lines of text in the probability map of a DB network: connected regions, the smallest rotated rectangle around
each, its score, and its growth to the size of the letters.

As in the reference post-processing (github.com/PaddlePaddle/PaddleOCR, `ppocr/postprocess/db_postprocess.py`), which
needs OpenCV, shapely and pyclipper.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

THRESHOLD, BOX_THRESHOLD, GROWTH = 0.3, 0.5, 1.6
"""Probability of a pixel of text, mean probability of a line, and by how much the network shrinks lines: as `rapidocr`
sets them for PP-OCRv6."""
_MIN_SIDE = 3
_MOST = 1000


@dataclass(frozen=True)
class Region:
    """A line of text: `score` 0..1, corners (4 x 2: x, y) from top left, clockwise, in pixels of the map."""

    score: float
    corners: Floats


def regions(probability: Floats) -> list[Region]:
    """The lines of text in a map (height x width, 0..1)."""
    mask = probability > THRESHOLD
    # Dilation by 2 x 2 joins letters that a thin gap separates.
    mask[:, 1:] |= mask[:, :-1].copy()
    mask[1:] |= mask[:-1].copy()
    result = []
    for points in _components(mask)[:_MOST]:
        corners = smallest_rectangle(points)
        if _shorter_side(corners) < _MIN_SIDE:
            continue
        score = _mean_inside(probability, corners)
        if score < BOX_THRESHOLD:
            continue
        grown = _grown(corners)
        if _shorter_side(grown) >= _MIN_SIDE + 2:
            result.append(Region(score, grown))
    return result


def _components(mask: NDArray[np.bool_]) -> list[NDArray[np.int64]]:
    """For each connected region (8 neighbours) the ends (x, y) of its runs in all rows, which include its outline's
    corners."""
    padded = np.zeros((mask.shape[0], mask.shape[1] + 2), np.int8)
    padded[:, 1:-1] = mask
    change = np.diff(padded, axis=1)
    row, first = np.nonzero(change == 1)
    _, after = np.nonzero(change == -1)
    if not len(row):
        return []
    parent = list(range(len(row)))
    rows, starts, ends = row.tolist(), first.tolist(), after.tolist()
    above = 0
    for run in range(len(rows)):
        # Runs are in order of rows and columns: those that end before this one starts touch no later run of this row.
        while above < run and (
            rows[above] < rows[run] - 1 or (rows[above] == rows[run] - 1 and ends[above] < starts[run])
        ):
            above += 1
        other = above
        while other < run and rows[other] == rows[run] - 1 and starts[other] <= ends[run]:
            _join(parent, run, other)
            other += 1
    root = np.array([_root(parent, run) for run in range(len(rows))])
    order = np.argsort(root, kind="stable")
    bounds = np.flatnonzero(np.diff(root[order])) + 1
    ends_of_runs = np.stack([np.stack([first, row], 1), np.stack([after - 1, row], 1)], 1)
    return [part.reshape(-1, 2) for part in np.split(ends_of_runs[order], bounds)]


def _root(parent: list[int], run: int) -> int:
    while parent[run] != run:
        parent[run] = parent[parent[run]]
        run = parent[run]
    return run


def _join(parent: list[int], a: int, b: int) -> None:
    a, b = _root(parent, a), _root(parent, b)
    parent[max(a, b)] = min(a, b)


def smallest_rectangle(points: NDArray[np.int64]) -> Floats:
    """The corners of the rectangle of least area around the points, from top left, clockwise.

    One of its sides lies on a side of the points' hull, so each of those is tried.
    """
    hull = _hull(points)
    side = np.roll(hull, -1, axis=0) - hull
    length = np.hypot(side[:, 0], side[:, 1])
    if len(hull) < 2 or not length.any():
        return np.repeat(hull[:1], 4, axis=0).astype(np.float32)
    along = side[length > 0] / length[length > 0, None]
    across = np.stack([-along[:, 1], along[:, 0]], axis=1)
    u, v = along @ hull.T, across @ hull.T
    low_u, high_u, low_v, high_v = u.min(axis=1), u.max(axis=1), v.min(axis=1), v.max(axis=1)
    best = int(np.argmin((high_u - low_u) * (high_v - low_v)))
    corners = [
        x * along[best] + y * across[best]
        for x, y in (
            (low_u[best], low_v[best]),
            (high_u[best], low_v[best]),
            (high_u[best], high_v[best]),
            (low_u[best], high_v[best]),
        )
    ]
    return _from_top_left(np.array(corners, np.float32))


def _hull(points: NDArray[np.int64]) -> NDArray[np.float64]:
    """The convex hull of points (Andrew's monotone chain)."""
    ordered = sorted(set(map(tuple, points.tolist())))
    if len(ordered) < 3:
        return np.array(ordered, np.float64)

    def half(path: list[tuple[int, ...]]) -> list[tuple[int, ...]]:
        chain: list[tuple[int, ...]] = []
        for x, y in path:
            while len(chain) > 1:
                (ax, ay), (bx, by) = chain[-2:]
                if (bx - ax) * (y - ay) - (by - ay) * (x - ax) > 0:
                    break
                chain.pop()
            chain.append((x, y))
        return chain[:-1]

    return np.array(half(ordered) + half(ordered[::-1]), np.float64)


def _from_top_left(corners: Floats) -> Floats:
    """The four corners in the order top left, top right, bottom right, bottom left: of the two on the left, the upper
    one is first."""
    by_x = corners[np.argsort(corners[:, 0], kind="stable")]
    top_left, bottom_left = by_x[:2][np.argsort(by_x[:2, 1], kind="stable")]
    top_right, bottom_right = by_x[2:][np.argsort(by_x[2:, 1], kind="stable")]
    return np.stack([top_left, top_right, bottom_right, bottom_left])


def _shorter_side(corners: Floats) -> float:
    return float(min(np.linalg.norm(corners[0] - corners[1]), np.linalg.norm(corners[1] - corners[2])))


def _mean_inside(values: Floats, corners: Floats) -> float:
    """The mean of the values inside a rectangle, its border included."""
    height, width = values.shape
    left, top = (max(0, int(np.floor(side))) for side in corners.min(axis=0))
    right, bottom = (int(np.ceil(side)) + 1 for side in corners.max(axis=0))
    y, x = np.mgrid[top : min(bottom, height), left : min(right, width)]
    inside = np.ones(y.shape, bool)
    for (ax, ay), (bx, by) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        inside &= (bx - ax) * (y - ay) - (by - ay) * (x - ax) >= -0.5 * max(abs(bx - ax), abs(by - ay))
    part = values[top:bottom, left:right][inside]
    return float(part.mean()) if part.size else 0.0


def _grown(corners: Floats) -> Floats:
    """The rectangle, each side moved outwards by area x `GROWTH` / perimeter."""
    top_left, top_right, bottom_right, bottom_left = corners
    along, across = top_right - top_left, bottom_left - top_left
    width, height = float(np.linalg.norm(along)), float(np.linalg.norm(across))
    distance = width * height * GROWTH / (2 * (width + height))
    dx, dy = along / width * distance, across / height * distance
    grown = [top_left - dx - dy, top_right + dx - dy, bottom_right + dx + dy, bottom_left - dx + dy]
    return np.array(grown, np.float32)
