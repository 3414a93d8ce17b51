"""A whole run with a cloud and an edge script that are played by the test: what is reported, and when."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.support.viewer_keys import key_pair

from impp_cli import environments
from impp_cli.aws import Account
from impp_engines import assets
from impp_local.demo import card, collect, keep, run, stages
from impp_local.demo.card import Outcome
from impp_local.demo.signals import Interrupted


class Left(Exception):
    """The process would have ended, with this code."""


@pytest.fixture
def media(tmp_path: Path) -> Path:
    folder = tmp_path / "footage"
    folder.mkdir()
    for name in ("a.jpg", "b.jpg"):
        (folder / name).write_bytes(b"\xff\xd8\xff\xe0\x00\x10JFIF" + name.encode() * 200)
    return folder


@pytest.fixture
def played(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a demo whose cloud has two executions, one of them running."""
    folder = tmp_path / "demo"
    monkeypatch.setattr(run, "FOLDER", folder)

    @contextmanager
    def cloud(_state: Path) -> Iterator[Any]:
        yield stages.Running("http://127.0.0.1:1", Alive(), tmp_path)  # type: ignore[arg-type]

    def upload(
        _config: Path, files: list[card.CardFile], _root: Path, _env: Any, outcomes: Any, *_: Any, **more: Any
    ) -> None:
        for file in files:
            outcomes[file.path] = Outcome("uploaded", f"originals/{file.file}", file.file[0] * 64)

    def leave(code: int) -> None:
        raise Left(code)

    monkeypatch.setattr(stages, "build", lambda: tmp_path)
    monkeypatch.setattr(stages, "local_cloud", cloud)
    monkeypatch.setattr(stages, "page", lambda *_: {"idle": True, "assets": {}, "lines": [], "usd": 0})
    monkeypatch.setattr(stages, "listen_for_alerts", lambda *_: "")
    monkeypatch.setattr(stages, "received_alerts", lambda *_: [])
    monkeypatch.setattr(assets, "prepare", lambda: None)
    monkeypatch.setattr(run, "deploy", lambda *_, **__: {"alert_topic_arn": "", "ingest_bucket": "ingest"})
    monkeypatch.setattr(run, "leave", leave)
    monkeypatch.setattr(card, "run_edge", upload)
    item = {"asset": "a" * 20, "key": "originals/a.jpg", "state": "published"}
    monkeypatch.setattr(collect.Cloud, "catalog", lambda _: {"a" * 20: item})
    monkeypatch.setattr(collect.Cloud, "executions", lambda _: [])
    monkeypatch.setattr(collect.Cloud, "history", lambda *_: [])
    return folder


class Alive:
    def poll(self) -> None:
        return None


def states(folder: Path) -> dict[str, str]:
    facts = json.loads((folder / "report.json").read_text("utf-8"))
    return {file["file"]: file["state"] for file in facts["files"]} | {"interrupted": facts["interrupted"]}


def test_an_interrupted_wait_ends_with_a_report(
    played: Path, media: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: Any) -> None:
        raise Interrupted(2)

    monkeypatch.setattr(stages, "wait_until_idle", interrupted)
    with pytest.raises(Left, match="130"):
        run.run(media)
    assert states(played) == {"a.jpg": "published", "b.jpg": "running", "interrupted": True}
    assert "The run was stopped" in (played / "report.html").read_text("utf-8")
    printed = capsys.readouterr().out
    assert "Stopped early: 1 of 2 finished" in printed and "The run was stopped before it had finished" in printed


def test_a_cloud_that_is_kept_prints_its_gallery_and_is_known_to_impp_until_a_signal_comes(
    played: Path, media: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setattr(stages, "wait_until_idle", lambda *_: {})
    outputs = {
        "alert_topic_arn": "",
        "ingest_bucket": "ingest",
        "distribution_id": "E1",
        "distribution_domain": "d1.cloudfront.net",
        "viewer_key_parameter": "/impp/key",
        "state_machine_arn": "arn:aws:states:us-east-1:123456789012:stateMachine:impp-local-pipeline",
    }
    pages = {"distributions": {"E1": "http://127.0.0.1:2"}, "bill": {"assets": {}, "lines": [], "usd": 0}}
    monkeypatch.setattr(run, "deploy", lambda *_, **__: outputs)
    monkeypatch.setattr(stages, "page", lambda _endpoint, name: pages[name])
    private, _ = key_pair()
    value = json.dumps({"key_pair_id": "K1", "private_key": private})
    monkeypatch.setattr(Account, "call", lambda *_, **__: {"Parameter": {"Value": value}})
    known: list[str | None] = []

    def interrupted(_seconds: float) -> None:
        known.append(environments.select("demo").delivery_url)
        raise Interrupted(2)

    monkeypatch.setattr(keep, "sleep", interrupted)
    assert run.run(media, keeps=True) in (0, 1)
    assert "Gallery: http://127.0.0.1:2/enter?k=K1&p=" in capsys.readouterr().out
    assert known == ["http://127.0.0.1:2"]
    assert environments.names() == []


def test_an_interrupted_upload_ends_with_a_report(played: Path, media: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    upload = card.run_edge

    def interrupted(
        config: Any, files: Any, root: Any, env: Any, outcomes: Any, *more: Any, dry_run: bool = False
    ) -> None:
        upload(config, files if dry_run else files[:1], root, env, outcomes)
        if not dry_run:
            raise Interrupted(15)

    monkeypatch.setattr(card, "run_edge", interrupted)
    with pytest.raises(Left, match="143"):
        run.run(media)
    assert states(played) == {"a.jpg": "published", "b.jpg": "running", "interrupted": True}


def test_a_stalled_file_does_not_hide_the_others(played: Path, media: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stages, "wait_until_idle", lambda *_: {"originals/b.jpg": "no progress for 16 minutes"})
    assert run.run(media) == 1
    assert states(played) == {"a.jpg": "published", "b.jpg": "stalled", "interrupted": False}


def test_an_interrupted_deployment_leaves_no_old_report(
    played: Path, media: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: Any, **__: Any) -> None:
        raise Interrupted(1)

    monkeypatch.setattr(run, "deploy", interrupted)
    (played / "media" / "old").mkdir(parents=True)
    (played / "report.html").touch()
    with pytest.raises(Left, match="129"):
        run.run(media)
    assert "there is no report" in capsys.readouterr().out
    assert not [path for path in run.RESULTS if (played / path).exists()]


def test_nothing_is_built_for_a_folder_without_footage(
    played: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def unexpected() -> None:
        raise AssertionError("it must not build")

    monkeypatch.setattr(stages, "build", unexpected)
    (tmp_path / "empty").mkdir()
    assert run.run(tmp_path / "empty") == 2
    assert "has no files" in capsys.readouterr().out


def test_the_end_of_the_local_cloud_is_reported_as_that(
    played: Path, media: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused(*_: Any) -> None:
        monkeypatch.setattr(Alive, "poll", lambda _: -9)
        monkeypatch.setattr(Alive, "returncode", -9, raising=False)
        raise ConnectionRefusedError

    monkeypatch.setattr(stages, "wait_until_idle", refused)
    assert run.run(media) == 2
    assert "The local cloud ended with code -9" in capsys.readouterr().out
