"""A part of a long file sees its own seconds and does not read what comes before, also where the file has no index."""

from __future__ import annotations

import io
from functools import cache

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.support.difficult_files import AAC, FRAGMENTS, X264, encode, joined, picture, tone

from impp_footage import container_layouts
from impp_footage.container_layouts import search
from impp_lambdas.adapters.ranged import RangedFile
from impp_lambdas.core.media import duration, sections, soundtrack, speech
from impp_lambdas.core.media.duration import measure
from impp_lambdas.core.media.sampling import Limits, Samples, sample

pytestmark = pytest.mark.slow

SECONDS = 90
SCENE = (*picture("320x180", "10", SECONDS), *tone(SECONDS), "-af", f"volume=0:enable='lt(t,{SECONDS - 30})'")
"""A picture, and a tone in its last 30 s."""
OPUS = ("-c:a", "libopus")
VP8 = ("-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "16", "-b:v", "400k", *OPUS)
LIVE = ("-live", "1", "-f")
KINDS = {
    "Matroska with cues": ("mkv", *X264, *AAC),
    "Matroska of a killed recorder": ("mkv", *X264, *AAC, *LIVE, "matroska"),
    "WebM of MediaRecorder": ("webm", *VP8, "-g", "20", *LIVE, "webm"),
    "killed, with a keyframe in 20 s": ("mkv", *X264, "-g", "200", *AAC, *LIVE, "matroska"),
    "fragmented MP4": ("mp4", *X264, *AAC, *FRAGMENTS),
    "FLV": ("flv", *X264, *AAC),
    "FLV with a list of keyframes": ("flv", *X264, *AAC, "-flvflags", "add_keyframe_index"),
    "FLV that states nothing": ("flv", *X264, "-c:a", "libmp3lame", "-flvflags", "no_metadata+no_duration_filesize"),
    "FLV of HEVC": (
        "flv",
        "-c:v",
        "libx265",
        "-preset",
        "ultrafast",
        "-x265-params",
        "log-level=error:keyint=20",
        *AAC,
    ),
    "transport stream": ("ts", *X264, *AAC),
}
WITHOUT_INDEX = [kind for kind in KINDS if "cues" not in kind and "stream" not in kind]


@pytest.fixture(autouse=True)
def _bisection_ends_early(monkeypatch: pytest.MonkeyPatch) -> None:
    """As it does, by comparison, in files of gigabytes."""
    monkeypatch.setattr(search, "CLOSE", 1 << 16)


@cache
def recording(kind: str) -> bytes:
    extension, *arguments = KINDS[kind]
    return encode(extension, *SCENE, *arguments, "-shortest")


def ranged(data: bytes) -> RangedFile:
    """The file as functions see it, in blocks so small that the bytes of a request count."""
    return RangedFile(lambda first, last: data[first : last + 1], len(data), block=8192, cache_blocks=10_000)


def sampled(file: RangedFile, part: tuple[float, float] | None, most: int = 1 << 40) -> Samples:
    seen = lambda _: {"labels": []}  # noqa: E731
    return sample(file, "video", SECONDS, Limits(4, 2.0, lambda: 100.0, 1.0, ["labels"], seen, part, most))


@pytest.mark.parametrize("kind", KINDS)
def test_each_part_sees_its_own_seconds(kind: str) -> None:
    data = recording(kind)
    whole = {round(row["t"], 2): row["hash"] for row in sampled(ranged(data), None).rows}
    assert len(whole) == SECONDS
    for start, end in ((0, 30), (30, 60), (60, 90)):
        file = ranged(data)
        part = sampled(file, (start, end))
        seen = {round(row["t"], 2): row["hash"] for row in part.rows}
        assert seen == {t: value for t, value in whole.items() if start <= t < end}
        assert part.speech.total_s == pytest.approx(30, abs=0.5)
        # A third, and what comes before the next keyframe, 12 s that are searched for it, and the search.
        assert file.bytes_fetched < 0.75 * len(data)


@pytest.mark.parametrize("kind", KINDS)
def test_a_part_that_is_not_read_as_a_whole_sees_as_much(kind: str) -> None:
    file = ranged(data := recording(kind))
    part = sampled(file, (60, 90), most=0)
    times = [row["t"] for row in part.rows]
    assert len(times) >= 29 and min(times) >= 59.9 and max(times) >= 88
    assert part.speech.total_s == pytest.approx(30, abs=0.5)
    assert file.bytes_fetched < 0.75 * len(data)


@pytest.mark.parametrize("kind", KINDS)
def test_the_sound_of_a_stretch_is_found(kind: str) -> None:
    file = ranged(data := recording(kind))
    before, spoken = soundtrack.stretches(file, [(40, 50), (62, 68)])
    assert len(before) == 10 * speech.RATE * 2 and len(spoken) == 6 * speech.RATE * 2
    assert loudness(before) < 50 < 1000 < loudness(spoken)
    assert file.bytes_fetched < 0.75 * len(data)


def loudness(samples: bytes) -> float:
    values = memoryview(samples).cast("h")
    return sum(map(abs, values)) / len(values)


@pytest.mark.parametrize("kind", WITHOUT_INDEX)
def test_the_length_is_that_of_the_last_packet(kind: str) -> None:
    file = ranged(data := recording(kind))
    assert measure(file) == pytest.approx(SECONDS, abs=0.2)
    assert file.bytes_fetched < 0.5 * len(data)
    assert sections.length(io.BytesIO(data[: len(data) // 2])) == pytest.approx(SECONDS / 2, rel=0.2)


def test_sound_that_changes_is_heard_throughout() -> None:
    sounds = (tone(5, "mono", 22_050), tone(5, "stereo", 48_000))
    data = joined(*(lambda s=s: encode("ts", *picture(seconds=5), *s, *X264, *AAC) for s in sounds))()
    heard = sample(io.BytesIO(data), "video", 10.0, Limits(4, 2.0, lambda: 100.0)).speech
    assert heard.total_s > 8


MP3 = ("-c:a", "libmp3lame")
NOISE = "anoisesrc=sample_rate=44100:color=pink:seed=1"
QUIET = f"volume='if(lt(t,{SECONDS - 30}),0,0.3+0.7*abs(sin(t)))':eval=frame"
SOUNDS = {
    "MP3 at a constant rate": ("mp3", *MP3, "-b:a", "320k"),
    "without a first frame that says so": ("mp3", *MP3, "-b:a", "320k", "-write_xing", "0"),
    "at 22 kHz in mono": ("mp3", *MP3, "-ar", "22050", "-ac", "1", "-b:a", "112k"),
    "with long tags": ("mp3", *MP3, "-b:a", "320k", "-metadata", "comment=" + "x" * 100_000),
    "MP3 at a varying rate": ("mp3", *MP3, "-q:a", "4"),
    "the same without a table": ("mp3", *MP3, "-q:a", "4", "-write_xing", "0"),
    "AAC": ("aac", *AAC),
}
CONSTANT = [kind for kind in SOUNDS if "varying" not in kind and "table" not in kind and kind != "AAC"]


@cache
def song(kind: str) -> bytes:
    """Sound of which the last 30 s are loud."""
    extension, *arguments = SOUNDS[kind]
    return encode(extension, "-f", "lavfi", "-i", f"{NOISE}:d={SECONDS}", "-af", QUIET, *arguments)


@pytest.mark.parametrize("kind", SOUNDS)
def test_a_stretch_of_sound_begins_where_it_should(kind: str) -> None:
    file = ranged(data := song(kind))
    before, edge = soundtrack.stretches(file, [(40, 50), (59, 61)])
    assert loudness(before) < 50
    first = next(n for n, value in enumerate(memoryview(edge).cast("h")) if abs(value) > 1000)
    assert first / speech.RATE == pytest.approx(1.0, abs=0.3 if "table" in kind else 0.1), "FFmpeg itself estimates"
    if kind in CONSTANT:
        assert file.bytes_fetched < 0.75 * len(data)


@pytest.mark.parametrize("kind", SOUNDS)
def test_a_part_of_sound_hears_its_own_seconds(kind: str) -> None:
    file = ranged(data := song(kind))
    heard = sample(file, "audio", SECONDS, Limits(4, 2.0, lambda: 100.0, 1.0, [], part=(50.0, 70.0))).speech
    assert heard.total_s == pytest.approx(20, abs=0.5)
    if kind in CONSTANT:
        assert file.bytes_fetched < 0.75 * len(data)


@pytest.mark.parametrize("kind", SOUNDS)
def test_the_length_of_sound_is_measured(kind: str) -> None:
    """By the rate of its silent beginning, AAC would be five times as long."""
    assert measure(io.BytesIO(song(kind))) == pytest.approx(SECONDS, abs=0.5)


@pytest.mark.parametrize("kind", KINDS)
def test_frames_of_other_formats_are_not_counted(kind: str) -> None:
    """A transport stream has bytes within its first packets that could begin a frame of MP3."""
    assert duration.counted(io.BytesIO(recording(kind))) is None
    assert duration.counted(io.BytesIO(b"G" + bytes(187) + song("MP3 at a varying rate"))) is None


@example([(10000, b"\x02")], 0)  # a length that ends at a later frame
@given(st.lists(st.tuples(st.integers(0, 1 << 30), st.binary(max_size=9)), max_size=3), st.integers(0, 5000))
def test_damaged_aac_has_a_length(changes: list[tuple[int, bytes]], cut: int) -> None:
    data = bytearray(song("AAC"))
    for place, patch in changes:
        at = 7 + place % (len(data) - 20)
        data[at : at + len(patch)] = patch
    assert duration.counted(io.BytesIO(bytes(data[: len(data) - cut]))) == pytest.approx(SECONDS, abs=5)


@pytest.mark.parametrize("kind", SOUNDS)
def test_only_a_constant_rate_tells_where_a_second_is(kind: str) -> None:
    layout = container_layouts.layout_of(io.BytesIO(song(kind)))
    assert layout is not None if kind in CONSTANT else layout is None
    if layout:
        point = layout.after(len(song(kind)) * 2 // 3)
        assert point and point.time == pytest.approx(60, abs=3)
