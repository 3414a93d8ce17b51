"""The configuration: one table for file, flags and environment; mistakes are reported with their line."""

from __future__ import annotations

import os
from pathlib import Path

import click
import click.testing
import pytest
from tests.support.paths import REPOSITORY

from impp_edge import cli
from impp_edge import config as config_module
from impp_edge.config import SETTINGS, Config, ConfigError, Retain, load


@pytest.fixture(autouse=True)
def ignore_user_configuration(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("impp_edge.cli.DEFAULT_CONFIG", tmp_path / "none.toml")
    for name in [name for name in os.environ if name.startswith("IMPP_EDGE_")]:
        monkeypatch.delenv(name)


def given(*args: str, env: dict[str, str] | None = None) -> Config:
    """The configuration from these flags and environment variables."""
    configs: list[Config] = []

    @click.command()
    @cli.settings
    @click.argument("paths", nargs=-1)
    def command(command_line: cli.CommandLine, paths: tuple[str, ...]) -> None:
        configs.append(command_line.config(tuple(Path(path) for path in paths)))

    result = click.testing.CliRunner().invoke(command, args, env=env, catch_exceptions=False)
    assert configs, result.output
    return configs[0]


def test_the_example_configuration_is_valid() -> None:
    config = load(REPOSITORY / "edge" / "config.example.toml", {})
    assert [(f.source, f.device) for f in config.folders] == [("dashcam", "blue-car"), ("phone", "annas-phone")]
    assert config.folders[1].tags == {"owner": "anna"} and str(config.folders[0].zone) == "Europe/Berlin"


def test_flags_override_the_file_and_paths_replace_its_folders(tmp_path: Path) -> None:
    config = load(REPOSITORY / "edge" / "config.example.toml", {"bucket": "other-bucket", "device": "x"}, (tmp_path,))
    assert config.bucket == "other-bucket"
    assert [(f.path, f.device) for f in config.folders] == [(tmp_path, "x")]


WRONG = {
    'bucket = "b"\n[[folder]]\npath = "/x"': r"c.toml:1: bucket: 'b' is not a valid bucket name",
    'bukket = "abc"': r"c.toml:1: bukket: unknown setting; did you mean bucket\?",
    'bucket = "abc"': r"no folders: add a \[\[folder\]\]",
    'bucket = "abc"\n[[folder]]\ndevice = "x"': "folder 1: path is missing",
    'bucket = "abc"\nworkers = 0\n[[folder]]\npath = "/x"': "c.toml:2: workers: must be from 1 to 32, not 0",
    'bucket = "abc"\nworkers = "4"\n[[folder]]\npath = "/x"': "c.toml:2: workers: must be a whole number, not '4'",
    'bucket = "abc"\nsettle_s = -1\n[[folder]]\npath = "/x"': "c.toml:2: settle_s: must be from 0 to 3600, not -1",
    'bucket = "abc"\n[[folder]]\npath = "/x"\n[[folder]]\npath = "/y"\ntimezone = "Mars/Base"':
        "c.toml:6: folder 2: timezone: there is no time zone 'Mars/Base'",
    'bucket = "abc"\n[[folder]]\npath = "/x"\nsource = "drone"':
        "c.toml:4: folder 1: source: 'drone' is not allowed; choose one of dashcam",
    'bucket = "abc"\n[[folder]]\npath = "/x"\nunknown = "all"':
        "unknown: 'all' is not allowed; choose one of media, skip",
    'bucket = "abc"\n[[folder]]\npath = "/x"\nexclude = [1]': "exclude: must be a list of patterns",
    'bucket = "abc"\n[[folder]]\npath = "/x"\n[[folder]]\npath = "/x/y"': r"folder 2 \(/x/y\) lies in folder 1 \(/x\)",
    'bucket = "abc"\ntags = { "impp:x" = "1" }\n[[folder]]\npath = "/x"': "impp: or aws: are reserved",
    'bucket = "abc"\ntags = { a = 1 }\n[[folder]]\npath = "/x"': "a tag's value must be text",
    'bucket = "abc"\ntags = { a = "<b>" }\n[[folder]]\npath = "/x"': "letters, digits, spaces",
    'bucket = "abc"\n[tags]\na="1"\nb="1"\nc="1"\nd="1"\ne="1"\n[[folder]]\npath = "/x"\ntags = { f = "1" }':
        r"6 tags of your own, at most 5: an S3 object holds 10",
    'bucket = "abc"\nworkers = \n': "line 2",
    'bucket = "abc"\nevents_any_time = 1\n[[folder]]\npath = "/x"': "c.toml:2: events_any_time: must be true or false",
    'bucket = "abc"\nhours = ["25:00-26:00"]\n[[folder]]\npath = "/x"': "c.toml:2: hours: ",
    'bucket = "abc"\nheartbeat_s = 5\n[[folder]]\npath = "/x"':
        r"c.toml:2: heartbeat_s: must be 0 \(never\) or at least 60",
    'bucket = "abc"\nlimit_mbit = 0\n[[folder]]\npath = "/x"':
        "c.toml:2: limit_mbit: must be from 0.1 to 100000, not 0",
    'bucket = "abc"\n[[folder]]\npath = "/x"\n[folder.retain]\nevents = true':
        "c.toml:4: folder 1: retain: needs older_than_days or min_free_percent",
    'bucket = "abc"\n[[folder]]\npath = "/x"\nretain = { older_then_days = 3 }':
        r"c.toml:4: folder 1: older_then_days: unknown setting; did you mean older_than_days\?",
    "folder = 3": "folder: must be a list",
    "folder = [3]\nbucket = 'abc'": "folder 1 must be a table",
}  # fmt: skip


@pytest.mark.parametrize(("text", "message"), WRONG.items(), ids=[m[:40] for m in WRONG.values()])
def test_every_mistake_is_reported_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "c.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=message):
        load(path, {})


def test_an_unreadable_configuration_is_reported(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        load(tmp_path / "none.toml", {})
    (tmp_path / "c.toml").write_bytes(b"\xff")
    with pytest.raises(ConfigError, match=r"c\.toml: 'utf-8'"):
        load(tmp_path / "c.toml", {})
    assert config_module.OWN_TAGS == 5


FLAGS = {
    "bucket": ("other", "other"), "region": ("eu-west-1", "eu-west-1"), "endpoint_url": ("http://x", "http://x"),
    "profile": ("me", "me"), "ca_bundle": ("/ca.pem", Path("/ca.pem")), "state": ("/s", Path("/s")),
    "settle_s": ("3", 3.0), "truncated_after_s": ("5", 5.0), "workers": ("2", 2), "limit_mbit": ("1.5", 1.5),
    "hours": ("22:00-06:00", ("22:00-06:00",)), "rescan_s": ("9", 9.0), "heartbeat_s": ("60", 60.0),
    "metrics_file": ("/m.prom", Path("/m.prom")), "events_any_time": ("false", False),
}  # fmt: skip
OF_A_FOLDER = {
    "device": ("van", "van"), "source": ("phone", "phone"), "unknown": ("skip", "skip"), "sidecars": ("all", "all"),
    "exclude": ("*.gif", ("*.gif",)), "tags": ("a=b", {"a": "b"}),
}  # fmt: skip


@pytest.mark.parametrize("by", ["flag", "environment"])
@pytest.mark.parametrize("name", [s.name for s in SETTINGS if s.name not in ("timezone", "retain")])
def test_every_setting_is_a_flag_and_a_variable(name: str, by: str) -> None:
    text, value = (FLAGS | OF_A_FOLDER)[name]
    flag = {"tags": "--tag", "events_any_time": "--no-events-any-time"}.get(name, "--" + name.replace("_", "-"))
    args = () if by == "environment" else (flag,) if name == "events_any_time" else (flag, text)
    env = {f"IMPP_EDGE_{name.upper()}": text} if by == "environment" else {}
    config = given("/card", *args, env={"IMPP_EDGE_BUCKET": "abc", **env})
    assert getattr(config if name in FLAGS else config.folders[0], name) == value


def test_lists_in_the_environment_are_separated_by_semicolons() -> None:
    config = given("/card", env={"IMPP_EDGE_BUCKET": "abc", "IMPP_EDGE_EXCLUDE": "a b/*;*.gif"})
    assert config.folders[0].exclude == ("a b/*", "*.gif")


def test_a_flag_overrides_the_settings_of_folders(tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    path.write_text(
        'bucket = "abc"\ndevice = "top"\n[retain]\nolder_than_days = 30\n'
        '[[folder]]\npath = "/x"\n[[folder]]\npath = "/y"\ndevice = "own"\nretain = { min_free_percent = 10 }\n',
        encoding="utf-8",
    )
    assert [f.device for f in load(path, {}).folders] == ["top", "own"]
    assert [f.retain for f in load(path, {}).folders] == [Retain(30), Retain(None, 10)]
    config = given("--config", str(path), "--device", "flag", "--retain-older-than-days", "3", "--retain-events")
    assert [f.device for f in config.folders] == ["flag", "flag"]
    assert {f.retain for f in config.folders} == {Retain(3.0, None, True)}


def test_an_invalid_tag_is_reported() -> None:
    result = click.testing.CliRunner().invoke(cli.main, ["sync", "/tmp", "-b", "abc", "--tag", "owner"])
    assert result.exit_code == cli.WRONG_SETTING and "--tag owner: must be key=value" in result.output
