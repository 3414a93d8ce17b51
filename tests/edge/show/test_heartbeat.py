"""A sign of life arrives in CloudWatch, seldom enough, and its absence harms nothing else."""

from __future__ import annotations

import dataclasses
import time
from collections import Counter
from pathlib import Path
from typing import Any

import boto3
import pytest
from tests.support.edge.scripted import answer, scripted
from tests.support.edge.summaries import Kept, Result

from impp_edge.config import Config
from impp_edge.show.heartbeat import LAST_BEAT, beat, device

RESULT = Result(Counter(waiting=2, failed=1), oldest_waiting=time.time() - 500)


def test_a_heartbeat_arrives_with_what_waits(config: Config, endpoint: str) -> None:
    config, state, now = dataclasses.replace(config, heartbeat_s=300, region="us-east-1"), Kept(), time.time()
    assert beat(config, state, RESULT, now) is None
    client = boto3.client("cloudwatch", endpoint_url=endpoint, region_name="us-east-1")
    listed = client.list_metrics(Namespace="IMPP/Edge")["Metrics"]
    assert {m["MetricName"] for m in listed} == {"Heartbeat", "Waiting", "OldestWaitingSeconds"}
    assert all(m["Dimensions"] == [{"Name": "Device", "Value": "blue-car"}] for m in listed)
    found = client.get_metric_statistics(
        Namespace="IMPP/Edge", MetricName="Waiting", Dimensions=listed[0]["Dimensions"], Period=60,
        StartTime=now - 600, EndTime=now + 600, Statistics=["Maximum"],
    )  # fmt: skip
    assert [point["Maximum"] for point in found["Datapoints"]] == [3]


def test_it_is_sent_when_due_only(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[Any] = []
    monkeypatch.setattr("impp_edge.show.heartbeat._send", lambda *args: sent.append(args))
    state = Kept()
    beat(config, state, RESULT, 1000.0)  # not configured
    config = dataclasses.replace(config, heartbeat_s=300)
    for now in (1000.0, 1299.0, 1300.0, 500.0):  # the last: the clock was set back
        beat(config, state, RESULT, now)
    assert len(sent) == 3


def test_no_network_is_a_reason_and_is_tried_again(config: Config) -> None:
    config, state = dataclasses.replace(config, heartbeat_s=300, endpoint_url="http://127.0.0.1:1"), Kept()
    reason = beat(config, state, RESULT)
    assert reason is not None and reason.startswith("no heartbeat to CloudWatch: ") and "refused" in reason
    assert state.get(LAST_BEAT) is None


def test_it_goes_through_a_proxy_as_footage_does(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    config = dataclasses.replace(config, heartbeat_s=300, endpoint_url="http://monitoring.example.org")
    with scripted() as proxy:
        proxy.scenes = [
            answer(200),
            answer(403, b"<ErrorResponse><Error><Code>AccessDenied</Code></Error></ErrorResponse>"),
        ]
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.port}")
        assert beat(config, Kept(), RESULT) is None
        assert beat(config, Kept(), RESULT) == "no heartbeat to CloudWatch: it answers 403: AccessDenied"
    assert [request.target for request in proxy.requests] == ["http://monitoring.example.org/"] * 2


def test_a_box_without_a_device_has_its_hosts_name(
    config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "Attic Pi")
    assert device(config) == "blue-car"
    assert device(dataclasses.replace(config, device="Van 2")) == "van-2"
    assert device(dataclasses.replace(config, folders=())) == "attic-pi"
