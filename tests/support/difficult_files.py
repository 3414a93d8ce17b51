"""Unusual and broken files, each made by a script, with the end that each should come to in the pipeline.

To add a file, add a row to :data:`CASES`. Clips are tiny; FFmpeg writes each once per process.
"""

from __future__ import annotations

import io
import os
import random
import struct
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from PIL import Image

from impp_local.engines import video
from impp_smoke.heic import heic

Make = Callable[[], bytes]


@dataclass(frozen=True)
class Case:
    """A file and its end. `reason` is that of a quarantined file, or a part of a partial one's."""

    name: str
    make: Make
    state: str = "published"
    reason: str | None = None

    @property
    def stem(self) -> str:
        return self.name.rpartition(".")[0] or self.name


# --- encoded by FFmpeg ------------------------------------------------------------------------------------------------

SIZE = "192x108"
SECONDS = 2.0
X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "10")
AAC = ("-c:a", "aac", "-b:a", "64k")
FAST = ("-movflags", "+faststart")
FRAGMENTS = ("-movflags", "+frag_keyframe+empty_moov+default_base_moof")


def picture(size: str = SIZE, rate: str = "10", seconds: float = SECONDS) -> tuple[str, ...]:
    """A moving test picture as FFmpeg's input."""
    return ("-f", "lavfi", "-i", f"testsrc2=size={size}:rate={rate}:duration={seconds}")


def tone(seconds: float = SECONDS, layout: str = "stereo", rate: int = 44_100) -> tuple[str, ...]:
    """A tone as FFmpeg's input."""
    return ("-f", "lavfi", "-i", f"sine=duration={seconds}:sample_rate={rate},aformat=channel_layouts={layout}")


@lru_cache(maxsize=256)
def encode(extension: str, *arguments: str) -> bytes:
    """The file that FFmpeg writes with these arguments.

    One thread: libvpx's threads wait for each other by spinning, which takes ten times as long on a busy machine.
    """
    with tempfile.TemporaryDirectory(prefix="impp-difficult-") as folder:
        path = Path(folder) / f"file.{extension}"
        video.run([*arguments, "-threads", "1", video.output_path(path)], timeout_s=120)
        return path.read_bytes()


def clip(extension: str, *arguments: str, scene: tuple[str, ...] = (), sound: tuple[str, ...] = ()) -> Make:
    """A recipe: picture and sound with these encoders, at the rate of cameras."""
    return lambda: encode(extension, *(scene or picture()), *(sound or tone(rate=48_000)), *arguments, "-shortest")


def silent(extension: str, *arguments: str, scene: tuple[str, ...] = ()) -> Make:
    """A recipe: a picture without sound."""
    return lambda: encode(extension, *(scene or picture()), *arguments)


def sound(extension: str, *arguments: str, source: tuple[str, ...] = ()) -> Make:
    """A recipe: sound without a picture."""
    return lambda: encode(extension, *(source or tone()), *arguments)


def with_file(extension: str, name: str, content: bytes, *arguments: str) -> Make:
    """A recipe whose arguments name a further file as `{file}`."""

    def make() -> bytes:
        with tempfile.TemporaryDirectory(prefix="impp-difficult-") as folder:
            extra, path = Path(folder) / name, Path(folder) / f"file.{extension}"
            extra.write_bytes(content)
            video.run([a.replace("{file}", str(extra)) for a in arguments] + [video.output_path(path)], timeout_s=120)
            return path.read_bytes()

    return make


