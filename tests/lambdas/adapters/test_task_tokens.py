"""What a handler's end tells the state machine, by the task token."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.support.aws_fakes import FakeContext

from impp_lambdas.adapters import task_tokens
from impp_lambdas.core.intake.unreadable import Unreadable
from impp_lambdas.core.replies import Reply

Sent = list[tuple[str, dict[str, str]]]


class TooLong(Reply):
    """The kind of thing that a function replies."""


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Sent:
    """What Step Functions receives."""
    requests: Sent = []

    def send(operation: str, **request: str) -> bool:
        requests.append((operation, request))
        return True

    monkeypatch.setattr(task_tokens, "_send", send)
    return requests


def ends(end: Callable[[], dict[str, Any]], **event: str) -> dict[str, Any]:
    """Run a handler that ends in a way."""
    return task_tokens.answers(lambda _event, _context: end())(event, FakeContext())


def replies() -> dict[str, Any]:
    raise TooLong("by an hour")


def opens_nothing() -> dict[str, Any]:
    raise Unreadable("the picture does not open")


def crashes() -> dict[str, Any]:
    raise ValueError("broken")


def test_a_result_answers_the_token(sent: Sent) -> None:
    ends(lambda: {"status": "ok", "name": "ü"}, token="t")
    assert sent == [("send_task_success", {"taskToken": "t", "output": '{"status": "ok", "name": "ü"}'})]


def test_a_reply_answers_the_token_and_is_no_error_of_the_function(sent: Sent) -> None:
    ends(replies, token="t")
    assert sent == [("send_task_failure", {"taskToken": "t", "error": "TooLong", "cause": "by an hour"})]


def test_a_file_that_does_not_open_is_no_error_of_the_function(sent: Sent) -> None:
    ends(opens_nothing, token="t")
    assert [(operation, request["error"]) for operation, request in sent] == [("send_task_failure", "Unreadable")]


def test_an_error_is_left_to_lambda(sent: Sent) -> None:
    with pytest.raises(ValueError, match="broken"):
        ends(crashes, token="t")
    assert sent == []


def test_without_a_token_result_and_reply_are_passed_on(sent: Sent) -> None:
    assert ends(lambda: {"status": "ok"}) == {"status": "ok"}
    with pytest.raises(TooLong):
        ends(replies)
    assert sent == []
