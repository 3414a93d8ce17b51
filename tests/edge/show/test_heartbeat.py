"""Heartbeats reach CloudWatch at their interval, and a failed one affects nothing else."""

from __future__ import annotations

import dataclasses
import time
from collections import Counter
from pathlib import Path
from typing import Any

import boto3
import pytest
from tests.support.edge.scripted_server import answer, run_scripted_server
from tests.support.edge.summaries import Result, StateValues

from impp_edge.config import Config
from impp_edge.show.heartbeat import LAST_BEAT, beat, device

RESULT = Result(Counter(waiting=2, failed=1), oldest_waiting=time.time() - 500)


def test_a_heartbeat_reports_waiting_files(config: Config, endpoint: str) -> None:
    config, state, now = dataclasses.replace(config, heartbeat_s=300, region="us-east-1"), StateValues(), time.time()
    assert beat(config, state, RESULT, now) is None
    client = boto3.client("cloudwatch", endpoint_url=endpoint, region_name="us-east-1")
    listed = client.list_metrics(Namespace="IMPP/Edge")["Metrics"]
    assert {m["MetricName"] for m in listed} == {"Heartbeat", "Waiting", "OldestWaitingSeconds"}
    assert all(m["Dimensions"] == [{"Name": "Device", "Value": "blue-car"}] for m in listed)
    statistics = client.get_metric_statistics(
        Namespace="IMPP/Edge", MetricName="Waiting", Dimensions=listed[0]["Dimensions"], Period=60,
        StartTime=now - 600, EndTime=now + 600, Statistics=["Maximum"],
    )  # fmt: skip
    assert [point["Maximum"] for point in statistics["Datapoints"]] == [3]


def test_a_heartbeat_is_sent_only_when_due(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[Any] = []
    monkeypatch.setattr("impp_edge.show.heartbeat._send", lambda *args: sent.append(args))
    state = StateValues()
    beat(config, state, RESULT, 1000.0)  # not configured
    config = dataclasses.replace(config, heartbeat_s=300)
    for now in (1000.0, 1299.0, 1300.0, 500.0):  # the last: the clock was set back
        beat(config, state, RESULT, now)
    assert len(sent) == 3


def test_a_network_error_is_reported_and_retried(config: Config) -> None:
    config, state = dataclasses.replace(config, heartbeat_s=300, endpoint_url="http://127.0.0.1:1"), StateValues()
    reason = beat(config, state, RESULT)
    assert reason is not None and reason.startswith("no heartbeat to CloudWatch: ") and "refused" in reason
    assert state.get(LAST_BEAT) is None


def test_heartbeats_use_the_proxy(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    config = dataclasses.replace(config, heartbeat_s=300, endpoint_url="http://monitoring.example.org")
    with run_scripted_server() as proxy:
        proxy.scenes = [
            answer(200),
            answer(403, b"<ErrorResponse><Error><Code>AccessDenied</Code></Error></ErrorResponse>"),
        ]
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.port}")
        assert beat(config, StateValues(), RESULT) is None
        assert beat(config, StateValues(), RESULT) == "no heartbeat to CloudWatch: it returned 403: AccessDenied"
    assert [request.target for request in proxy.requests] == ["http://monitoring.example.org/"] * 2


def test_the_device_defaults_to_the_host_name(config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "Attic Pi")
    assert device(config) == "blue-car"
    assert device(dataclasses.replace(config, device="Van 2")) == "van-2"
    assert device(dataclasses.replace(config, folders=())) == "attic-pi"
