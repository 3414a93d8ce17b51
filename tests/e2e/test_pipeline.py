"""Aborted executions and the daily report: what footage alone does not cause."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
import requests
from tests.support.system import System

pytestmark = pytest.mark.slow


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
