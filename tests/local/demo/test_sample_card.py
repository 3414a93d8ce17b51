"""The sample SD card: its files are as described, and of every kind each encoding is the same."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from impp_engines import assets, speech
from impp_engines.media import MediaError
from impp_local.demo import sample_card
from impp_local.demo.sample_card import make_sample_card
from impp_local.engines import video

pytestmark = pytest.mark.slow


def test_the_sample_files_are_as_described(tmp_path: Path) -> None:
    card = make_sample_card(tmp_path)
    assert sum(entry.path.stat().st_size for entry in card) < 5_000_000
    assert {entry.expect for entry in card} == {"published", "quarantined"}
    films = {entry.path.name: video.probe(entry.path) for entry in card if entry.state == "published"}
    assert all(5 <= film.duration_s <= 12 for film in films.values())
    phone = films["PXL_20261018_143210512.mp4"].video
    assert phone and (phone.width, phone.height, phone.rotation) == (1280, 720, 90)
    assert films["20261017_190210_PF.mp4"].audio is None
    front = films["20261017_081500_NF.mp4"].video
    rear = films["20261017_081500_NR.mp4"].video
    assert front and rear and front.width > rear.width
    broken = next(entry for entry in card if entry.state == "quarantined")
    with pytest.raises(MediaError) as error:
        video.probe(broken.path)
    assert (error.value.reason, broken.reason) == ("no_moov", "truncated")
    written = datetime.fromtimestamp(broken.path.stat().st_mtime, UTC)
    assert written == datetime(2026, 10, 17, 8, 20, 50, tzinfo=UTC)

    transcript = speech.transcribe(card[0].path, model=speech.TINY_EN)
    text = " ".join(word.text for segment in transcript.segments for word in segment.words).lower()
    assert "best of times" in text and "worst of times" in text


def test_of_every_kind_each_encoding_is_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = assets.cache_root() / "files"
    kinds = [
        next(clip for clip in sample_card._CLIPS if getattr(clip, kind)) for kind in ("stamp", "upright", "damaged")
    ]
    monkeypatch.setattr(sample_card, "_CLIPS", [replace(clip, seconds=1.0) for clip in kinds])
    encoded = []
    for name in ("one", "two"):
        cache = tmp_path / name / "cache"
        (cache / "impp").mkdir(parents=True)
        (cache / "impp" / "files").symlink_to(files)
        monkeypatch.setenv("XDG_CACHE_HOME", str(cache))  # without the clips of another card
        encoded.append([entry.path.read_bytes() for entry in make_sample_card(tmp_path / name / "card")])
    assert encoded[0] == encoded[1]
