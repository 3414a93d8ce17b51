"""A profile for which Rekognition analyses the video itself: started with a task token, resumed by its topic."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.deployment import FILMED
from tests.support.media_clips import street
from tests.support.system import System

pytestmark = pytest.mark.slow


def test_a_video_is_analysed_announced_and_paid_for_once(system: System, tmp_path: Path) -> None:
    path = street(tmp_path / "filmed.mp4", seconds=4)
    key = f"{FILMED}2026/11/29/filmed.mp4"
    asset = system.upload(path, key)
    system.wait_until_idle()
    (execution,) = system.executions(key)
    entered = system.states_entered(execution)
    assert [state for state in entered if "Video" in state] == ["AnalyzeVideo", "AnalyzeWithVideo"]
    body = system.deliver(f"assets/{asset}/manifest.json").json()
    assert body["profile"]["name"] == "filmed" and body["branches"]["analyze"] == {"status": "ok"}
    labels = body["analysis"]["labels"]
    assert labels and {label["engine"] for label in labels} == {"rekognition-video"}
    items = {line["item"]: line["quantity"] for line in body["cost"]["ledger"] if line["service"] == "rekognition"}
    billed = {
        line["item"]: line["quantity"]
        for line in system.page("bill")["lines"]
        if line["service"] == "rekognition" and line["asset"] == asset
    }
    assert items.keys() == {"video_label", "video_text"} and billed == pytest.approx(items)
    transitions = next(line for line in body["cost"]["ledger"] if line["item"] == "standard_transition")
    assert transitions["quantity"] == len(entered)
    assert body["cost"]["usd"] <= body["cost"]["quote_usd"]
