"""The stages of a run: the local cloud as a process, the edge script, their environment."""

from __future__ import annotations

import os
import socket
import urllib.request
from pathlib import Path

import pytest

from impp_local.demo import stages


@pytest.mark.slow
def test_the_local_cloud_lives_as_long_as_the_block(tmp_path: Path) -> None:
    old = tmp_path / "cloud" / "deploy" / "terraform" / "terraform.tfstate"
    old.parent.mkdir(parents=True)
    old.touch()
    with stages.local_cloud(tmp_path / "cloud") as running:
        assert not old.exists()  # the cloud starts empty, and so must what Terraform knows of it
        assert stages.page(running.endpoint, "idle")["idle"] is True
    assert running.process.returncode is not None
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(running.endpoint, timeout=5)


@pytest.mark.slow
def test_a_port_in_use_is_reported(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(stages.DemoError, match=str(port)), stages.local_cloud(tmp_path / "cloud", port):
            raise AssertionError("it must not start")


def test_no_setting_of_the_user_reaches_the_local_cloud(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "real")
    env = stages.environment("http://127.0.0.1:1")
    assert "AWS_PROFILE" not in env
    assert env["AWS_SECRET_ACCESS_KEY"] == "test" and env["AWS_ENDPOINT_URL"] == "http://127.0.0.1:1"
    assert os.environ["AWS_PROFILE"] == "production"
