"""The stages of a run: the card, the edge's configuration, the local cloud as a process, exit codes."""

from __future__ import annotations

import os
import socket
import urllib.request
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.support.made_report import made_media, made_report

from impp_edge import config as edge
from impp_local.demo import card, cli, stages


def test_the_card_is_all_visible_files_and_untouched(tmp_path: Path) -> None:
    for name in ("DCIM/a.mp4", "DCIM/a.srt", "DCIM/a.thm", "notes.txt", ".Trashes/b.mp4", "DCIM/._a.mp4"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    files = card.own_files(tmp_path)
    assert [(file.file, file.media) for file in files] == [
        ("DCIM/a.mp4", True), ("DCIM/a.srt", False), ("DCIM/a.thm", False), ("notes.txt", False),
    ]  # fmt: skip
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_a_folder_without_footage_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(card.CardError, match="holds no footage"):
        card.own_files(tmp_path)


def test_the_edge_understands_its_configuration(tmp_path: Path) -> None:
    own = tmp_path / 'odd "name" ü'
    own.mkdir()
    (tmp_path / "edge").mkdir()
    (tmp_path / "edge" / "old").touch()  # what an earlier run remembered
    for media, folder, zone in ((None, tmp_path / "card", "UTC"), (own, own, None)):
        path = card.edge_config(tmp_path, "impp-local-123456789012-ingest", "http://127.0.0.1:1", media)
        read = edge.load(path, {})
        assert [(f.path, f.zone and f.zone.key) for f in read.folders] == [(folder, zone)]
        assert read.endpoint_url == "http://127.0.0.1:1" and read.settle_s == 0
        assert not read.state.exists()


def test_a_failing_edge_script_ends_the_run_with_what_it_said(tmp_path: Path) -> None:
    (tmp_path / "edge.toml").write_text('bucket = "x"\nfolderr = 1\n')
    said: list[str] = []
    with pytest.raises(stages.DemoError, match="edge script ended with"):
        stages.run_edge(tmp_path / "edge.toml", "http://127.0.0.1:1", said.append)
    assert any("folderr" in line for line in said)


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
def test_a_taken_port_is_told(tmp_path: Path) -> None:
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


@pytest.mark.parametrize(
    ("right", "error", "code", "said"),
    [
        (True, None, 0, "report.html"),
        (False, None, 1, "✗ DCIM/lost.MP4: missing"),
        (True, stages.DemoError("the local cloud did not start"), 2, "did not start"),
    ],
)
def test_the_exit_code_tells_how_it_went(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, right: bool, error: Exception | None, code: int, said: str
) -> None:
    sizes = {key: len(content) for key, content in made_media(tmp_path).items()}
    run = made_report(sizes)
    if right:
        run.files[:] = [file for file in run.files if file.as_expected]

    def fake(*_: object) -> object:
        if error:
            raise error
        return run

    monkeypatch.setattr(cli, "_run", fake)
    done = CliRunner().invoke(cli.main, ["run"])
    assert done.exit_code == code
    assert said in done.output
