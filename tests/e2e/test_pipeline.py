"""Copies, aborted executions and the daily report: what a card of footage alone does not cause."""

from __future__ import annotations

import hashlib
import json
import time
from pathlib import Path
from typing import Any

import pytest
import requests
from tests.support.system import System

from impp_lambdas.core.keys import asset_id

pytestmark = pytest.mark.slow


def test_equal_content_under_another_name_is_the_same_asset(system: System, media: dict[str, Path]) -> None:
    path = media["bare"].with_name("copied.mp4")
    path.write_bytes(media["bare"].read_bytes() + b"\0" * 8)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    first, second = (f"originals/phone/{device}/2026/11/22/clip.mp4" for device in ("tests", "copies"))
    for key in (first, second):
        copy = system.upload(path, key, Metadata={"impp-sha256": sha256})
        system.wait_until_idle()
        assert copy == asset_id("", "", "", sha256)
    (execution,) = system.executions(second)
    assert execution["status"] == "SUCCEEDED"
    assert "Sample" not in system.states_entered(execution)
    assert system.asset(copy)["key"] == first


def test_the_daily_cost_report_reaches_the_chat(system: System) -> None:
    (schedule,) = [s for s in system.page("schedules")["schedules"] if "cost" in s["name"]]
    requests.post(f"{system.cloud.endpoint}/_impp/schedules/{schedule['name']}/run", timeout=60).raise_for_status()
    system.wait_until_idle()
    assert any("cost" in json.dumps(body).lower() for path, body in system.chat.posts if path == "/slack")


def test_an_aborted_execution_is_recorded_and_alerts(system: System, media: dict[str, Path]) -> None:
    """The failure function hears of the end of any execution."""
    key = "originals/phone/tests/2026/11/22/aborted.mp4"
    before = media["vfr"].read_bytes()
    path = media["vfr"].with_name("aborted.mp4")
    path.write_bytes(before + b"\0" * 8)
    asset = system.upload(path, key)
    (execution,) = _eventually(lambda: system.executions(key))
    system.client("stepfunctions").stop_execution(executionArn=execution["executionArn"], cause="a test")
    system.wait_until_idle()
    assert len(system.alerts(asset)) == 1


def _eventually(look: Any, patience_s: float = 30) -> Any:
    deadline = time.monotonic() + patience_s
    while not (result := look()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)
    return result