mp4 = clip("mp4", *X264, *AAC, *FAST)
slow_mp4 = clip("mp4", *X264, *AAC)
fragmented = clip("mp4", *X264, *AAC, *FRAGMENTS)
matroska = clip("mkv", *X264, *AAC)
webm = clip("webm", "-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-c:a", "libopus")
recorder_webm = clip(
    "webm",
    *("-c:v", "libvpx", "-deadline", "good", "-cpu-used", "5", "-c:a", "libopus", "-live", "1", "-f", "webm"),
    sound=tone(),
)
NOISE = ("-f", "lavfi", "-i", "anoisesrc=sample_rate=44100:color=pink:seed=1:d=6")
QUIET = ("-af", "volume=0:enable='lt(t,4)'")
transport = clip("ts", *X264, *AAC)
quicktime = clip("mov", *X264, *AAC)
flv = clip("flv", *X264, *AAC)
large = silent("mp4", "-c:v", "mjpeg", "-q:v", "1", *FAST, scene=picture("1920x1080", seconds=4))
avi = clip("avi", "-c:v", "mjpeg", "-c:a", "pcm_s16le")
mp3 = sound("mp3", "-c:a", "libmp3lame")
wav = sound("wav", "-c:a", "pcm_s16le")
flac = sound("flac", "-c:a", "flac")

# --- broken afterwards ------------------------------------------------------------------------------------------------


def cut(make: Make, share: float) -> Make:
    """The first part of a file."""
    return lambda: make()[: int(len(make()) * share)]


def edited(make: Make, change: Callable[[bytearray], object]) -> Make:
    """A file that `change` alters in place."""

    def edit() -> bytes:
        data = bytearray(make())
        change(data)
        return bytes(data)

    return edit


def joined(*parts: Make | bytes) -> Make:
    """Files behind each other."""
    return lambda: b"".join(part if isinstance(part, bytes) else part() for part in parts)


def noise(size: int, seed: int = 1) -> bytes:
    """Random bytes."""
    return random.Random(seed).randbytes(size)


def body_of(data: bytes | bytearray, kind: bytes) -> int:
    """Where the content of the first box of a kind begins."""
    return data.index(kind) + 4


def flip(make: Make, kind: bytes, seed: int = 1) -> Make:
    """A file with eight flipped bits in the content of one kind of box."""

    def change(data: bytearray) -> None:
        at, rng = body_of(data, kind), random.Random(seed)
        length = max(1, int.from_bytes(data[at - 8 : at - 4], "big") - 8)
        for _ in range(8):
            data[at + rng.randrange(min(length, 4000))] ^= 1 << rng.randrange(8)

    return edited(make, change)


def put(make: Make, kind: bytes, offset: int, value: bytes) -> Make:
    """A file with other bytes at an offset from the content of a box."""

    def change(data: bytearray) -> None:
        at = body_of(data, kind) + offset
        data[at : at + len(value)] = value

    return edited(make, change)


