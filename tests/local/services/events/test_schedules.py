"""Schedules run by hand."""

from __future__ import annotations

import json

import requests
from tests.support.local_cloud import Maker


def test_schedules_run_by_hand(make: Maker) -> None:
    url, queue = make.queue()
    name = make.name("nightly")
    make.client("scheduler").create_schedule(
        Name=name,
        ScheduleExpression="cron(0 6 * * ? *)",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": queue, "RoleArn": "arn:aws:iam::123456789012:role/r", "Input": '{"report": "daily"}'},
    )
    listed = requests.get(f"{make.cloud.endpoint}/_impp/schedules", timeout=60).json()["schedules"]
    assert {"name": name, "expression": "cron(0 6 * * ? *)", "state": "ENABLED", "target": queue} in listed
    assert requests.post(f"{make.cloud.endpoint}/_impp/schedules/{name}/run", timeout=60).status_code == 200
    assert json.loads(make.messages(url)[0]["Body"]) == {"report": "daily"}
    assert requests.post(f"{make.cloud.endpoint}/_impp/schedules/nobody/run", timeout=60).status_code == 404
