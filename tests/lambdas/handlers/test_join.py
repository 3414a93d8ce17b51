"""Join: what is sampled in parts is what one pass would have sampled, and what a failed part lacks is said."""

from __future__ import annotations

import json
from collections.abc import Iterator

import boto3
import numpy as np
import pytest
from PIL import Image
from tests.support import long_file
from tests.support.aws_fakes import WORK, FakeContext, mocked_account
from tests.support.long_file import ASSET, Payload

from impp_lambdas.adapters import decoding, looks, parts
from impp_lambdas.adapters.looks import unpack
from impp_lambdas.core.media.pictures import encode
from impp_lambdas.core.media.samples import Picture, Sampled
from impp_lambdas.core.media.voice import Voice
from impp_lambdas.handlers import analyze, join, sample

CONTEXT = FakeContext(memory_limit_in_mb=1769)


@pytest.fixture(autouse=True)
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with mocked_account(monkeypatch):
        long_file.stand_in(monkeypatch)
        yield


def read(key: str) -> bytes:
    return bytes(boto3.client("s3").get_object(Bucket=WORK, Key=key)["Body"].read())


def sample_parts(request: Payload) -> list[Payload]:
    return [sample.handler({**request, "part": number}, CONTEXT) for number in range(len(request["plan"]["parts"]))]


def contents(out: Payload) -> Payload:
    """What the keys of a result hold."""
    frames = json.loads(read(out["frames"]))["frames"]
    return {
        "looks": [dict(look) for look in unpack(read(out["findings"]))],
        "frames": [{**frame, "jpeg": read(frame["key"])} for frame in frames],
        "poster": read(out["poster"]),
        "storyboard": read(out["storyboard"].replace(".jpg", ".vtt")),
    }


@pytest.mark.slow
def test_parts_joined_are_what_one_pass_samples() -> None:
    request = long_file.put(0.0, 5.0, 10.0, 12.0)
    whole = sample.handler(long_file.put(0.0, 12.0), CONTEXT)
    expected = contents(whole)
    results = sample_parts(request)
    assert [{**result, "usage": []} for result in results] == [
        {"status": "ok", "part": number, "usage": []} for number in range(3)
    ]
    joined = join.handler({**request, "parts": results}, CONTEXT)
    assert contents(joined) == expected
    assert [int(look["t"]) for look in expected["looks"]] == list(range(12)) and len(expected["frames"]) >= 2
    different = {"usage", "speech_ratio", "voiced_s", "voiced"}
    assert {k: v for k, v in joined.items() if k not in different} == {
        k: v for k, v in whole.items() if k not in different
    }
    assert np.allclose(joined["voiced"], whole["voiced"], atol=0.2), "a part's edge is not a pause"
    assert joined["voiced_s"] == pytest.approx(whole["voiced_s"], abs=0.5)


def test_parts_are_billed_with_what_joins_them() -> None:
    request = long_file.put(0.0, 6.0, 12.0)
    results = sample_parts(request)
    lines = join.handler({**request, "parts": results}, CONTEXT)["usage"]
    requests = sum(line["quantity"] for line in lines if (line["service"], line["item"]) == ("lambda", "request"))
    puts = sum(line["quantity"] for line in lines if (line["service"], line["item"]) == ("s3", "put"))
    written = boto3.client("s3").list_objects_v2(Bucket=WORK)["KeyCount"]
    assert (requests, puts) == (3, written)


def test_a_part_that_failed_is_missing_and_all_of_its_sound_is_heard() -> None:
    request = long_file.put(0.0, 4.0, 8.0, 12.0)
    results = sample_parts(request)
    results[2] = {"status": "failed", "error": "Sandbox.Timedout", "cause": "", "part": 2}
    out = join.handler({**request, "parts": results}, CONTEXT)
    assert out["incomplete"] == "1 of 3 parts: not sampled, the function ran out of time"
    assert [int(look["t"]) for look in unpack(read(out["findings"]))] == list(range(8))
    assert out["status"] == "ok" and out["voiced"][-1][1] == 12.0


def test_without_any_part_the_sample_has_failed_for_their_reason() -> None:
    request = long_file.put(0.0, 6.0, 12.0)
    failed = [{"status": "failed", "error": "Unreadable", "cause": "it is noise", "part": n} for n in range(2)]
    out = join.handler({**request, "parts": failed}, CONTEXT)
    assert (out["status"], out["error"], out["cause"]) == ("failed", "Unreadable", "it is noise")
    assert (out["frames"], out["poster"], out["speech"], out["voiced"]) == (None, None, True, None)


JPEG = encode(Image.new("RGB", (8, 8)))


def busy(number: int, seconds: int) -> Sampled:
    """A part in which a car is seen all the time and somebody speaks every ten seconds."""
    start = number * seconds
    labels = [{"name": "Car", "confidence": 88.0, "instances": [], "engine": "lambda"}]
    rows = [{"t": float(start + n), "hash": "0" * 16, "quality": 0.5, "labels": labels} for n in range(seconds)]
    shots = [Picture(float(start + 10 * n), 8, 8, f"{n:016x}", 0.5, n == 0, lambda: JPEG) for n in range(120)]
    spans = [(start + 10.0 * n, start + 10.0 * n + 2) for n in range(seconds // 10)]
    return Sampled(shots, shots[0], None, rows, Voice(seconds / 5, seconds, spans, 12.0), None)


@pytest.mark.slow
def test_twelve_hours_stay_small_in_the_state_machine_and_are_analysed_within_its_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    parts_s = [(1200.0 * n, 1200.0 * (n + 1)) for n in range(36)]
    plan = {"detectors": {"labels": "cascade"}, "managed_calls": 240, "escalate": ["vehicles", "novel"]}
    plan |= {"frames": {"interval_s": 10, "max": 30}, "parts": parts_s, "speech": "lambda"}
    plan |= {"look": {"interval_s": 1, "max": 43_236}}
    facts = {"kind": "video", "duration_s": 43_200.0, "has_audio": True}
    monkeypatch.setattr(decoding, "run", lambda *_: ({"storyboard": None}, []))
    for number in range(36):
        parts.write(WORK, ASSET, number, busy(number, 1200))
    usage = [{"service": "lambda", "item": "arm64_gb_second", "quantity": 1.0, "unit": "GB-s", "usd": 1e-5}] * 4
    results = [{"status": "ok", "part": number, "usage": usage, "transitions": 1} for number in range(36)]
    request = {"asset": ASSET, "facts": facts, "plan": plan, "parts": results}
    out = join.handler(request, CONTEXT)
    assert len(json.dumps(request)) < 32_000 and len(json.dumps(out)) < 32_000, "of 256 KiB"
    assert 1 < out["frame_count"] <= 240 and 400 < len(out["voiced"]) <= 500
    seen = looks.read(WORK, out["findings"])
    assert sum(1 for _ in unpack(seen)) == 43_200
    asked = {"frames": None, "findings": out["findings"], "asset": ASSET, "plan": plan, "facts": facts}
    analysed = analyze.handler(asked, CONTEXT)
    assert analysed["labels"][0]["count"] == 43_200 and len(json.dumps(analysed)) < 32_000
    assert len(json.loads(read(analysed["analysis"]))["frames"]) == 43_200
