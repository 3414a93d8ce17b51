"""A recording that is sampled in parts, as short as a test needs it, and what stands in for models and weights."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from itertools import pairwise
from typing import Any

import boto3
import numpy as np
import pytest
from tests.support import synthetic_media as synthetic
from tests.support.aws_fakes import INGEST
from tests.support.pipeline_run import run_here

from impp_lambdas.adapters import decoding
from impp_lambdas.core.media import sampler
from impp_lambdas.handlers import sample

ASSET = "0123456789abcdef0123"
KEY = "originals/dashcam/car/2026/11/22/long.mp4"
SECONDS = 12

Payload = dict[str, Any]


@cache
def recording() -> bytes:
    """Twelve seconds, six scenes, a keyframe per second; somebody speaks from the third to the seventh second."""
    sound = np.concatenate([synthetic.hum(3) // 40, synthetic.speech(4), synthetic.hum(5) // 40])
    return synthetic.movie(synthetic.scenes(6, 2), sound=sound)


def put(*edges: float) -> Payload:
    """Upload the recording; its event for Sample and Join, with a plan whose parts end at `edges`."""
    data = recording()
    boto3.client("s3").put_object(Bucket=INGEST, Key=KEY, Body=data)
    plan = {
        "frames": {"interval_s": 1, "max": 4},
        "look": {"interval_s": 1, "max": SECONDS},
        "detectors": {"labels": "cascade", "text": "cascade"},
        "managed_calls": 4,
        "escalate": ["vehicles", "text", "novel"],
        "speech": "lambda",
        "parts": [list(part) for part in pairwise(edges)],
    }
    facts = {"kind": "video", "duration_s": float(SECONDS), "bytes": len(data), "has_audio": True}
    return {"asset": ASSET, "bucket": INGEST, "key": KEY, "version": "null", "facts": facts, "plan": plan}


def stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sample in this process, with :func:`brightness` in place of the models and no weights to fetch."""
    monkeypatch.setattr(sample, "weights", _Weights)
    monkeypatch.setattr(decoding, "run", run_here)
    monkeypatch.setattr(sampler, "_see", lambda _: brightness)


def brightness(image: Any) -> Mapping[str, list[Payload]]:
    """A car where the picture is brighter, and its brightness as text."""
    value = int(np.asarray(image.convert("L")).mean())
    box = {"box": [0.1, 0.1, 0.5, 0.5], "confidence": 90.0}
    labels = [{"name": "Car", "confidence": 90.0, "instances": [box]}] if value > 125 else []
    return {"labels": labels, "text": [{"text": f"level {value}", "confidence": 80.0, "box": None}]}


class _Weights:
    """In place of the code bucket."""

    @staticmethod
    def fetch() -> int:
        return 0
