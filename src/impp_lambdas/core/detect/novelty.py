"""When a picture shows another scene than the pictures that are known."""

from __future__ import annotations

DISTINCT_BITS = 8
"""Frames whose hashes differ in fewer bits show the same scene. The usual near-duplicate bound is 10; it is lower here
because a dash cam's bonnet and timestamp are the same in every scene."""
QUIET_S = 60.0
"""An unchanged scene is still looked at once per minute: the hash misses a small person."""
