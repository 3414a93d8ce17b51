"""`impp cost`: sums of the ledgers, and quotes for a folder."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.support import synthetic_media as synthetic
from tests.support.archive_account import DELIVERY, ArchiveAccount

from impp_cli.archive import footage
from impp_lambdas.core.results import index

TODAY = datetime.now(UTC)
MONTH = f"{TODAY:%Y-%m}"


@pytest.fixture
def spent(archive: ArchiveAccount) -> ArchiveAccount:
    """Three assets of two months."""
    shards: dict[str, Any] = {}
    listed = None
    line = {"item": "x", "quantity": 1, "unit": "x"}
    assets = ((MONTH, "blackvue", 1.0), (MONTH, "pixel", 0.5), ("2020-01", "pixel", 4.0))
    for number, (month, device, usd) in enumerate(assets):
        item = {
            "asset": (asset := f"{number:020x}"), "state": "published", "key": "originals/x.mp4", "device": device,
            "captured_at": f"{month}-01T00:00:00Z", "day": f"{month}-01", "usd": usd, "duration_s": 1800.0,
            "size": 500_000_000, "profile": {"name": "p", "why": "so"}, "source": "phone",
            "ledger": [{**line, "service": "lambda", "usd": usd / 4}, {**line, "service": "s3", "usd": usd * 3 / 4}],
        }  # fmt: skip
        archive.put_item(f"ASSET#{asset}", item)
        shards[month] = index.with_entry(shards.get(month), month, asset, index.entry(item))
        row = index.row(shards[month])
        listed = index.with_row(listed, row, "2026-11-29T12:00:00Z")
        empty = {"version": 1, "month": month, "assets": {}}
        for key, document in ((row["path"], shards[month]), (row["words"], empty), ("index/shards.json", listed)):
            archive.s3.put_object(Bucket=DELIVERY, Key=key, Body=json.dumps(document).encode())
    archive.put_item(f"SPEND#{MONTH}", {"usd": 1.5})
    archive.put_item(f"SPEND#{MONTH}-01", {"usd": 1.5})
    return archive


def cost(archive: ArchiveAccount, *arguments: str) -> Any:
    result = archive.impp("cost", "--json", *arguments)
    assert result.exit_code == 0, result.output
    return json.loads(result.output)


def test_the_month_so_far_has_a_forecast_and_an_asset_its_price(spent: ArchiveAccount) -> None:
    document = cost(spent)
    assert document["month"]["usd"] == 1.5 <= document["month"]["forecast_usd"]
    assert document["assets"] == {"usd": 5.5, "assets": 3, "seconds": 5400.0, "bytes": 1.5e9}
    text = spent.impp("cost").output
    assert "3 assets ever: $5.50" in text and "$1.83 per asset, $3.67 per hour of footage, $3.67 per GB" in text
    past = cost(spent, "--month", "2020-01")
    assert (past["month"]["forecast_usd"], past["assets"]["usd"]) == (None, 4.0)


def test_the_factors_of_quotes_are_shown(spent: ArchiveAccount) -> None:
    assert "quotes" not in spent.impp("cost").output and cost(spent)["calibration"] == {}
    spent.put_item("CALIBRATION#x86_64", {"assets": 7, "execution": "e", "proxy": [1.2] * 7, "sample": [], "hear": []})
    factors = {"sample": 1.4, "hear": 1.4, "proxy": 1.26}
    assert cost(spent)["calibration"] == {"x86_64": {"assets": 7, "factors": factors}}
    line = "quotes on x86_64 take the estimated seconds times sample 1.40, hear 1.40, proxy 1.26: 7 ledgers"
    assert line in spent.impp("cost").output


def test_sums_by(spent: ArchiveAccount) -> None:
    """One archive for all of them: they only read."""
    for by, month, expected in (
        ("device", None, {"pixel": 4.5, "blackvue": 1.0}),
        ("device", MONTH, {"blackvue": 1.0, "pixel": 0.5}),
        ("profile", None, {"p": 5.5}),
        ("source", None, {"phone": 5.5}),
        ("service", None, {"s3 x": 4.125, "lambda x": 1.375}),
        ("service", "2020-01", {"s3 x": 3.0, "lambda x": 1.0}),
        ("day", None, {f"{MONTH}-01": 1.5}),
    ):
        sums = cost(spent, "--by", by, *(("--month", month) if month else ()))["by"]
        amounts = {name: one["usd"] if isinstance(one, dict) else one for name, one in sums.items()}
        assert list(amounts.items()) == list(expected.items()), (by, month)
        assert spent.impp("cost", "--by", by).exit_code == 0, (by, month)


def test_mistakes_and_nothing_have_their_codes(archive: ArchiveAccount, tmp_path: Path) -> None:
    assert archive.impp("cost", "--month", "2026").exit_code == 2
    assert archive.impp("cost", "--by", "device").exit_code == 3
    assert archive.impp("cost", "what-if", str(tmp_path)).exit_code == 3


def test_a_folder_is_quoted_without_an_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from click.testing import CliRunner

    from impp_cli.cli import main

    (tmp_path / "Normal").mkdir()
    movie = synthetic.movie(synthetic.scenes(2, 2), sound=synthetic.hum(4))
    (tmp_path / "Normal" / "20261017_081500_NF.mp4").write_bytes(movie)
    (tmp_path / "Normal" / "20261017_081600_NF.mp4").write_bytes(movie)
    (tmp_path / "IMG_1.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(8) + b"\0\0\x0f\xa0\0\0\x0b\xb8" + bytes(2000))
    (tmp_path / "clip.flv").write_bytes(b"FLV\x01\x05" + bytes(3000))
    (tmp_path / "clip.ts").write_bytes(3 * (b"\x47" + bytes(187)))
    (tmp_path / "cut.mp4").write_bytes(movie[: len(movie) // 2])
    (tmp_path / "notes.txt").write_text("no footage")
    (tmp_path / "link.mp4").symlink_to(tmp_path / "Normal" / "20261017_081500_NF.mp4")
    runner = CliRunner(env={"XDG_CONFIG_HOME": str(tmp_path / "none"), "IMPP_ENV": None})
    result = runner.invoke(main, ["cost", "what-if", str(tmp_path), "--json"])
    assert result.exit_code == 0, result.output
    document = json.loads(result.output)
    routine = document["by_profile"]["dashcam-routine"]
    assert (routine["files"], routine["bytes"]) == (2, 2 * len(movie)) and 0 < routine["usd"] < 0.1
    assert 0 < routine["kept_usd"]["1"] <= routine["kept_usd"]["3"] <= routine["kept_usd"]["10"]
    assert sum(one["files"] for one in document["by_profile"].values()) == 3
    text = runner.invoke(main, ["cost", "what-if", str(tmp_path)]).output
    assert "dashcam-routine" in text and "together" in text
    assert [(file["path"], file["container"]) for file in document["unpriced"]] == [
        (str(tmp_path / "clip.flv"), "flv"),
        (str(tmp_path / "clip.ts"), "mpegts"),
        (str(tmp_path / "cut.mp4"), "mp4"),
    ]
    assert "Not in this sum: 1 file (flv: it has neither a picture nor sound in its first tags): clip.flv" in text
    assert "Not in this sum: 1 file (mpegts: it is damaged or was cut short): clip.ts" in text
    assert "(mp4: it has no index (moov): its recorder did not finish it, and the pipeline will quarantine it)" in text


def test_a_movie_has_the_facts_that_probe_would_state(tmp_path: Path) -> None:
    from impp_lambdas.core.intake import facts
    from impp_local.engines import video
    from impp_local.services.mediaconvert import prober

    file = tmp_path / "PXL_20261018_143210512.mp4"
    file.write_bytes(synthetic.movie(synthetic.scenes(2, 2), sound=synthetic.hum(4)))
    (read,) = footage.files(tmp_path)
    probed = facts.from_probe(prober.result(video.probe(file), "etag", TODAY))
    assert read.facts and probed
    for name in ("kind", "width", "height", "video_codec", "audio_codec", "has_audio"):
        assert getattr(read.facts, name) == getattr(probed, name), name
    assert read.facts.duration_s == pytest.approx(probed.duration_s, abs=0.1)
    assert read.facts.fps == pytest.approx(probed.fps, rel=0.05)
    assert (read.facts.source, read.facts.captured_at[:10]) == ("phone", "2026-10-18")


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("clip.avi", ("-c:v", "mjpeg", "-c:a", "pcm_s16le")),
        ("clip.mkv", ("-c:v", "libx264", "-c:a", "aac")),
        ("clip.wav", ("-vn",)),
        ("clip.flac", ("-vn",)),
        ("clip.ts", ("-c:v", "libx264", "-c:a", "aac")),
        ("clip.m2ts", ("-c:v", "libx264", "-c:a", "ac3", "-mpegts_m2ts_mode", "1")),
        ("hevc.mts", ("-c:v", "libx265", "-c:a", "mp2")),
        ("old.m2t", ("-c:v", "mpeg2video", "-aspect", "16:9", "-c:a", "mp2")),
        ("anamorphic.ts", ("-c:v", "libx264", "-vf", "scale=480:360,setsar=4/3")),
        ("sound.ts", ("-vn", "-c:a", "libopus", "-mpegts_m2ts_mode", "0")),
        ("constant.mp3", ("-vn", "-c:a", "libmp3lame", "-b:a", "64k")),
        ("variable.mp3", ("-vn", "-c:a", "libmp3lame", "-q:a", "4", "-write_xing", "0")),
        ("slow.mp3", ("-vn", "-c:a", "libmp3lame", "-ar", "11025")),
        ("layer2.mp3", ("-vn", "-c:a", "mp2", "-f", "mp2")),
        ("clip.aac", ("-vn", "-c:a", "aac")),
        ("clip.opus", ("-vn", "-c:a", "libopus")),
        ("vorbis.ogg", ("-vn", "-c:a", "libvorbis")),
        ("flac.oga", ("-vn", "-c:a", "flac")),
        ("theora.ogv", ("-c:v", "libtheora", "-c:a", "libvorbis")),
    ],
)
def test_other_containers_have_the_facts_that_probe_would_state(
    tmp_path: Path, name: str, options: tuple[str, ...]
) -> None:
    from tests.support.media_clips import ffmpeg

    from impp_lambdas.core.intake import facts
    from impp_local.engines import video
    from impp_local.services.mediaconvert import prober

    picture = ("-f", "lavfi", "-i", "testsrc=size=320x180:rate=25:duration=4")
    sound = ("-f", "lavfi", "-i", "sine=duration=4")
    ffmpeg(*picture, *sound, *options, to=tmp_path / name)
    (read,) = footage.files(tmp_path)
    probed = facts.from_probe(prober.result(video.probe(tmp_path / name), "etag", TODAY))
    assert read.facts and probed
    for field in ("kind", "width", "height", "video_codec", "has_audio"):
        assert getattr(read.facts, field) == getattr(probed, field), field
    # Probe states no length of streams; an encoder's delay is part of theirs.
    assert read.facts.duration_s == pytest.approx(probed.duration_s or 4.0, abs=0.2)
    assert (read.facts.fps or 0) == pytest.approx(probed.fps or 0, rel=0.05)
    (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:20])
    (damaged,) = footage.files(tmp_path)
    assert damaged.facts is None
