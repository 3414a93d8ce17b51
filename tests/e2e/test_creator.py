"""A creator's clip: HLS of two makers, captions and chapters; its ledger is the bill."""

from __future__ import annotations

import json
import os
from typing import Any

import jsonschema
import pytest
from tests.support.media_clips import ffmpeg
from tests.support.paths import REPOSITORY
from tests.support.system import LAMBDA_TOLERANCE, System

from impp_engines import assets
from impp_lambdas.core.keys import catalog_calibration
from impp_lambdas.core.money.calibration import LEAST, MOST, kind
from impp_local.engines import video
from impp_smoke.checks import METERED

pytestmark = pytest.mark.slow

KEY = "originals/creator/studio/2026/11/29/film.mp4"
SECONDS = 58
"""Long enough for three chapters (`impp_lambdas.core.results.youtube`), of which the second begins after the pause."""


@pytest.fixture(scope="module")
def film(system: System, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The manifest of a clip of 720 lines in which somebody speaks, pauses, and goes on from the 17th second."""
    clip = tmp_path_factory.mktemp("film") / "film.mp4"
    street, voice = assets.path("bikes.mp4"), assets.path("two_cities.wav")
    inputs = ["-stream_loop", "-1", *video.input_options(street), *video.input_options(voice)]
    first, rest = "atrim=end=4.6,apad=whole_dur=17", "atrim=4.6:24.2,asetpts=PTS-STARTPTS"
    speech = f"[1:a]asplit[a][b];[a]{first}[first];[b]{rest}[rest];[first][rest]concat=v=0:a=1,apad[speech]"
    tracks = ["-filter_complex", speech, "-map", "0:v", "-map", "[speech]", "-t", str(SECONDS)]
    picture = ["-vf", "fps=5,scale=1280:720,setsar=1", "-c:v", "libx264", "-preset", "ultrafast", "-g", "50"]
    ffmpeg(*inputs, *tracks, *picture, "-pix_fmt", "yuv420p", "-c:a", "aac", "-movflags", "+faststart", to=clip)
    asset = system.upload(clip, KEY)
    system.wait_until_idle()
    manifest: dict[str, Any] = system.deliver(f"assets/{asset}/manifest.json").json()
    return manifest


def test_it_has_a_presentation_of_two_makers_captions_and_chapters(system: System, film: dict[str, Any]) -> None:
    assert (film["state"], film["reason"], film["profile"]["name"]) == ("published", None, "creator")
    schema = json.loads((REPOSITORY / "schemas/manifest.v1.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker()).validate(film)
    assert film["original_playable"] == {"playable": True, "why": "browsers play h264 and aac in mp4"}
    (execution,) = system.executions(KEY)
    entered = system.states_entered(execution)
    assert {"RenditionsOfBoth", "ProxyOfBoth", "TranscodeOfBoth"} <= set(entered)
    assert [(r["name"], r["height"]) for r in film["renditions"]] == [
        ("hls-720", 720),
        ("hls-480", 480),
        ("hls-audio", None),
    ]
    assert all(r["duration_s"] == pytest.approx(SECONDS, abs=0.5) for r in film["renditions"])
    main = system.deliver(film["hls"]).text
    assert main.count("#EXT-X-STREAM-INF") == main.count('SUBTITLES="captions"') == main.count('AUDIO="audio"') == 2
    assert system.deliver(film["captions"]["key"]).text.startswith("WEBVTT\n\n1\n00:00:0")
    youtube = system.deliver(film["youtube"]).json()
    assert youtube["chapters"][0]["t"] == 0 and len(youtube["chapters"]) >= 3 and "0:00 " in youtube["description"]


def test_its_functions_teach_the_next_quote(system: System, film: dict[str, Any]) -> None:
    basis = film["cost"]["quote_basis"]
    assert set(basis["functions"]) == {"sample", "hear", "proxy"} and basis["machine"] == kind(os.uname().machine)
    learned = system.item(catalog_calibration(basis["machine"]))
    assert learned["assets"] > basis["assets"] and LEAST <= learned["proxy"][-1] <= MOST


def test_its_ledger_is_the_bill_and_within_the_quote(system: System, film: dict[str, Any]) -> None:
    """The quote's share of Lambda is left out: a busy machine takes longer than it says."""
    item, bill = system.asset(film["asset"]), system.page("bill")["lines"]
    ledger, quote, billed = (
        {service: sum(line["usd"] for line in lines if line["service"] == service) for service in (*METERED, "lambda")}
        for lines in (item["ledger"], item["quote"], [line for line in bill if line.get("asset") == film["asset"]])
    )
    assert ledger["mediaconvert"] == pytest.approx((0.015 + 0.003) * SECONDS / 60, rel=0.02), "720 lines and sound"
    assert {s: billed[s] for s in METERED} == pytest.approx({s: ledger[s] for s in METERED}, rel=0.01)
    assert ledger["lambda"] == pytest.approx(billed["lambda"], **LAMBDA_TOLERANCE)
    assert all(ledger[service] <= quote[service] for service in METERED)
