"""Clients in several threads against moto in the same process."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from moto.core.botocore_stubber import BotocoreStubber


def take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Process one request at a time. moto locks single steps only: a get whose object is replaced meanwhile fails,
    because the file with the old bytes is closed, where S3 returns the old ones. A request may send another."""
    process, turn = BotocoreStubber.process_request, threading.RLock()

    def process_in_turn(stubber: BotocoreStubber, request: Any) -> Any:
        with turn:
            return process(stubber, request)

    monkeypatch.setattr(BotocoreStubber, "process_request", process_in_turn)
