"""What is fuzzed: each target takes bytes, raises nothing but its documented errors, and has files to begin with."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from tests.support import camera_names, difficult_files
from tests.support.boxed_files import BOXED, HEIF, JPEG, QUICKTIME
from tests.support.camera_files import box

from impp_cli.archive import containers
from impp_cli.archive.containers.reader import Unpriced
from impp_footage import (
    boxes,
    cameras,
    container_layouts,
    exif,
    formats,
    gps,
    integrity,
    movies,
    references,
    second_recording,
    sidecars,
    tables,
)
from impp_footage.orientation import of_matrix, of_side_data
from impp_footage.reader import Budget, BudgetExceeded, RangeReader, of_file, within
from impp_footage.slug import LONGEST, slug
from impp_lambdas.adapters import decoding
from impp_lambdas.adapters.ranged import RangedFile
from impp_lambdas.core import keys
from impp_lambdas.core.detect import custom
from impp_lambdas.core.intake import facts, problems, sources
from impp_lambdas.core.intake import integrity as intake
from impp_lambdas.core.intake.plausibility import implausible
from impp_lambdas.core.intake.unreadable import Unreadable
from impp_lambdas.core.media import duration, sections
from impp_lambdas.core.media.description import describe
from impp_lambdas.core.media.duration import measure
from impp_lambdas.core.media.stills import still
from impp_lambdas.core.results import failure, reasons, sns_messages
from impp_lambdas.core.results.channels import CHANNELS

Target = Callable[[bytes], object]


@dataclass(frozen=True)
class Fuzzed:
    """`run` may raise `allowed` errors only; `seeds` are inputs to change."""

    run: Target
    seeds: Callable[[], Sequence[bytes]]
    allowed: tuple[type[Exception], ...] = ()


def _reader(data: bytes) -> RangeReader:
    return within(of_file(io.BytesIO(data)), Budget(200_000, 1 << 28))


# --- files ---------------------------------------------------------------------------------------------------------


def _boxes(data: bytes) -> None:
    file = _reader(data)
    for found in boxes.walk(file):
        assert found.start < len(data)
    boxes.created(file)
    orientation = boxes.orientation(file)
    assert orientation.rotation in (0, 90, 180, 270)
    movie = boxes.find(file, b"moov")
    if movie:
        assert movie.end <= len(data)
        with contextlib.suppress(BudgetExceeded):
            tables.excess(file, movie)
        tables.has_no_media(file)
        references.external_media(file, movie)
        tables.is_encrypted(file, movie)
    pace = tables.pace(file)
    assert pace is None or pace.fps > 0
    apart = tables.frames_per_keyframe(file)
    assert apart is None or apart > 0
    for last_fragment in (True, False):
        judged = movies.of_boxes(file, last_fragment)
        assert judged.usable is None or 0 < judged.usable < len(data)
        assert judged.further_at in (None, judged.usable)
    for container in ("avi", "wave", "matroska", "flv"):
        place = second_recording.offset(file, container)
        assert place is None or 0 < place < len(data)


def _pictures(data: bytes) -> None:
    exif.read_time(_reader(data))
    exif.orientation(_reader(data))
    assert all(offset > 0 and 0 <= size <= len(data) for offset, size in exif.previews(_reader(data)))
    size = formats.image_size(data[: formats.HEAD_BYTES])
    assert size is None or min(size) >= 0
    formats.sniff(data[: formats.HEAD_BYTES])
    assert formats.other_kind(data[: formats.HEAD_BYTES])


def _satellites(data: bytes) -> None:
    for fix in (gps.first_fix(_reader(data)), gps.unlisted_fix(_reader(data)), gps.nmea(data), gps.gpmf(data)):
        assert fix is None or fix.tzinfo is UTC
    gps.free_gps(data[: gps.BLOCK])
    movies.of_riff(data[:16], len(data))


def _without_index(data: bytes) -> None:
    file = io.BytesIO(data)
    counted = duration.counted(file)
    assert counted is None or 0 <= counted < 1e6
    layout = container_layouts.layout_of(file)
    if layout is None:
        return
    assert 0 <= layout.head < len(data)
    point = layout.after(layout.head)
    assert point is None or (point.time >= 0 and layout.head <= point.offset < len(data))
    view, _ = sections.section(file, 1.0, 2.0)
    assert len(view.read()) <= len(data)
    sections.length(file)


def _whole(data: bytes) -> None:
    for name in ("a.mp4", "a.jpg", "a.heic", "a"):
        integrity.integrity(_reader(data), name)
    examination = intake.examine(_reader(data))
    if examination.problem:
        assert examination.problem.reason in problems.REASONS
        sentence = reasons.sentence(examination.problem.reason, examination.problem.detail)
        assert sentence.isprintable() and sentence.endswith(".")


def _names(data: bytes) -> None:
    path = data.decode("utf-8", "replace")
    *folders, name = path.split("/")
    cameras.recognise(folders, name)
    cameras.recording_by_folder(folders)
    sidecars.is_sidecar(folders, name)
    sidecars.clips(name, {name, "a.mp4"})
    sidecars.of_clip(name, {name, "a.thm"})
    assert 0 < len(slug(path)) <= LONGEST
    now = datetime(2026, 11, 20, tzinfo=UTC)
    key = f"originals/{path}"
    own = {"captured-at": name, "original-name": path, "source": "phone", "device": path}
    origin = sources.infer(key, own, None, now)
    assert origin.source in sources.SOURCES and origin.recording in sources.RECORDINGS
    sources.contradiction(key, own)
    keys.asset_id("b", key, "v", None)
    keys.owner(key)
    keys.is_safe(key)


def _matrices(data: bytes) -> None:
    padded = data[:36].ljust(36, b"\0")
    assert of_side_data(padded).rotation in (0, 90, 180, 270)
    a, b, c, d = (int.from_bytes(padded[at : at + 4], "big", signed=True) for at in (0, 4, 8, 12))
    of_matrix(a, b, c, d)


def _ranges(data: bytes) -> None:
    """Reads and seeks of a ranged file equal those of a file in memory."""
    content = bytes(range(256)) * 40
    ranged = RangedFile(lambda first, last: content[first : last + 1], len(content), block=512, cache_blocks=2)
    plain = io.BytesIO(content)
    for at in range(0, len(data) - 3, 3):
        whence, value = data[at] % 4, int.from_bytes(data[at + 1 : at + 3], "big", signed=True)
        if whence == 3:
            assert ranged.read(abs(value)) == plain.read(abs(value))
        elif whence or value >= 0:
            base = (0, plain.tell(), len(content))[whence]
            if base + value >= 0:
                assert ranged.seek(value, whence) == plain.seek(value, whence)
        assert ranged.tell() == plain.tell()


def _containers(data: bytes) -> None:
    """What a quote before the upload reads, in every container whatever the bytes are."""
    for container in containers.READERS:
        with contextlib.suppress(Unpriced):
            streams = containers.streams(container, _reader(data), data[: 64 * 1024])
            assert 0 < streams.duration_s < containers.LONGEST_S
            assert streams.fps is None or streams.fps > 0


def _decoders(data: bytes) -> None:
    """Our use of FFmpeg and Pillow."""
    for task in (describe, measure, still):
        with contextlib.suppress(Unreadable, MemoryError):
            task(io.BytesIO(data))


# --- documents -----------------------------------------------------------------------------------------------------


def _json(data: bytes) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None


def _answers(data: bytes) -> None:
    """The answers of a decoder that hostile bytes have taken over."""
    file = RangedFile(lambda first, last: bytes(last - first + 1), 1 << 20)
    decoding._serve(io.BytesIO(), io.BytesIO(data), file)


def _detector(data: bytes) -> None:
    for finding in custom.read(custom.CustomDetector("d", endpoint="e"), data):
        assert 0 <= finding["confidence"] <= 100


def _causes(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    explained = reasons.explain("States.TaskFailed", text)
    assert 0 < len(explained) <= reasons.LONGEST and "\n" not in explained
    failure.read(
        {"status": "FAILED", "executionArn": "a", "startDate": datetime.now(UTC), "cause": text, "input": text}
    )


def _alerts(data: bytes) -> None:
    alert = sns_messages.alert_of(data.decode("utf-8", "replace"), "A subject")
    for channel in CHANNELS.values():
        json.dumps(channel.render(alert))


def _descriptions(data: bytes) -> None:
    result = _json(data)
    if isinstance(result, dict):
        streams = facts.from_decoder(result)
        if streams:
            implausible(streams, 1000)


# --- seeds ---------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def _files() -> list[bytes]:
    """All difficult files that are small, which keeps a step quick."""
    return [data for case in difficult_files.CASES if len(data := case.make()) < 100_000]


def _movies() -> list[bytes]:
    return [*BOXED, QUICKTIME, difficult_files.fragmented(), box(b"free", box(b"gps ", b"$GPRMC,1,A"))]


def _recorded() -> list[bytes]:
    recorders = (difficult_files.killed_matroska, difficult_files.recorder_webm, difficult_files.fragmented)
    sounds = (difficult_files.mp3, difficult_files.sound("aac", *difficult_files.AAC))
    return [make()[:60_000] for make in (*recorders, difficult_files.flv, *sounds)]


def _documents(*documents: Any) -> Callable[[], list[bytes]]:
    return lambda: [json.dumps(document).encode() for document in documents]


_TRACK = {"TrackType": "video", "Codec": "AVC", "Duration": 2.0, "VideoProperties": {"Width": 2, "Height": 2}}
_RATE = {"FrameRate": {"Numerator": 30, "Denominator": 1}, "Rotation": 90, "TransferCharacteristics": "SMPTE_2084"}
_PROBED = {"Container": {"Format": "mp4", "Duration": 2.0, "Tracks": [_TRACK, {"TrackType": "audio", "Codec": "AAC"}]}}
_ALERT = {"severity": "info", "kind": "published", "asset": "a", "title": "T", "text": "t", "links": [], "usd": 0.1}
_LABELS = {"labels": [{"name": "Cat", "confidence": 90, "instances": [{"confidence": 80, "box": [0, 0, 1, 1]}]}]}
_JOB = {"Id": "1-a", "Status": "ERROR", "ErrorCode": 1040, "ErrorMessage": "The width is odd"}
_EVENT = {"detail": {"bucket": {"name": "b"}, "object": {"key": "k", "version-id": "v"}}}


def _child(kind: bytes, document: Any) -> bytes:
    data = json.dumps(document).encode()
    return kind + len(data).to_bytes(4, "big") + data


TARGETS: dict[str, Fuzzed] = {
    "boxes": Fuzzed(_boxes, _movies, (BudgetExceeded,)),
    "pictures": Fuzzed(_pictures, lambda: [JPEG, HEIF, *_files()], (BudgetExceeded,)),
    "containers": Fuzzed(_containers, lambda: [*_movies(), *_files()]),
    "files without an index": Fuzzed(_without_index, _recorded, (BudgetExceeded, Unreadable)),
    "satellites": Fuzzed(_satellites, _movies, (BudgetExceeded,)),
    "whole files": Fuzzed(_whole, lambda: [*_movies(), *_files()], (BudgetExceeded,)),
    "names": Fuzzed(_names, lambda: [name.encode() for name in camera_names.PATHS]),
    "display matrices": Fuzzed(_matrices, lambda: [bytes(36), b"\0\1\0\0" * 9]),
    "ranged reader": Fuzzed(_ranges, lambda: [b"\3\1\0\0\2\0\1\xff\0\3\0\x10", bytes(30)]),
    "decoders": Fuzzed(_decoders, _files),
    "decoder's answers": Fuzzed(
        _answers,
        lambda: [
            b"R" + bytes(12) + _child(b"D", {"result": {"seconds": 1}, "blobs": [3]}) + b"abc",
            _child(b"E", {"reason": "r", "error": "e"}),
        ],
        (Unreadable, EOFError),
    ),
    "custom detector": Fuzzed(_detector, _documents(_LABELS), (custom.UnreadableAnswer,)),
    "causes": Fuzzed(_causes, _documents(_JOB, {"errorMessage": "m", "errorType": "t"}, _EVENT)),
    "alerts": Fuzzed(_alerts, _documents(_ALERT, {"AlarmName": "n", "NewStateValue": "OK"})),
    "descriptions": Fuzzed(
        _descriptions, _documents(_PROBED, {"Container": {"Tracks": [_TRACK | _RATE]}}), (Unreadable,)
    ),
}
