"""Publishing events: the envelope and its subscribers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from impp_local.kernel import events


def test_a_published_event_is_complete_and_reaches_each_subscriber_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "_subscribers", [])
    received: list[tuple[Mapping[str, Any], str]] = []

    def subscriber(event: Mapping[str, Any], bus: str) -> None:
        received.append((event, bus))

    events.subscribe(subscriber)
    events.subscribe(subscriber)
    identifier = events.publish({"source": "aws.s3", "detail-type": "Object Created", "detail": {"a": 1}}, bus="own")
    ((event, bus),) = received
    assert bus == "own"
    assert (event["id"], event["region"], event["account"]) == (identifier, "us-east-1", "123456789012")
    assert event["detail"] == {"a": 1} and event["time"].endswith("Z")
