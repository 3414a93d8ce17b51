"""``impp-edge forget``: files are new again, and nothing is lost."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import click.testing
import pytest
from tests.support.edge.cards import BUCKET, objects, put
from tests.support.edge.evidence import (
    CLIP,
    KEY,
    call,
    upload_files,
    verify_all,
)

from impp_edge.cli import DONE, LOCKED, WRONG_SETTING, main
from impp_edge.config import Config
from impp_edge.memory import custody
from impp_edge.memory.state import State, lock
from impp_edge.run import sync

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def ignore_user_configuration(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("impp_edge.cli.DEFAULT_CONFIG", tmp_path / "none.toml")
    for name in [name for name in os.environ if name.startswith("IMPP_EDGE_")]:
        monkeypatch.delenv(name)


def test_forgotten_files_are_checked_again(config: Config, card: Path, s3: Any) -> None:
    first, _ = upload_files(config, CLIP, "a.mp4")
    put(card, "notes.txt", b"text")
    assert sync.run(config).counts["skipped"] == 1
    log = (config.state / custody.NAME).read_bytes()
    dry = call(config, "forget", "--dry-run", str(card))
    assert (dry.exit_code, dry.output) == (DONE, "would forget 3 files and 0 uploads in progress\n")
    assert sync.run(config).counts["known"] == 2
    assert call(config, "forget", str(first)).output == "forgot 1 file and 0 uploads in progress\n"
    assert +sync.run(config).counts == {"known": 1, "there": 1, "skipped": 1}
    assert call(config, "forget", str(card)).output == "forgot 3 files and 0 uploads in progress\n"
    assert (config.state / custody.NAME).read_bytes().startswith(log)
    assert sync.run(config).counts["there"] == 2
    assert len(objects(s3)) == 2 and verify_all(config)[0].ok
    assert call(config, "forget", str(card / "nothing")).output == "forgot 0 files and 0 uploads in progress\n"


def test_uploads_in_progress_are_aborted(config: Config, card: Path, s3: Any) -> None:
    from impp_edge.card.find import look
    from impp_edge.digest import digest
    from impp_edge.memory.state import Pending

    path = put(card, CLIP)
    file = look(config.folders[0], path)
    upload = s3.create_multipart_upload(Bucket=BUCKET, Key=KEY)["UploadId"]
    state = State(config.state)
    with path.open("rb") as stream:
        state.begin(BUCKET, file, Pending(KEY, upload, digest(stream, 1 << 24)))
    state.failed(path, "because")
    state.close()
    assert "1 upload in progress" in call(config, "forget", "-n", str(card)).output
    assert s3.list_multipart_uploads(Bucket=BUCKET).get("Uploads")
    assert call(config, "forget", str(card)).output == "forgot 0 files and 1 upload in progress\n"
    assert not s3.list_multipart_uploads(Bucket=BUCKET).get("Uploads")
    state = State(config.state)
    assert (state.status().pending, state.status().failures, state.fresh) == (0, 0, True)
    state.begin(BUCKET, file, Pending(KEY, "gone", state_digest(path)))
    state.close()
    away = call(replace(config, endpoint_url="http://127.0.0.1:1"), "forget", str(path))
    assert away.exit_code == DONE and "1 upload in progress could not be aborted" in away.output


def state_digest(path: Path) -> Any:
    from impp_edge.digest import digest

    with path.open("rb") as file:
        return digest(file, 1 << 24)


def test_forget_exits_while_a_run_holds_the_lock(config: Config, card: Path) -> None:
    assert call(config, "forget", str(card)).exit_code == WRONG_SETTING
    upload_files(config, CLIP)
    with lock(config.state):
        assert call(config, "forget", str(card)).exit_code == LOCKED
    assert click.testing.CliRunner().invoke(main, ["forget", "--state", str(config.state)]).exit_code == 2
