"""Resamples sound whose rate or channels may change in the midst of a file."""

from __future__ import annotations

from typing import Any

import av


class Resampler:
    """FFmpeg's resampler, and a new one for each change: it refuses frames that differ from its first one."""

    def __init__(self, form: str, layout: str, rate: int) -> None:
        self._wanted: dict[str, Any] = {"format": form, "layout": layout, "rate": rate}
        self._shape: tuple[str, str, int] | None = None
        self._inner: Any = None

    def resample(self, frame: av.AudioFrame) -> list[av.AudioFrame]:
        """The frame's sound in the wanted form, and what was left of the sound before a change."""
        rest: list[av.AudioFrame] = []
        shape = (frame.format.name, frame.layout.name, frame.sample_rate)
        if shape != self._shape:
            rest = self._inner.resample(None) if self._inner else []
            self._shape, self._inner = shape, av.AudioResampler(**self._wanted)
        pieces: list[av.AudioFrame] = self._inner.resample(frame)
        return [*rest, *pieces]
