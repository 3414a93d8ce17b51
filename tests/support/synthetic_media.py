"""Small media files made with PyAV: distinct scenes, speech or noise, and the oddities of cameras."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

RATE = 16_000
FAST_AAC = {"aac_coder": "fast"}
"""ffmpeg's other method takes 50 ms per second of sound."""
Picture = NDArray[np.uint8]


def scene(number: int, width: int, height: int) -> Picture:
    """A still scene of coloured blocks, different for each number."""
    rng = np.random.default_rng(number)
    blocks = rng.integers(20, 235, (6, 8, 3), dtype=np.uint8)
    picture = np.kron(blocks, np.ones((-(-height // 6), -(-width // 8), 1), dtype=np.uint8))
    return np.ascontiguousarray(picture[:height, :width])


def speech(seconds: float, seed: int = 1) -> NDArray[np.int16]:
    """A voice by formant synthesis: a gliding pitch, three resonances, four syllables a second, pauses."""
    rng = np.random.default_rng(seed)
    n = round(seconds * RATE)
    t = np.arange(n) / RATE
    pitch = np.cumsum(120 + 25 * np.sin(2 * np.pi * 0.7 * t)) / RATE
    source = sum(np.cos(2 * np.pi * k * pitch) / k for k in range(1, 25))
    out = np.zeros(n)
    for syllable in range(math.ceil(seconds * 4)):
        a, b = syllable * RATE // 4, min((syllable + 1) * RATE // 4, n)
        if syllable % 5 == 4 or b - a < 200:
            continue
        piece = np.fft.rfft(source[a:b])
        f = np.fft.rfftfreq(b - a, 1 / RATE)
        gain = sum(1 / (1 + ((f - centre) / 90) ** 2) for centre in rng.uniform((350, 900, 2300), (800, 1900, 2900)))
        out[a:b] = np.fft.irfft(piece * gain, b - a) * np.hanning(b - a)
    noise = rng.normal(0, 12, n)
    return np.asarray(np.clip(out / np.abs(out).max() * 9000 + noise, -32768, 32767), dtype=np.int16)


def hum(seconds: float) -> NDArray[np.int16]:
    """An engine: 50 Hz, 100 Hz and dull noise, which WebRTC's detector alone takes for speech."""
    rng = np.random.default_rng(3)
    t = np.arange(round(seconds * RATE)) / RATE
    noise = np.convolve(rng.normal(0, 9000, t.size), np.ones(60) / 60, "same")
    return np.asarray(2500 * np.sin(2 * np.pi * 50 * t) + 1500 * np.sin(2 * np.pi * 100 * t) + noise, dtype=np.int16)


def clicks(seconds: float) -> NDArray[np.int16]:
    """An indicator: 30 ms of noise every 0.7 s over near silence."""
    rng = np.random.default_rng(4)
    t = np.arange(round(seconds * RATE)) / RATE
    return np.asarray(rng.normal(0, 10, t.size) + rng.normal(0, 6000, t.size) * (t % 0.7 < 0.03), dtype=np.int16)


def movie(
    pictures: Sequence[Picture] = (),
    *,
    fps: float = 10,
    times: Sequence[float] | None = None,
    sound: NDArray[np.int16] | None = None,
    gop: int = 10,
    container: str = "mp4",
    codec: str = "libx264",
    aspect: Fraction | None = None,
    options: dict[str, str] | None = None,
) -> bytes:
    """A file with pictures (`times` makes their rate variable), mono 16 kHz sound, or both."""
    with TemporaryDirectory() as folder:  # a file on disk: fast start reads what it has written
        path = Path(folder) / "movie"
        with av.open(str(path), "w", format=container, options=options or {}) as file:
            video = audio = None
            if pictures:
                video = file.add_stream(codec, rate=Fraction(fps).limit_denominator(1000))
                video.height, video.width = pictures[0].shape[:2]
                video.pix_fmt, video.gop_size = "yuv420p", gop
                video.codec_context.time_base = video.time_base = Fraction(1, 1000)
                if codec == "libx264":
                    video.options = {"preset": "ultrafast", "sc_threshold": "0"}
                if aspect:
                    video.sample_aspect_ratio = aspect
            if sound is not None:
                audio = file.add_stream("aac", rate=RATE, layout="mono", options=FAST_AAC)
            if video is not None:
                _write_pictures(file, video, pictures, times or [i / fps for i in range(len(pictures))])
            if audio is not None and sound is not None:
                _write_sound(file, audio, sound)
        return path.read_bytes()


def _write_pictures(file: Any, stream: Any, pictures: Sequence[Picture], times: Sequence[float]) -> None:
    for picture, time in zip(pictures, times, strict=True):
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
        frame.pts, frame.time_base = round(time * 1000), Fraction(1, 1000)
        file.mux(stream.encode(frame))
    file.mux(stream.encode(None))


def _write_sound(file: Any, stream: Any, sound: NDArray[np.int16]) -> None:
    samples = av.AudioFrame.from_ndarray(sound[np.newaxis, :], format="s16", layout="mono")
    samples.sample_rate, samples.pts, samples.time_base = RATE, 0, Fraction(1, RATE)
    file.mux(stream.encode(samples))
    file.mux(stream.encode(None))


def scenes(count: int, seconds_each: float, *, fps: float = 10, size: tuple[int, int] = (320, 180)) -> list[Picture]:
    """Frames of `count` scenes, one after the other."""
    return [scene(k, *size) for k in range(count) for _ in range(round(seconds_each * fps))]


def rotated(mp4: bytes, degrees: int) -> bytes:
    """The MP4 with its video track's display matrix turned clockwise, as a phone held upright writes it."""
    return displayed(mp4, {90: (0, 1, -1, 0), 180: (-1, 0, 0, -1), 270: (0, -1, 1, 0)}[degrees])


def displayed(mp4: bytes, matrix: tuple[float, float, float, float]) -> bytes:
    """The MP4 with this display matrix (a, b, c, d) of its video track."""
    at = mp4.index(b"tkhd") + 4
    at += 40 if mp4[at] == 0 else 52
    a, b, c, d = (round(v * 65536) for v in matrix)
    return mp4[:at] + struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30) + mp4[at + 36 :]


def counting(data: bytes) -> tuple[Callable[[int, int], bytes], list[int]]:
    """A fetch function over `data`, and the list to which it appends the bytes of each call."""
    calls: list[int] = []

    def fetch(first: int, last: int) -> bytes:
        calls.append(last - first + 1)
        return data[first : last + 1]

    return fetch, calls
