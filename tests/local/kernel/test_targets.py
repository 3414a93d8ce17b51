"""Sending to ARNs: the receiver, and errors of a target."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from moto.sqs.exceptions import QueueDoesNotExist

from impp_local.kernel import targets
from impp_local.kernel.dispatch import Undeliverable

ARN = "arn:aws:thing:us-east-1:123456789012:one"


def test_a_target_is_received_by_its_service(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(targets, "_receivers", {})
    received: list[tuple[str, str, Mapping[str, Any]]] = []
    targets.register("thing", lambda *arguments: received.append(arguments))
    targets.send({"Arn": ARN, "Input": "x"}, "{}")
    assert received == [(ARN, "{}", {"Arn": ARN, "Input": "x"})]


def refuse(error: Exception) -> Callable[..., None]:
    def receive(*_: object) -> None:
        raise error

    return receive


@pytest.mark.parametrize(
    ("receiver", "code", "retry"),
    [
        (None, "NO_RESOURCE", False),
        (refuse(QueueDoesNotExist()), "NO_RESOURCE", False),
        (refuse(Undeliverable("THROTTLING", "slow down")), "THROTTLING", True),
    ],
)
def test_an_error_of_a_target_is_undeliverable(
    monkeypatch: pytest.MonkeyPatch, receiver: Callable[..., None] | None, code: str, retry: bool
) -> None:
    monkeypatch.setattr(targets, "_receivers", {"thing": receiver} if receiver else {})
    with pytest.raises(Undeliverable) as caught:
        targets.send({"Arn": ARN}, "{}")
    assert (caught.value.code, caught.value.retry) == (code, retry)
