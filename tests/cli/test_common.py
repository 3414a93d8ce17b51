"""Options, exit codes and errors of the commands of a deployed environment."""

from __future__ import annotations

from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from tests.support.archive_account import OUTPUTS

from impp_cli import environments
from impp_cli.aws import AwsError, Kind
from impp_cli.commands.common import ExitCode, Target, fail, of_environment


def run(config: Path, action: object, endpoint: str | None = None) -> tuple[int, str]:
    """Exit code and output of a command that returns or raises something."""
    environ = {"XDG_CONFIG_HOME": str(config), "AWS_PROFILE": None, "IMPP_ENV": None}
    environments.write(environments.of_outputs("dev", OUTPUTS, endpoint_url=endpoint), {"XDG_CONFIG_HOME": str(config)})

    @click.command()
    @of_environment
    def command(target: Target, as_json: bool) -> object:
        if isinstance(action, Exception):
            raise action
        return action

    result = CliRunner(env=environ).invoke(command, [])
    return result.exit_code, result.output


@pytest.mark.parametrize(
    ("action", "endpoint", "code", "message"),
    [
        (None, None, 0, ""),
        (ExitCode.NOTHING, None, 3, ""),
        (AwsError(Kind.DENIED, "not authorized", action="s3:GetObject"), None, 4, "AWS denies s3:GetObject in dev"),
        (AwsError(Kind.CREDENTIALS, "expired"), None, 4, "set AWS_PROFILE"),
        (AwsError(Kind.UNREACHABLE, "no route"), None, 1, "AWS cannot be reached in us-east-1"),
        (AwsError(Kind.UNREACHABLE, "no"), "http://127.0.0.1:4580", 1, "No local cloud responds at http://127.0.0.1:4580"),
        (AwsError(Kind.MISSING, "gone", action="s3:GetObject"), None, 1, "impp configure --env dev"),
        (AwsError(Kind.OTHER, "a\x1b[2Jb", "Bad", "s3:GetObject"), None, 1, "s3:GetObject failed: Bad: a\ufffd[2Jb"),
        (environments.SettingsError("no table"), None, 2, "no table"),
    ],
)  # fmt: skip
def test_errors_end_with_a_code_and_what_to_do(
    action: object, endpoint: str | None, code: int, message: str, tmp_path: Path
) -> None:
    ended, output = run(tmp_path, action, endpoint)
    assert ended == code and message in output and "Traceback" not in output


def test_a_defect_is_not_dressed_up(tmp_path: Path) -> None:
    assert run(tmp_path, ZeroDivisionError()) == (1, "")
    with pytest.raises(click.ClickException) as raised:
        fail("held", ExitCode.REFUSED)
    assert raised.value.exit_code == 4
