"""The stages of a run: the local cloud as a process, the edge script, their environment."""

from __future__ import annotations

import io
import os
import socket
import urllib.request
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from impp_local.demo import stages
from impp_local.demo.collect import Execution
from impp_local.demo.console import Console
from impp_local.deploy import root


@pytest.mark.slow
def test_the_local_cloud_lives_as_long_as_the_block(tmp_path: Path) -> None:
    old = tmp_path / "cloud" / "deploy" / root.STATE
    old.parent.mkdir(parents=True)
    old.touch()
    with stages.local_cloud(tmp_path / "cloud") as running:
        assert not old.exists()  # the cloud starts empty, and so must what Terraform knows of it
        assert stages.page(running.endpoint, "idle")["idle"] is True
    assert running.process.returncode is not None
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(running.endpoint, timeout=60)


@pytest.mark.slow
def test_a_port_in_use_is_reported(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(stages.DemoError, match=str(port)), stages.local_cloud(tmp_path / "cloud", port):
            raise AssertionError("it must not start")


class Clock:
    """Time that passes only when somebody sleeps; `then` acts at its moments."""

    def __init__(self, then: Mapping[float, Callable[[], None]]) -> None:
        self.now = 0.0
        self._then = dict(then)

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        for moment in [moment for moment in self._then if moment <= self.now]:
            self._then.pop(moment)()


class FakeCloud:
    """Executions by key, and jobs by id."""

    def __init__(self, *keys: str) -> None:
        self.statuses = dict.fromkeys(keys, "RUNNING")
        self.unfinished: dict[str, str] = {}
        self.event = 1

    def executions(self) -> list[Execution]:
        now = datetime(2026, 4, 12, tzinfo=UTC)
        return [Execution(f"arn:{key}", key, status, now, None) for key, status in self.statuses.items()]

    def jobs(self) -> dict[str, str]:
        return dict(self.unfinished)

    def latest_event(self, _arn: str) -> tuple[int, str]:
        return self.event, "Transcode"


def waited(cloud: FakeCloud, keys: set[str], then: Mapping[float, Callable[[], None]]) -> tuple[dict[str, str], float]:
    clock = Clock(then)
    console = Console(io.StringIO())
    stalled = stages.wait_until_idle(cloud, "", {key: key for key in keys}, console, clock, clock.sleep)  # type: ignore[arg-type]
    return stalled, clock.now


@pytest.fixture
def _idle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stages, "page", lambda *_: {"idle": True})


@pytest.mark.usefixtures("_idle")
def test_waiting_has_no_limit_as_long_as_something_moves() -> None:
    cloud = FakeCloud("a", "b")
    hours = [hour * 900.0 for hour in range(1, 20)]
    changes = [lambda: cloud.statuses.update(c="SUCCEEDED"), lambda: cloud.unfinished.update(j="PROGRESSING 7")]
    changes += [lambda n=n: setattr(cloud, "event", n) for n in range(2, 12)]  # type: ignore[misc]
    changes += [lambda n=n: cloud.unfinished.update(j=f"PROGRESSING {n}") for n in range(8, 14)]  # type: ignore[misc]
    changes += [lambda: cloud.statuses.update(a="SUCCEEDED", b="FAILED")]
    stalled, seconds = waited(cloud, {"a", "b"}, dict(zip(hours, changes, strict=True)))
    assert stalled == {} and seconds >= 900 * 19


@pytest.mark.usefixtures("_idle")
def test_files_without_progress_are_stalled_when_the_others_are_done() -> None:
    cloud = FakeCloud("a", "b", "c")
    then: dict[float, Callable[[], None]] = {
        900.0: lambda: cloud.statuses.update(b="SUCCEEDED"),
        1800.0: lambda: setattr(cloud, "event", 2),
        2700.0: lambda: setattr(cloud, "event", 3),
        3000.0: lambda: cloud.statuses.update(a="SUCCEEDED"),
    }
    stalled, seconds = waited(cloud, {"a", "b", "c", "unstarted"}, then)
    assert stalled == dict.fromkeys(("c", "unstarted"), "no progress for 16 minutes")
    assert 3000 + stages.STALLED_AFTER_S < seconds < 3000 + stages.STALLED_AFTER_S + 2 * stages.LOOK_CLOSER_S


def test_no_setting_of_the_user_reaches_the_local_cloud(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "real")
    env = stages.environment("http://127.0.0.1:1")
    assert "AWS_PROFILE" not in env
    assert env["AWS_SECRET_ACCESS_KEY"] == "test" and env["AWS_ENDPOINT_URL"] == "http://127.0.0.1:1"
    assert os.environ["AWS_PROFILE"] == "production"
