"""A folder's quote is the one that Inspect makes after the upload, whatever its containers do not state."""

from __future__ import annotations

import contextlib
import io
import random
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.support.media_clips import ffmpeg

from impp_cli.archive import containers, footage
from impp_cli.archive.containers.reader import Unpriced
from impp_engines.media import MediaError
from impp_footage import formats, reader
from impp_lambdas.core.intake import inspection
from impp_lambdas.core.intake.facts import Facts
from impp_lambdas.core.intake.originals import Original
from impp_lambdas.core.intake.problems import Problem
from impp_lambdas.core.media import description, duration, rhythm
from impp_local.engines import video
from impp_local.services.mediaconvert import prober

TODAY = datetime.now(UTC)
SECONDS = 3
PICTURE = ("-f", "lavfi", "-i", f"testsrc2=size=320x180:rate=25:duration={SECONDS}")
TONE = ("-f", "lavfi", "-i", f"sine=duration={SECONDS}:sample_rate=48000")
X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-g", "25")
FRAGMENTS = "frag_keyframe+empty_moov+default_base_moof"
CLIPS = {
    "fragments.mp4": (*X264, "-movflags", FRAGMENTS),
    "recorder.mp4": (*X264, "-movflags", f"{FRAGMENTS}+skip_trailer", "-frag_duration", "400000"),
    "segments.mp4": (*X264, "-movflags", f"{FRAGMENTS}+dash+global_sidx"),
    "rest.mov": (*X264, "-movflags", "frag_keyframe"),
    "turned.mp4": (*X264, "-vf", "transpose"),
    "browser.webm": ("-c:v", "libvpx", "-deadline", "realtime", "-g", "25", "-c:a", "libopus", "-live", "1"),
    "screen.mkv": (*X264, "-vf", "select='not(mod(n,3))'", "-fps_mode", "vfr", "-live", "1"),
    "whole.mkv": X264,
    "stream.flv": (*X264, "-c:a", "aac"),
    "bare.flv": (*X264, "-c:a", "aac", "-flvflags", "no_metadata"),
    "old.flv": ("-c:v", "flv", "-c:a", "libmp3lame", "-ar", "44100"),
    "sound.flv": ("-vn", "-c:a", "aac"),
    "dvd.vob": ("-c:v", "mpeg2video", "-c:a", "mp2"),
    "hard-disk.mod": ("-f", "vob", "-c:v", "mpeg2video", "-aspect", "16:9", "-r", "30000/1001", "-c:a", "ac3"),
    "old.mpg": ("-c:v", "mpeg1video", "-c:a", "mp2"),
    "picture.m2v": ("-an", "-c:v", "mpeg2video"),
    "clip.wmv": ("-c:v", "wmv2", "-c:a", "wmav2"),
    "song.wma": ("-vn", "-c:a", "wmav2"),
    "broadcast.mxf": ("-c:v", "mpeg2video", "-c:a", "pcm_s16le"),
    "tape.dv": ("-c:v", "dvvideo", "-s", "720x576", "-pix_fmt", "yuv420p", "-c:a", "pcm_s16le", "-ac", "2"),
    "voice.amr": ("-vn", "-c:a", "libopencore_amrnb", "-ar", "8000", "-ac", "1"),
    "sound.aiff": ("-vn", "-c:a", "pcm_s16be"),
    "sound.caf": ("-vn", "-c:a", "pcm_s16le"),
    "lossless.caf": ("-vn", "-c:a", "alac"),
    "sound.ac3": ("-vn", "-c:a", "ac3"),
    "sound.eac3": ("-vn", "-c:a", "eac3"),
}
ALIKE = ("kind", "width", "height", "has_audio", "is_variable_rate", "video_tracks")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip in each container."""
    folder = tmp_path_factory.mktemp("clips")
    for name, options in CLIPS.items():
        ffmpeg(*PICTURE, *TONE, *options, to=folder / name)
    return folder


@pytest.fixture(scope="module")
def quoted(folder: Path) -> dict[str, footage.File]:
    return {file.path.name: file for file in footage.files(folder)}


def inspected(path: Path) -> Facts:
    """The facts that Inspect gets, with the local Probe and our decoder."""

    def probe(_usable: int | None) -> dict[str, object] | Problem:
        try:
            return prober.result(video.probe(path), "etag", TODAY)
        except MediaError as error:
            return Problem("corrupt", str(error))

    def measure(trusts_header: bool) -> float | None:
        with path.open("rb") as file:
            return duration.measure(file, trusts_header)

    with path.open("rb") as file:
        sources = inspection.Sources(
            probe, lambda: description.describe(path.open("rb")), measure, lambda: rhythm.rhythm(path.open("rb"))
        )
        head = {"ContentLength": path.stat().st_size, "LastModified": TODAY, "Metadata": {}}
        original = Original("bucket", f"originals/{path.parent.name}/{path.name}", "v")
        result = inspection.inspect(original, head, reader.of_file(file), sources)
    assert result.problem is None, result.problem
    return result.facts


@pytest.mark.parametrize("name", CLIPS)
def test_a_file_has_the_facts_that_inspect_gets(quoted: dict[str, footage.File], name: str) -> None:
    mine = quoted[name].facts
    assert mine, quoted[name].why
    theirs = inspected(quoted[name].path)
    for field in ALIKE:
        assert getattr(mine, field) == getattr(theirs, field), field
    assert mine.duration_s == pytest.approx(theirs.duration_s, abs=0.15)
    assert (mine.fps or 0) == pytest.approx(theirs.fps or 0, rel=0.03)
    assert (mine.keyframe_s or 0) == pytest.approx(theirs.keyframe_s or 0, abs=0.05)


def test_a_recorder_of_several_pictures_has_them_all(tmp_path: Path) -> None:
    ffmpeg(*PICTURE, *PICTURE, "-map", "0", "-map", "1", *X264, "-movflags", FRAGMENTS, to=tmp_path / "dual.mp4")
    (file,) = footage.files(tmp_path)
    assert file.facts and file.facts.video_tracks == 2


def test_a_broadcast_camera_without_power_is_measured_by_its_first_frames(folder: Path, tmp_path: Path) -> None:
    data = (folder / "broadcast.mxf").read_bytes()
    data = data[: data.rfind(bytes.fromhex("060e2b34020501010d01020101010400"))]  # without its footer
    stated, unknown = (25 * SECONDS).to_bytes(8), b"\xff" * 8
    for tag in (b"\x02\x02\x00\x08", b"\x30\x02\x00\x08"):  # Duration, ContainerDuration
        data = data.replace(tag + stated, tag + unknown)
    (tmp_path / "cut.mxf").write_bytes(data)
    (file,) = footage.files(tmp_path)
    assert file.facts and file.facts.duration_s == pytest.approx(SECONDS, rel=0.2), file.why


@pytest.mark.parametrize("name", CLIPS)
def test_damage_is_a_reason_or_a_length(folder: Path, name: str) -> None:
    data, chance = (folder / name).read_bytes(), random.Random(name)
    container = formats.sniff(data[: formats.HEAD_BYTES]) or formats.of_name(name) or ""
    for _ in range(60):
        damaged = bytearray(data[: chance.choice((20, 500, 5000, len(data)))])
        for _ in range(chance.choice((1, 10, 200))):
            damaged[chance.randrange(min(len(damaged), chance.choice((64, 2000, 1 << 30))))] = chance.randrange(256)
        with contextlib.suppress(Unpriced):
            known = containers.streams(container, reader.of_file(io.BytesIO(damaged)), bytes(damaged[: footage.HEAD]))
            assert 0 < known.duration_s < containers.LONGEST_S
            assert known.fps is None or 0 < known.fps <= containers.HIGHEST_FPS


def test_a_stated_length_that_cannot_be_true_is_no_price(folder: Path, tmp_path: Path) -> None:
    data = bytearray((folder / "sound.aiff").read_bytes())
    frames = data.index(b"COMM") + 10
    data[frames : frames + 4] = b"\xff" * 4  # a day of sound
    (tmp_path / "sound.aiff").write_bytes(data[:100_000])
    (file,) = footage.files(tmp_path)
    assert file.facts is None and file.why == "it is damaged: 100000 bytes cannot hold 89478 s"
