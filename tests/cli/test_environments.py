"""Settings of an environment on this machine."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from impp_cli import environments
from impp_cli.cli import main
from impp_cli.environments import Settings, SettingsError, of_outputs

OUTPUTS: dict[str, Any] = {
    "catalog_table": "impp-dev-catalog",
    "state_machine_arn": "arn:aws:states:eu-west-1:123456789012:stateMachine:impp-dev-pipeline",
    "distribution_domain": "d111111abcdef8.cloudfront.net",
    "delivery_status": ['"Delivered" to\nnobody', "ünd"],
    "function_names": {"publish": "impp-dev-publish"},
    "dead_letter_queues": {"a b": "https://sqs"},
    "edge_trust_anchor_arn": None,
}


def test_what_was_destroyed_is_forgotten_with_the_copy_of_its_index(tmp_path: Path) -> None:
    environ = {"XDG_CONFIG_HOME": str(tmp_path / "config"), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    copy, other = (environments.index_copy(name, environ) for name in ("dev", "prod"))
    copy.parent.mkdir(parents=True)
    for file in (copy, copy.with_name(f"{copy.name}-wal"), other):
        file.touch()
    settings = environments.write(of_outputs("dev", OUTPUTS), environ)
    for _ in range(2):
        result = CliRunner(env=environ).invoke(main, ["configure", "--remove", "--env", "dev"])
        assert result.exit_code == 0 and "Removed" in result.output, result.output
    assert not settings.exists() and list(copy.parent.iterdir()) == [other]


def test_what_deploy_writes_is_read_again_by_this_user_alone(tmp_path: Path) -> None:
    environ = {"XDG_CONFIG_HOME": str(tmp_path / "new")}
    file = environments.write(of_outputs("dev", OUTPUTS), environ)
    assert file == environments.path_of("dev", environ) == tmp_path / "new" / "impp" / "dev.toml"
    assert (stat.S_IMODE(file.stat().st_mode), stat.S_IMODE(file.parent.stat().st_mode)) == (0o600, 0o700)
    environment = environments.select(None, environ)
    assert environment.outputs == {name: value for name, value in OUTPUTS.items() if value is not None}
    assert (environment.name, environment.region) == ("dev", "eu-west-1")
    assert environment.delivery_url == "https://d111111abcdef8.cloudfront.net"
    assert environment.function("publish") == "impp-dev-publish"
    assert [path.name for path in file.parent.iterdir()] == ["dev.toml"]


def test_a_second_deployment_keeps_the_profile_and_replaces_the_rest(tmp_path: Path) -> None:
    environ = {"XDG_CONFIG_HOME": str(tmp_path)}
    file = environments.write(of_outputs("dev", OUTPUTS | {"old": "x"}), environ)
    file.write_text('profile = "dashcam"\n' + file.read_text())
    environments.write(of_outputs("dev", OUTPUTS), environ)
    environment = environments.select("dev", environ)
    assert environment.settings.profile == "dashcam" and "old" not in environment.outputs


def test_an_environment_is_selected_by_name_where_there_are_several(tmp_path: Path) -> None:
    environ = {"XDG_CONFIG_HOME": str(tmp_path)}
    with pytest.raises(SettingsError, match=r"There is no environment in .*make up"):
        environments.select(None, environ)
    environments.write(of_outputs("dev", OUTPUTS), environ)
    environments.write(of_outputs("local", OUTPUTS, endpoint_url="http://127.0.0.1:4580"), environ)
    with pytest.raises(SettingsError, match="one of dev, local"):
        environments.select(None, environ)
    with pytest.raises(SettingsError, match=r"prod\.toml; environments are dev, local\. Run `make deploy ENV=prod`"):
        environments.select("prod", environ)
    local = environments.select("local", environ)
    assert (local.settings.endpoint_url, local.delivery_url) == ("http://127.0.0.1:4580", None)


def test_the_shells_endpoint_does_not_redirect_a_deployed_environment(tmp_path: Path) -> None:
    environ = {"XDG_CONFIG_HOME": str(tmp_path), "AWS_ENDPOINT_URL": "http://127.0.0.1:4580", "AWS_PROFILE": "other"}
    environments.write(of_outputs("dev", OUTPUTS), environ)
    assert environments.select("dev", environ).settings == Settings("other", None)
    assert environments.load("dev", environ) == Settings("other", "http://127.0.0.1:4580")


def test_a_missing_output_names_the_remedy(tmp_path: Path) -> None:
    environment = of_outputs("dev", OUTPUTS | {"distribution_domain": None})
    assert environment.delivery_url is None
    with pytest.raises(SettingsError, match=r"no distribution_domain.* `make deploy ENV=dev`"):
        environment.output("distribution_domain")
    with pytest.raises(SettingsError, match="no function actions"):
        environment.function("actions")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("profile = ", "Invalid value"),
        ('profil = "x"', "unknown setting profil; known: delivery_url, endpoint_url, outputs, profile, region"),
        ("profile = 3", "profile must be text"),
    ],
)
def test_mistakes_name_the_file(text: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "impp" / "dev.toml"
    file.parent.mkdir()
    file.write_text(text)
    with pytest.raises(SettingsError, match=message) as raised:
        environments.load("dev", {"XDG_CONFIG_HOME": str(tmp_path)})
    assert str(file) in str(raised.value)


def test_configure_takes_what_terraform_prints(tmp_path: Path) -> None:
    runner = CliRunner(env={"XDG_CONFIG_HOME": str(tmp_path)})
    printed = json.dumps({name: {"sensitive": False, "value": value} for name, value in OUTPUTS.items()})
    result = runner.invoke(main, ["configure", "--env", "dev"], input=printed)
    assert result.exit_code == 0 and str(tmp_path / "impp" / "dev.toml") in result.output
    assert environments.select("dev", {"XDG_CONFIG_HOME": str(tmp_path)}).output("catalog_table") == "impp-dev-catalog"
    for name, text, message in (
        ("../dev", printed, "2 to 12 lower-case letters"),
        ("dev", "[]", "no outputs with values"),
        ("dev", "{}", "no state_machine_arn"),
        ("prod", printed, "belong to impp-dev-pipeline, not to prod"),
    ):
        result = runner.invoke(main, ["configure", "--env", name], input=text)
        assert result.exit_code == 2 and message in result.output
    assert [path.name for path in (tmp_path / "impp").iterdir()] == ["dev.toml"]
