"""The local cloud as an object: one per process, and its health and metrics."""

from __future__ import annotations

from pathlib import Path

import pytest
import requests
from tests.support.local_cloud import Maker

from impp_local.cloud import LocalCloud, PortTaken


def test_a_process_can_hold_only_one_cloud(cloud: LocalCloud, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="already runs"):
        LocalCloud(0, tmp_path).start()
    assert issubclass(PortTaken, OSError)


def test_a_waiting_execution_makes_the_cloud_busy_and_shows_in_its_metrics(make: Maker) -> None:
    url = make.cloud.endpoint
    wait = {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 3600, "End": True}}}
    run = make.start(make.machine(wait))
    busy = requests.get(f"{url}/_impp/idle", timeout=60).json()
    assert busy["idle"] is False and busy["executions"] >= 1
    metrics = requests.get(f"{url}/_impp/metrics", timeout=60).json()
    assert metrics["rss_bytes"] > 50e6 and metrics["work"]["executions"] >= 1
    make.client("stepfunctions").stop_execution(executionArn=run)