def noisy(make: Make, kind: bytes) -> Make:
    """A file whose media is noise: the content of a box, or all behind the first bytes of another container."""

    def change(data: bytearray) -> None:
        at = body_of(data, kind) if kind else min(600, len(data) // 4)
        length = int.from_bytes(data[at - 8 : at - 4], "big") - 8 if kind else len(data) - at
        data[at : at + length] = noise(length)

    return edited(make, change)


def atom(kind: bytes, content: bytes = b"", size: int | None = None) -> bytes:
    """A box; `size` is what its header claims."""
    return struct.pack(">I4s", 8 + len(content) if size is None else size, kind) + content


FTYP = atom(b"ftyp", b"isom\0\0\2\0isomiso2avc1mp41")


def header_only() -> bytes:
    """A movie whose index is whole and whose media is missing."""
    data = mp4()
    return data[: data.index(b"mdat") - 4]


def without_samples() -> bytes:
    """The index of a fragmented movie, which lists no sample, and no fragment."""
    data = fragmented()
    return data[: data.index(b"moof") - 4]


def last_fragment_cut() -> bytes:
    """A fragmented movie whose last fragment ends in the middle."""
    data = fragmented()
    return data[: (data.rindex(b"moof") + len(data)) // 2]


def starting_with_a_fragment() -> bytes:
    """Fragments without the index that they need, as of a stream's segments."""
    data = fragmented()
    return data[data.index(b"moof") - 4 :]


def killed_matroska() -> bytes:
    """A Matroska file of a recorder that was killed: no length, no index, an end in the middle of a frame."""
    data = encode("mkv", *picture(seconds=6), *X264, "-live", "1", "-f", "matroska")
    return data[: len(data) * 3 // 4]


def wrong_matroska_length() -> bytes:
    """A Matroska file that states a length of a billion milliseconds."""
    data = bytearray(matroska())
    at = data.index(b"\x44\x89\x88") + 3
    data[at : at + 8] = struct.pack(">d", 1e9)
    return bytes(data)


REFERENCE = (
    FTYP[:8]
    + b"qt  "
    + FTYP[12:]
    + atom(
        b"moov",
        atom(b"rmra", atom(b"rmda", atom(b"rdrf", bytes(4) + b"url " + bytes(4) + b"http://example.com/a.mov\0"))),
    )
)
"""A QuickTime movie that lists others."""


def elsewhere() -> bytes:
    """A QuickTime movie whose tracks are in another file: an index without media."""
    data = bytearray(mp4())
    del data[data.index(b"mdat") - 4 :]
    at = data.find(b"dref")
    while at >= 0:
        data[at + 23] = 0  # the entry's flag: in this file
        at = data.find(b"dref", at + 1)
    return bytes(data)


def deep_jpeg() -> bytes:
    """A JPEG that states 12 bits per colour."""
    data = bytearray(jpeg())
    data[data.index(b"\xff\xc0") + 4] = 12
    return bytes(data)


def zero_sized() -> bytes:
    """A movie whose headers state 0 by 0 pixels."""
    data = bytearray(mp4())
    at = body_of(data, b"tkhd") + 76
    data[at : at + 8] = bytes(8)
    at = body_of(data, b"avc1") + 24
    data[at : at + 4] = bytes(4)
    return bytes(data)


def encrypted() -> bytes:
    """A movie with common encryption."""
    scheme = ("-encryption_scheme", "cenc-aes-ctr", "-encryption_key", "00112233445566778899aabbccddeeff")
    return encode("mp4", *picture(), *X264, *scheme, "-encryption_kid", "0123456789abcdef0123456789abcdef")


# --- pictures ---------------------------------------------------------------------------------------------------------


def photo(kind: str, mode: str = "RGB", size: tuple[int, int] = (160, 120), frames: int = 1, **options: Any) -> Make:
    """A recipe of Pillow: a gradient, or several."""

    def make() -> bytes:
        ramp = Image.linear_gradient("L").resize(size)
        pictures = []
        for number in range(frames):
            shade = ramp.rotate(90 * number).resize(size)
            if mode == "I;16":
                pictures.append(Image.frombytes("I;16", size, bytes(b for v in shade.tobytes() for b in (0, v))))
            else:
                pictures.append(Image.merge("RGB", (shade, ramp, shade.point(lambda v: 255 - v))).convert(mode))
        out = io.BytesIO()
        several = {"save_all": True, "append_images": pictures[1:]} if frames > 1 else {}
        pictures[0].save(out, kind, **several, **options)
        return out.getvalue()

    return make


def exif(orientation: int) -> bytes:
    """Exif with an orientation."""
    block = Image.Exif()
    block[274] = orientation
    return block.tobytes()


@lru_cache(maxsize=1)
def heic_photo() -> bytes:
    """A photo of an iPhone."""
    with tempfile.TemporaryDirectory(prefix="impp-difficult-") as folder:
        return heic(Path(folder), 320, 240)


jpeg = photo("JPEG", size=(640, 480))
png = photo("PNG")


def png_of_no_pixels() -> bytes:
    data = bytearray(png())
    data[16:24] = bytes(8)
    return bytes(data)


def picture_bomb() -> bytes:
    """A PNG of some kilobytes that claims 60,000 by 60,000 pixels."""
    data = bytearray(png())
    data[16:24] = struct.pack(">II", 60_000, 60_000)
    return bytes(data)


def raw_photo(preview: bytes) -> bytes:
    """A camera's raw photo: sensor data in its first directory, and in one below what it shows, as a JPEG."""
    sensor = noise(64 * 64 * 2)
    first, below = 8, 8 + 2 + 12 * 11 + 4
    data = below + 2 + 12 * 3 + 4
    fields = [
        (254, 0), (256, 64), (257, 64), (258, 16), (259, 1), (262, 32803), (273, data), (274, 6), (278, 64),
        (279, len(sensor)), (330, below),
    ]  # fmt: skip
    shown = [(254, 1), (513, data + len(sensor)), (514, len(preview))]

    def directory(values: list[tuple[int, int]]) -> bytes:
        entries = b"".join(
            struct.pack("<HHII", tag, 3 if tag in (258, 259, 262, 274) else 4, 1, value) for tag, value in values
        )
        return struct.pack("<H", len(values)) + entries + bytes(4)

    return b"II*\0" + struct.pack("<I", first) + directory(fields) + directory(shown) + sensor + preview


PLAYLIST = b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n"
SESSION = b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=video 5004 RTP/AVP 96\r\n"
SUBTITLES = b"1\n00:00:00,000 --> 00:00:01,500\nHello\n\n"
HDR10 = "colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc:hdr10=1:log-level=error"
HLG = "colorprim=bt2020:transfer=arib-std-b67:colormatrix=bt2020nc:log-level=error"
TWO_TRACKS = ("-map", "0:v", "-map", "1:v", "-map", "2:a")


def _boxes() -> Iterator[Case]:
    """A film with flipped bits in each kind of its boxes: whatever they hit, it ends in a state."""
    kinds = (
        b"ftyp", b"moov", b"mvhd", b"trak", b"tkhd", b"edts", b"elst", b"mdia", b"mdhd", b"hdlr", b"minf", b"vmhd",
        b"dinf", b"dref", b"stbl", b"stsd", b"avc1", b"avcC", b"stts", b"stss", b"stsc", b"stsz", b"stco", b"mdat",
    )  # fmt: skip
    for kind in kinds:
        yield Case(f"flipped bits in {kind.decode()}.mp4", flip(mp4, kind), ANY)


ANY = "any"
"""The state of a file whose damage may or may not matter; the reason must still be readable."""

CASES: tuple[Case, ...] = (
    # Ordinary containers and codecs.
    Case("h264.mp4", mp4),
    Case("index at the end.mp4", slow_mp4),
    Case("fragmented.mp4", fragmented),
    Case("matroska.mkv", matroska),
    Case("vp8.webm", webm),
    Case("stream.ts", transport),
    Case("motion jpeg.avi", avi),
    Case("hevc.mp4", clip("mp4", "-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=error", *AAC)),
    Case(
        "hdr10.mp4",
        silent("mp4", "-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt", "yuv420p10le", "-x265-params", HDR10),
    ),
    Case(
        "hlg.mov",
        silent(
            "mov",
            "-c:v",
            "libx265",
            "-preset",
            "ultrafast",
            "-pix_fmt",
            "yuv420p10le",
            "-x265-params",
            HLG,
            "-tag:v",
            "hvc1",
        ),
    ),
    Case("av1.mp4", silent("mp4", "-c:v", "libsvtav1", "-preset", "12")),
    Case("vp9.webm", clip("webm", "-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-c:a", "libopus")),
    Case("prores.mov", clip("mov", "-c:v", "prores_ks", "-c:a", "pcm_s16le")),
    Case("4-4-4.mp4", silent("mp4", *X264, "-pix_fmt", "yuv444p")),
    Case("4-2-2 in 10 bits.mp4", silent("mp4", *X264, "-pix_fmt", "yuv422p10le")),
    Case("mpeg4.avi", clip("avi", "-c:v", "mpeg4", "-c:a", "libmp3lame")),
    Case("mpeg2.ts", clip("ts", "-c:v", "mpeg2video", "-c:a", "ac3", scene=picture(rate="25"))),
    Case("mpeg2.mpg", clip("mpg", "-c:v", "mpeg2video", "-c:a", "mp2", scene=picture(rate="25"))),
    Case(
        "windows.wmv",
        clip("wmv", "-c:v", "wmv2", "-c:a", "wmav2"),
        "partial",
        "MediaConvert cannot decode this kind of file",
    ),
    Case("flash.flv", flv),
    Case(
        "broadcast.mxf",
        clip("mxf", "-c:v", "mpeg2video", "-c:a", "pcm_s16le", scene=picture(rate="25"), sound=tone(rate=48_000)),
    ),
    Case("tape.dv", clip("dv", "-target", "pal-dv", scene=picture("720x576", "25", 0.4)), "partial"),
    Case("theora.ogv", clip("ogv", "-c:v", "libtheora", "-c:a", "libvorbis")),
    Case(
        "phone.3gp",
        clip("3gp", "-c:v", "h263", "-s", "176x144", "-c:a", "libopencore_amrnb", "-ar", "8000", "-ac", "1"),
    ),
    # Rates, sizes, tracks.
    Case("120 frames per second.mp4", silent("mp4", *X264, scene=picture(rate="120", seconds=1))),
    Case("a frame in two seconds.mp4", silent("mp4", *X264, scene=picture(rate="1/2", seconds=6))),
    Case("three frames.mp4", silent("mp4", *X264, "-frames:v", "3")),
    Case("one frame.mp4", silent("mp4", *X264, "-frames:v", "1")),
    *(
        Case(
            f"variable rate.{kind}",
            silent(kind, "-vf", "select='lt(n,10)+not(mod(n,5))'", "-fps_mode", "vfr", *X264, scene=picture(rate="30")),
        )
        for kind in ("mp4", "mkv")
    ),
    Case("odd size.mp4", silent("mp4", *X264, "-pix_fmt", "yuv444p", scene=picture("191x107"))),
    Case("portrait.mp4", clip("mp4", *X264, *AAC, scene=picture("108x192"))),
    Case(
        "interlaced.mp4", silent("mp4", "-vf", "tinterlace=4", *X264, "-flags", "+ilme+ildct", scene=picture(rate="50"))
    ),
    Case("anamorphic.mp4", silent("mp4", "-vf", "setsar=16/11", *X264)),
    Case("32 by 32.mp4", silent("mp4", *X264, scene=picture("32x32"))),
    Case("16 by 16.mp4", silent("mp4", *X264, scene=picture("16x16"))),
    Case("very wide.mp4", silent("mp4", *X264, scene=picture("2000x40"))),
    Case("surround.mp4", clip("mp4", *X264, *AAC, sound=tone(layout="5.1", rate=48_000))),
    Case(
        "two cameras.mp4",
        lambda: encode("mp4", *picture(), *picture("160x90"), *tone(), *TWO_TRACKS, *X264, *AAC, "-shortest"),
    ),
    Case(
        "two sound tracks.mp4",
        lambda: encode("mp4", *picture(), *tone(), *tone(), "-map", "0", "-map", "1", "-map", "2", *X264, *AAC),
    ),
    Case("sound ends early.mp4", lambda: encode("mp4", *picture(seconds=4), *tone(0.5), *X264, *AAC)),
    Case("sound goes on.mp4", lambda: encode("mp4", *picture(seconds=1), *tone(4), *X264, *AAC)),
    Case("timecode.mov", clip("mov", *X264, *AAC, "-timecode", "10:00:00:00", scene=picture(rate="25"))),
    Case("edit list.mp4", clip("mp4", *X264, *AAC, "-bf", "2", "-output_ts_offset", "0.7")),
    Case(
        "times go back.ts",
        clip(
            "ts",
            *X264,
            *AAC,
            "-bsf:v",
            "setts=pts=if(gt(N\\,10)\\,PTS-90000\\,PTS):dts=if(gt(N\\,10)\\,DTS-90000\\,DTS)",
        ),
    ),
    Case(
        "subtitles.mkv",
        with_file(
            "mkv", "s.srt", SUBTITLES, *picture(), "-i", "file:{file}", "-map", "0", "-map", "1", *X264, "-c:s", "srt"
        ),
    ),
    Case(
        "subtitles.mp4",
        with_file(
            "mp4",
            "s.srt",
            SUBTITLES,
            *picture(),
            "-i",
            "file:{file}",
            "-map",
            "0",
            "-map",
            "1",
            *X264,
            "-c:s",
            "mov_text",
        ),
    ),
    Case(
        "attachment.mkv",
        with_file(
            "mkv", "font.ttf", noise(4000), *picture(), *X264, "-attach", "{file}", "-metadata:s:t", "mimetype=font/ttf"
        ),
    ),
    Case(
        "cover.mp4",
        with_file(
            "mp4",
            "c.png",
            photo("PNG")(),
            *picture(),
            "-i",
            "file:{file}",
            "-map",
            "0",
            "-map",
            "1",
            *X264,
            "-c:v:1",
            "png",
            "-disposition:v:1",
            "attached_pic",
        ),
    ),
    # Sound.
    Case(
        "song with a cover.mp3",
        with_file(
            "mp3",
            "c.png",
            photo("PNG")(),
            *tone(),
            "-i",
            "file:{file}",
            "-map",
            "0",
            "-map",
            "1",
            "-c:a",
            "libmp3lame",
            "-c:v",
            "png",
            "-disposition:v",
            "attached_pic",
        ),
    ),
    Case("mono 8 kHz.wav", sound("wav", "-c:a", "pcm_u8", "-ar", "8000", "-ac", "1")),
    Case("24 bits.wav", sound("wav", "-c:a", "pcm_s24le")),
    Case("opus.opus", sound("opus", "-c:a", "libopus")),
    Case("alac.m4a", sound("m4a", "-c:a", "alac"), ANY),
    Case("pcm.mov", clip("mov", *X264, "-c:a", "pcm_s24le")),
    Case("voice.amr", sound("amr", "-c:a", "libopencore_amrnb", "-ar", "8000", "-ac", "1"), ANY),
    Case("sound.flac", sound("flac", "-c:a", "flac")),
    Case("sound.aac", sound("aac", *AAC)),
    Case("sound.aiff", sound("aiff", "-c:a", "pcm_s16be"), ANY),
    Case("sound.mp3", mp3),
    Case("mostly silent.aac", sound("aac", "-af", "volume=0:enable='lt(t,5)'", *AAC, source=tone(6))),
    Case("a varying rate without a table.mp3", sound("mp3", "-q:a", "4", "-write_xing", "0", source=(*NOISE, *QUIET))),
    # Without a length, cut, followed by junk.
    Case("browser recording.webm", recorder_webm),
    Case("killed recorder.mkv", killed_matroska),
    Case("clock set again.ts", joined(transport, clip("ts", *X264, *AAC, "-output_ts_offset", "50000"))),
    Case(
        "sound changes.ts",
        joined(transport, clip("ts", *X264, *AAC, "-output_ts_offset", "2", sound=tone(layout="mono", rate=22_050))),
        ANY,
    ),
    Case("cut in mid-packet.ts", lambda: transport()[77:-55]),
    Case("last fragment cut.mp4", last_fragment_cut),
    Case("followed by zeros.mp4", joined(mp4, bytes(5000))),
    Case("followed by noise.mp4", joined(mp4, noise(5000))),
    # Appended to each other.
    *(
        Case(f"two films.{kind}", joined(make, make), "partial", "another recording begins at byte")
        for kind, make in (("mp4", mp4), ("avi", avi), ("mkv", matroska), ("webm", webm), ("flv", flv))
    ),
    Case("two QuickTime films.mov", joined(quicktime, quicktime), "partial", "another recording begins at byte"),
    Case("two sounds.wav", joined(wav, wav), "partial", "another recording begins at byte"),
    Case("a long film behind a short one.mp4", joined(mp4, large), "partial", "another recording begins at byte"),
    Case("the second one cut.mp4", joined(mp4, cut(slow_mp4, 0.5)), "partial", "another recording begins at byte"),
    Case("two fragmented films.mp4", joined(fragmented, fragmented), "partial", "another recording begins at byte"),
    Case("two films of a browser.webm", joined(recorder_webm, recorder_webm), "partial", "another recording begins at"),
    Case("two sounds.flac", joined(flac, flac), "partial", "another recording begins at byte"),
    Case("two streams.ts", joined(transport, transport), "partial", "seems to hold several recordings"),
    # Tracks, but none to show or hear; more than anybody records.
    Case(
        "subtitles alone.mp4",
        with_file("mp4", "s.srt", SUBTITLES, "-i", "{file}", "-c:s", "mov_text"),
        "quarantined",
        "no_streams",
    ),
    Case("70 tracks.mp4", sound("mp4", *("-map", "0:a") * 70, *AAC, source=tone(0.2)), "quarantined", "read_limit"),
    Case("sound before the picture.ts", lambda: encode("ts", "-itsoffset", "3", *picture(), *tone(6), *X264, *AAC)),
    Case("bare stream.h264", silent("h264", *X264), "quarantined", "not_media"),
    # Media in other files.
    Case("reference movie.mov", lambda: REFERENCE, "quarantined", "reference"),
    Case("tracks in other files.mov", elsewhere, "quarantined", "reference"),
    Case("followed by a text.mp4", joined(slow_mp4, b"PHOTO BOOTH " * 200)),
    Case("segment of a stream.mp4", starting_with_a_fragment, "quarantined", "truncated"),
    Case("index only.mp4", header_only, "quarantined", "truncated"),
    Case("index without samples.mp4", without_samples, "quarantined"),
    Case("first box only.mp4", lambda: FTYP, "quarantined", "truncated"),
    Case("one byte.mp4", lambda: b"\0", "quarantined", "not_media"),
    Case("empty.mp4", lambda: b"", "quarantined", "empty"),
    Case("only zeros.mp4", lambda: bytes(50_000), "quarantined", "not_media"),
    *(
        Case(f"cut at {share} percent, index first.mp4", cut(mp4, share / 100), "quarantined", "truncated")
        for share in (5, 50, 99)
    ),
    *(
        Case(f"cut at {share} percent, index last.mp4", cut(slow_mp4, share / 100), "quarantined", "truncated")
        for share in (5, 50, 99)
    ),
    *(Case(f"cut at {share} percent.mkv", cut(matroska, share / 100), ANY) for share in (3, 50, 95)),
    *(Case(f"cut at {share} percent.webm", cut(webm, share / 100), ANY) for share in (3, 50, 95)),
    *(Case(f"cut at {share} percent.ts", cut(transport, share / 100), ANY) for share in (3, 50, 95)),
    *(Case(f"cut at {share} percent.avi", cut(avi, share / 100), "quarantined", "truncated") for share in (20, 90)),
    *(Case(f"cut at {share} percent.mp3", cut(mp3, share / 100), ANY) for share in (50, 99)),
    Case("cut.wav", cut(wav, 0.5), "quarantined", "truncated"),
    # Damaged and lying.
    *_boxes(),
    Case("noise for media.mp4", noisy(mp4, b"mdat"), "quarantined", "nothing_made"),
    Case("noise for media.mkv", noisy(matroska, b""), "quarantined"),
    Case("noise for media.ts", joined(b"".join(b"G" + noise(187, n) for n in range(60))), "quarantined"),
    Case("encrypted.mp4", encrypted, "quarantined", "encrypted"),
    Case("0 by 0.mp4", zero_sized, ANY),
    Case("huge box.mp4", joined(FTYP, atom(b"moov", bytes(100), 0xFFFFFFF0)), "quarantined", "truncated"),
    Case(
        "huge box of 64 bits.mp4",
        joined(FTYP, struct.pack(">I4sQ", 1, b"mdat", 1 << 62), bytes(100)),
        "quarantined",
        "truncated",
    ),
    Case("billions of samples.mp4", put(mp4, b"stsz", 4, struct.pack(">II", 1, 0xFFFFFFFF)), "quarantined", "corrupt"),
    Case("long runs.mp4", put(mp4, b"stts", 8, struct.pack(">I", 0x7FFFFFFF)), "quarantined", "corrupt"),
    Case("edits without end.mp4", put(mp4, b"elst", 4, struct.pack(">I", 0xFFFFFFFF)), ANY),
    Case("says a hundred hours.mp4", put(mp4, b"mvhd", 16, struct.pack(">I", 360_000_000)), ANY),
    Case("says no length.mp4", put(put(mp4, b"mvhd", 16, bytes(4)), b"tkhd", 20, bytes(4))),
    Case("says a negative length.mp4", put(mp4, b"mvhd", 16, b"\xff\xff\xff\xff"), ANY),
    Case("says a billion seconds.mkv", wrong_matroska_length, ANY),
    Case(
        "boxes in boxes.mp4",
        joined(FTYP, *[struct.pack(">I4s", 8 * (3000 - n) + 8, b"moov") for n in range(3000)]),
        "quarantined",
    ),
    # Under a false name, or no media.
    Case("a photo.mp4", jpeg),
    Case("a film.jpg", mp4),
    Case("a letter.mp4", lambda: b"this is a letter, not a film\n" * 100, "quarantined", "not_media"),
    Case("a page.mov", lambda: b"<!DOCTYPE html><html><body>404</body></html>", "quarantined", "not_media"),
    Case("an archive.mp4", lambda: b"PK\3\4" + noise(3000), "quarantined", "not_media"),
    Case("noise.mp4", lambda: noise(20_000), "quarantined", "not_media"),
    Case("playlist.mp4", lambda: PLAYLIST, "quarantined", "not_media"),
    Case("session.mp4", lambda: SESSION, "quarantined", "not_media"),
    Case("document.pdf", lambda: b"%PDF-1.7\n" + noise(900), "quarantined", "not_media"),
    # Pictures.
    Case("photo.jpg", jpeg),
    Case("progressive.jpg", photo("JPEG", progressive=True)),
    Case("four inks.jpg", photo("JPEG", "CMYK")),
    Case("grey.jpg", photo("JPEG", "L")),
    Case("turned.jpg", photo("JPEG", exif=exif(6))),
    Case("12 bits.jpg", deep_jpeg, "quarantined", "nothing_made"),
    Case("motion photo.jpg", joined(jpeg, mp4)),
    Case("cut.jpg", cut(jpeg, 0.5), "partial", "its picture ends too early"),
    Case("first bytes.jpg", cut(jpeg, 0.02), "quarantined"),
    Case("noise.jpg", lambda: jpeg()[:200] + noise(4000), ANY),
    Case("photo.png", png),
    Case("16 bits.png", photo("PNG", "I;16")),
    Case("palette.png", photo("PNG", "P")),
    Case("transparent.png", photo("PNG", "RGBA")),
    Case("one pixel.png", photo("PNG", size=(1, 1))),
    Case("strip.png", photo("PNG", size=(6000, 2))),
    Case("no pixels.png", png_of_no_pixels, "quarantined"),
    Case("bomb.png", picture_bomb, "quarantined"),
    Case("cut.png", cut(png, 0.5), "partial", "its picture ends too early"),
    Case("animated.gif", photo("GIF", frames=3, duration=200)),
    Case("animated.webp", photo("WEBP", frames=3, duration=200)),
    Case("photo.webp", photo("WEBP")),
    Case("photo.avif", photo("AVIF")),
    Case("animated.avif", photo("AVIF", frames=3), ANY),
    Case("pages.tiff", photo("TIFF", frames=3)),
    Case("lzw.tiff", photo("TIFF", compression="tiff_lzw")),
    Case("photo.heic", heic_photo),
    Case("cut.heic", cut(heic_photo, 0.6), "quarantined"),
    Case("raw.dng", lambda: raw_photo(jpeg())),
    Case("raw without a preview.dng", lambda: raw_photo(b""), "quarantined", "nothing_made"),
    Case("drawing.svg", lambda: b'<svg xmlns="http://www.w3.org/2000/svg"/>', "quarantined", "not_media"),
)


def write_all(folder: Path) -> list[Path]:
    """Write all files, to try them by hand: `python -m tests.support.difficult_files FOLDER`."""
    paths = []
    for case in CASES:
        path = folder / case.name
        path.write_bytes(case.make())
        paths.append(path)
    return paths


if __name__ == "__main__":
    import sys

    target = Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    print(f"{len(write_all(target))} files in {os.fspath(target)}")
