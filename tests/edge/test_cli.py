"""The commands and the configuration as an owner meets them: exit codes, messages that say what to do, output."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import click.testing
import pytest
from tests.edge.conftest import BUCKET, objects, put

from impp_edge import config as config_module
from impp_edge.cli import DONE, LOCKED, SOME_FAILED, WRONG_SETTING, main
from impp_edge.config import Config, ConfigError, load
from impp_edge.state import State, lock

ROOT = Path(__file__).parents[2]
CLIP = "Record/20260115_081502_EF.mp4"


@pytest.fixture(autouse=True)
def no_configuration_of_this_user(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("impp_edge.cli.DEFAULT_CONFIG", tmp_path / "none.toml")
    for name in [name for name in os.environ if name.startswith("IMPP_EDGE_")]:
        monkeypatch.delenv(name)


def call(config: Config, *args: str) -> click.testing.Result:
    flags = ["--bucket", config.bucket, "--endpoint-url", str(config.endpoint_url), "--state", str(config.state)]
    return click.testing.CliRunner().invoke(main, ["sync", *flags, *args])


def test_all_is_well(config: Config, card: Path, s3: Any) -> None:
    put(card, CLIP)
    result = call(config, str(card))
    assert result.exit_code == DONE
    assert result.output.startswith("1 brought (40 B) in ")
    again = call(config, str(card), "--quiet")
    assert (again.exit_code, again.output) == (DONE, "")
    assert list(objects(s3)) == ["originals/dashcam/blackvue/2026/01/15/20260115_081502_EF.mp4"]


def test_json_is_one_object_a_line(config: Config, card: Path) -> None:
    put(card, CLIP)
    put(card, "new\nline ü.mp4")
    put(card, "notes.txt", b"text")
    lines = [json.loads(line) for line in call(config, str(card), "--json").stdout.splitlines()]
    assert [line["event"] for line in lines] == ["skipped", "brought", "brought", "summary"]
    assert lines[-1]["skipped_because"] == {"no media": 1} and lines[-1]["bytes"] == 80
    assert {"key", "sha256", "crc64nvme", "version", "captured", "size"} <= lines[1].keys()


def test_names_cannot_move_the_cursor(config: Config, card: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(card, "\x1b[2J\x07\n.mp4")
    monkeypatch.setattr("impp_edge.digest.digest", lambda *_: 1 / 0)
    result = call(config, str(card))
    assert result.exit_code == SOME_FAILED
    assert "\x1b" not in result.output and "\\x1b[2J\\x07\\n.mp4: ZeroDivisionError" in result.output


def test_failures_are_one_and_remembered_for_status(config: Config, card: Path, s3: Any) -> None:
    put(card, CLIP)
    flags = ["--bucket", BUCKET, "--endpoint-url", "http://127.0.0.1:1", "--state", str(config.state)]
    result = click.testing.CliRunner().invoke(main, ["sync", *flags, str(card)])
    assert result.exit_code == SOME_FAILED and "cannot be reached" in result.output
    shown = click.testing.CliRunner().invoke(main, ["status", "--state", str(config.state)])
    assert shown.exit_code == DONE and "failed 1x: " in shown.output
    assert call(config, str(card)).exit_code == DONE
    shown = click.testing.CliRunner().invoke(main, ["status", "--state", str(config.state), "--json"])
    assert json.loads(shown.output) | {"last": 0} == {"files": 1, "bytes": 40, "last": 0, "restless": 0, "failed": []}


def test_another_run_is_three(config: Config, card: Path) -> None:
    with lock(config.state):
        result = call(config, str(card))
    assert result.exit_code == LOCKED and "another run holds" in result.output


def test_wrong_settings_are_two(
    config: Config, card: Path, s3: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    put(card, CLIP)
    state = str(config.state)
    runner = click.testing.CliRunner()
    no_bucket = runner.invoke(main, ["sync", str(card), "--state", state])
    assert no_bucket.exit_code == WRONG_SETTING and "bucket is missing" in no_bucket.output
    flags = ["--state", state, "--endpoint-url", str(config.endpoint_url)]
    gone = runner.invoke(main, ["sync", str(card), "--bucket", "not-there-at-all", *flags])
    assert gone.exit_code == WRONG_SETTING and "NoSuchBucket" in gone.output
    profile = runner.invoke(main, ["sync", str(card), "--bucket", BUCKET, "--profile", "nobody", *flags])
    assert profile.exit_code == WRONG_SETTING and "nobody" in profile.output
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    nobody = runner.invoke(main, ["sync", str(card), "--bucket", BUCKET, *flags])
    assert nobody.exit_code == WRONG_SETTING and "no AWS credentials" in nobody.output


def test_a_broken_memory_says_what_to_do(config: Config, card: Path) -> None:
    config.state.mkdir()
    (config.state / "state.sqlite3").write_bytes(b"this is no database, by any means" * 100)
    result = call(config, str(card))
    assert result.exit_code == WRONG_SETTING and "remove the file to have it made anew" in result.output


def test_python_m_and_an_idle_run_that_needs_no_aws(config: Config, card: Path, tmp_path: Path) -> None:
    code = (
        "import sys; sys.argv = ['impp-edge', *sys.argv[1:]]\n"
        "from impp_edge.cli import main\n"
        "try: main()\n"
        "finally: assert not {'boto3', 'botocore', 'awscrt'} & sys.modules.keys()"
    )
    env = {**os.environ, "PYTHONPATH": str(ROOT / "edge")}
    args = ["sync", str(card), "--bucket", BUCKET, "--state", str(config.state)]
    idle = subprocess.run([sys.executable, "-c", code, *args], env=env, capture_output=True, text=True, timeout=60)
    assert (idle.returncode, idle.stderr) == (DONE, "")
    version = subprocess.run(
        [sys.executable, "-m", "impp_edge", "--version"], env=env, capture_output=True, text=True, timeout=60
    )
    assert version.stdout.startswith("impp-edge, version ")


def test_the_example_configuration_is_valid() -> None:
    found = load(ROOT / "edge" / "config.example.toml", {})
    assert [(f.source, f.device) for f in found.folders] == [("dashcam", "blue-car"), ("phone", "annas-phone")]
    assert found.folders[1].tags == {"owner": "anna"} and str(found.folders[0].zone) == "Europe/Berlin"


def test_flags_win_over_the_file_and_paths_over_its_folders(tmp_path: Path) -> None:
    found = load(ROOT / "edge" / "config.example.toml", {"bucket": "other-bucket", "device": "x"}, (tmp_path,))
    assert found.bucket == "other-bucket"
    assert [(f.path, f.device) for f in found.folders] == [(tmp_path, "x")]


WRONG = {
    'bucket = "b"\n[[folder]]\npath = "/x"': r"c.toml:1: bucket: 'b' is no bucket name",
    'bukket = "abc"': r"c.toml:1: bukket: unknown setting; did you mean bucket\?",
    'bucket = "abc"': r"nothing to do: add a \[\[folder\]\]",
    'bucket = "abc"\n[[folder]]\ndevice = "x"': "folder 1: path is missing",
    'bucket = "abc"\nworkers = 0\n[[folder]]\npath = "/x"': "c.toml:2: workers: from 1 to 32",
    'bucket = "abc"\nworkers = "4"\n[[folder]]\npath = "/x"': "c.toml:2: workers: must be a whole number, not '4'",
    'bucket = "abc"\nsettle_s = -1\n[[folder]]\npath = "/x"': "c.toml:2: settle_s: from 0 to 3600",
    'bucket = "abc"\n[[folder]]\npath = "/x"\n[[folder]]\npath = "/y"\ntimezone = "Mars/Base"':
        "c.toml:6: folder 2: timezone: no such time zone: 'Mars/Base'",
    'bucket = "abc"\n[[folder]]\npath = "/x"\nsource = "drone"': "c.toml:4: folder 1: source: 'drone' is none of",
    'bucket = "abc"\n[[folder]]\npath = "/x"\nunknown = "all"': "unknown: 'all' is none of media, skip",
    'bucket = "abc"\n[[folder]]\npath = "/x"\nexclude = [1]': "exclude: a list of patterns",
    'bucket = "abc"\n[[folder]]\npath = "/x"\n[[folder]]\npath = "/x/y"': r"folder 2 \(/x/y\) lies in folder 1 \(/x\)",
    'bucket = "abc"\ntags = { "impp:x" = "1" }\n[[folder]]\npath = "/x"': "impp: or aws: are reserved",
    'bucket = "abc"\ntags = { a = 1 }\n[[folder]]\npath = "/x"': "a tag's value must be text",
    'bucket = "abc"\ntags = { a = "<b>" }\n[[folder]]\npath = "/x"': "letters, digits, spaces",
    'bucket = "abc"\n[tags]\na="1"\nb="1"\nc="1"\nd="1"\ne="1"\n[[folder]]\npath = "/x"\ntags = { f = "1" }':
        r"6 tags of your own, at most 5: an S3 object holds 10",
    'bucket = "abc"\nworkers = \n': "line 2",
    "folder = 3": "folder: must be a list",
    "folder = [3]\nbucket = 'abc'": "folder 1 must be a table",
}  # fmt: skip


@pytest.mark.parametrize(("text", "message"), WRONG.items(), ids=[m[:40] for m in WRONG.values()])
def test_every_mistake_is_said_with_its_place(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "c.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=message):
        load(path, {})


def test_a_configuration_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        load(tmp_path / "none.toml", {})
    (tmp_path / "c.toml").write_bytes(b"\xff")
    with pytest.raises(ConfigError, match=r"c\.toml: 'utf-8'"):
        load(tmp_path / "c.toml", {})
    assert config_module.OWN_TAGS == 5


def test_the_memory_of_another_version_is_left_alone(tmp_path: Path) -> None:
    import sqlite3

    from impp_edge.state import StateError

    with sqlite3.connect(tmp_path / "state.sqlite3") as db:
        db.execute("PRAGMA user_version=99")
    with pytest.raises(StateError, match="another version"):
        State(tmp_path)
