"""PutEvents."""

from __future__ import annotations

import json

from tests.support.local_cloud import Maker


def test_put_events_goes_through_the_bus_and_answers_each_entry(make: Maker) -> None:
    url, queue = make.queue()
    source = make.name("client")
    transformer = {"InputPathsMap": {"n": "$.detail.n"}, "InputTemplate": '{"number": <n>}'}
    make.rule({"source": [source]}, Arn=queue, InputTransformer=transformer)
    answer = make.client("events").put_events(
        Entries=[
            {"Source": source, "DetailType": "T", "Detail": '{"n": 1}'},
            {"Source": source, "DetailType": "T", "Detail": "[]"},
            {"Source": "aws.s3", "DetailType": "T", "Detail": "{}"},
        ]
    )
    assert answer["FailedEntryCount"] == 2
    assert [entry.get("ErrorCode") for entry in answer["Entries"]] == [
        None,
        "MalformedDetail",
        "NotAuthorizedForSourceException",
    ]
    (message,) = make.messages(url)
    assert json.loads(message["Body"]) == {"number": 1}
