"""Key, tags and metadata of an object, for any file name."""

from __future__ import annotations

import io
import os
import re
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, unquote_to_bytes

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.support.camera_files import FTYP, MDAT, movie
from tests.support.camera_names import PATHS
from tests.support.edge.identities import CONTENT, VIOFO, WINTER, WORDS, identified
from tests.support.examples import examples

from impp_edge.card import identify
from impp_edge.config import Folder
from impp_edge.run import labels
from impp_footage import sidecars
from impp_footage.cameras import recognise
from impp_lambdas.core.intake import sources as cloud_sources

NAMES = WORDS.map(lambda name: name.replace("/", "_"))
SAFE = re.compile(
    r"(originals/(dashcam|phone|creator)/[a-z0-9-]{1,63}/\d{4}/\d\d/\d\d"
    r"|sidecars/(dashcam|phone|creator)/[a-z0-9-]{1,63}/\d{4}/\d\d/\d\d/[A-Za-z0-9_-][A-Za-z0-9_.-]{0,63})"
    r"/[^/\\\x00-\x1f\x7f]+",
    re.DOTALL,
)
BODIES = st.one_of(st.just(b"x"), st.binary(max_size=64), st.sampled_from([movie(WINTER), FTYP + MDAT]))


@settings(max_examples=examples(200), deadline=None)
@given(
    NAMES,
    NAMES,
    st.one_of(st.none(), st.text(max_size=80)),
    st.floats(-1e12, 1e12),
    BODIES,
    st.lists(WORDS, max_size=9),
)
@example("..", "..", "../..", 0.0, b"", ["..", "a b"])
@example("a\n\r\x00.mp4", "%2e%2e", "\u202e", -1e12, b"", [])
@example("20260115_081502_NF.mp4", "..", None, float(2**62), b"", [])
@example("99991231_235959_NF.mp4", "b", None, 253402300799.0, b"", [])
@example("20000101_000000_NF.mp4", "b", None, -62135596800.0, b"", [])
@example("x.thm", "b", None, 0.0, b"", ["\x01" * 255] * 9)
@example("\x01" * 251 + ".thm", "\x02" * 255, "d" * 80, 0.0, FTYP, ["a" * 900])
def test_keys_of_any_name_stay_below_their_prefix(
    name: str, parent: str, device: str | None, mtime: float, body: bytes, others: list[str]
) -> None:
    folder = Folder(Path("/card"), device=device)
    relative = PurePosixPath(parent) / name
    identity = identify.identify(folder, relative, mtime, io.BytesIO(body))
    for key in (labels.key(identity, name), labels.key(identity, name, "0123abcd")):
        assert SAFE.fullmatch(key), key
        assert key.rsplit("/", 1)[-1] not in (".", "..")
        assert len(key.encode()) <= 1024  # S3's limit
    keys = [f"sidecars/{identity.source}/{identity.device}/2026/01/15/x/{other}" for other in others]
    metadata = labels.metadata(identity, CONTENT, relative, keys, "cd" * 32)
    assert all(v.isascii() and v.isprintable() and v == v.strip() for v in metadata.values())
    assert sum(len(k) + len(v) for k, v in metadata.items()) <= labels.METADATA_BYTES
    assert metadata["impp-original-name"].endswith(labels.original_name(PurePosixPath(relative.name)))
    assert metadata["impp-custody"] == "cd" * 32
    for tag, value in labels.tags(identity, CONTENT, {}).items():
        assert re.fullmatch(r"[\w .:/=+\-@]{1,128}", tag) and re.fullmatch(r"[\w .:/=+\-@]{0,256}", value, re.ASCII)
    siblings = {name, *others}
    assert set(sidecars.of_clip(name, siblings)) <= siblings - {name}
    assert set(sidecars.clips(name, siblings)) <= siblings


@given(st.lists(st.one_of(WORDS, st.just("20260115_081502_N.gps")), max_size=40))
def test_metadata_lists_as_many_sidecars_as_fit_in_order(names: list[str]) -> None:
    identity = identified(VIOFO)
    keys = [f"sidecars/{identity.source}/{identity.device}/2026/01/15/g/{labels.filename(name)}" for name in names]
    metadata = labels.metadata(identity, CONTENT, PurePosixPath(VIOFO), keys)
    read = [unquote(part) for part in metadata.get("impp-sidecars", "").split(" ") if part]
    assert read == [f"2026/01/15/g/{labels.filename(name)}" for name in names][: len(read)]
    if len(names) == 1:
        assert len(read) == 1


@given(st.binary(min_size=1, max_size=100))
def test_the_original_name_can_be_read_back_byte_for_byte(raw: bytes) -> None:
    name = os.fsdecode(raw.replace(b"/", b"_").replace(b"\x00", b"_"))
    if name not in (".", ".."):
        assert unquote_to_bytes(labels.original_name(PurePosixPath(name))) == os.fsencode(name)


@pytest.mark.parametrize("name", ["a b.mp4", "ü+%'\"&=.mp4", "100%.mov", "日本語.mp4", "a~b#c?.mp4"])
def test_printable_names_are_unchanged(name: str) -> None:
    assert labels.filename(name) == name
    own = {"original-name": labels.original_name(PurePosixPath(name))}
    assert cloud_sources.infer(labels.key(identified(name), name), own, None, datetime.now(UTC)).source == "phone"


@pytest.mark.parametrize("path", PATHS)
def test_the_pipeline_reads_all_metadata_of_an_original(path: str) -> None:
    """The pipeline reads all metadata, old and new, without loss."""
    identity = identified(path, movie(WINTER))
    metadata = labels.metadata(identity, CONTENT, PurePosixPath(path), ["sidecars/x/y/a"], "ab" * 32)
    origin = cloud_sources.infer(
        labels.key(identity, path.rsplit("/", 1)[-1]), cloud_sources.own_metadata(metadata), None, datetime.now(UTC)
    )
    assert (origin.source, origin.device, origin.camera, origin.recording, origin.captured_at_from) == (
        identity.source,
        identity.device,
        identity.camera,
        identity.recording,
        identity.captured_from,
    )
    assert datetime.fromisoformat(origin.captured_at) == identity.captured


@settings(max_examples=examples(300))
@given(WORDS, st.lists(WORDS, max_size=4))
def test_recognised_groups_are_valid_in_keys(name: str, folders: list[str]) -> None:
    recognised = recognise(folders, name)
    if recognised is not None:
        assert recognised.group and recognised.moment and re.fullmatch(r"[\w.~() -]{1,255}", recognised.group, re.ASCII)
        assert recognised.chapter is None or 0 <= recognised.chapter <= 9999
