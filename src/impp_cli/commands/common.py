"""What the commands of a deployed environment share: options, exit codes, and errors that say what to do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from enum import IntEnum
from functools import cached_property, wraps
from typing import TYPE_CHECKING, Any, Final, NoReturn

import click

from impp_cli import environments
from impp_cli.console import print_json, printable, tolerate_locale
from impp_cli.environments import Environment

if TYPE_CHECKING:  # it takes a third of a second
    from impp_cli.archive.assets import Assets
    from impp_cli.archive.index import Index
    from impp_cli.aws import Account, AwsError


class ExitCode(IntEnum):
    """How a command ends."""

    OK = 0
    FAILED = 1
    USAGE = 2
    NOTHING = 3
    REFUSED = 4


class Failure(click.ClickException):
    """Ends a command with a message and a code. The message says what happened and what to do. `is_printed`: the
    command's JSON document has it already."""

    def __init__(self, message: str, code: ExitCode = ExitCode.FAILED) -> None:
        super().__init__(printable(message))
        self.exit_code = int(code)  # type: ignore[misc]  # click asks the instance
        self.is_printed = False


def fail(message: str, code: ExitCode = ExitCode.FAILED) -> NoReturn:
    """Raise Failure."""
    raise Failure(message, code)


class Target:
    """The environment that a command works on, and its account."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self._account: Account | None = None

    @cached_property
    def index(self) -> Index:
        """The index of the environment, up to date; without a connection the copy of this machine, with a warning."""
        from impp_cli.archive.index import Index

        index = Index(self.environment, lambda: self.account)
        try:
            index.refresh()
        except Exception as error:
            from impp_cli.aws import AwsError, Kind

            is_away = isinstance(error, AwsError) and error.kind is Kind.UNREACHABLE
            if not is_away or not index.checked_at:
                raise
            copied = datetime.fromtimestamp(index.checked_at).astimezone()
            click.echo(f"Not reachable: using the copy of the index from {copied:%Y-%m-%d %H:%M}.", err=True)
        return index

    @cached_property
    def assets(self) -> Assets:
        """The assets of the environment, by what people know of them."""
        from impp_cli.archive.assets import Assets

        return Assets(self.environment, self.account, lambda: self.index)

    @property
    def account(self) -> Account:
        """The account, connected to when first used."""
        if self._account is None:
            from impp_cli.aws import Account

            self._account = Account(self.environment.region, self.environment.settings)
        return self._account


Command = Callable[..., Any]

env_option: Final = click.option(
    "--env", "environment", envvar="IMPP_ENV", help="Use this environment; not needed if there is only one."
)
json_option: Final = click.option(
    "--json", "as_json", is_flag=True, help='Print one JSON document, {"error": "…"} if the command fails.'
)
dry_run_option: Final = click.option("--dry-run", is_flag=True, help="Show what would happen and its cost.")


def of_environment(function: Command) -> Command:
    """Make a function that takes a Target first a command with `--env`, `--json` (`as_json`) and our exit codes."""

    @env_option
    @json_option
    @wraps(function)
    def command(environment: str | None, **arguments: Any) -> None:
        tolerate_locale()
        context = click.get_current_context()
        if context.invoked_subcommand:  # of a group that is a command too
            return
        try:
            code = _run(function, environment, arguments)
        except Failure as failure:
            if arguments.get("as_json") and not failure.is_printed:
                print_json({"error": failure.message})
            raise
        context.exit(int(code or ExitCode.OK))

    return command


def _run(function: Command, environment: str | None, arguments: Mapping[str, Any]) -> ExitCode | None:
    """What a command returns. Raises Failure for what people can do something about."""
    try:
        target = Target(environments.select(environment))
        code: ExitCode | None = function(target, **arguments)
    except environments.SettingsError as error:
        raise Failure(str(error), ExitCode.USAGE) from error
    except Exception as error:
        failure = _failure(error, target.environment)
        if failure is error:
            raise
        raise failure from error
    return code


def _failure(error: Exception, environment: Environment) -> Exception:
    """How an error ends a command; the error itself if it is a defect."""
    from sqlite3 import OperationalError

    from impp_cli.archive.assets import UnknownAsset
    from impp_cli.aws import AwsError

    match error:
        case UnknownAsset():
            return Failure(str(error), ExitCode.NOTHING)
        case AwsError():
            return explain(error, environment)
        case OSError(filename=str(path), strerror=str(why)):
            return Failure(f"{path}: {why}.")
        case OperationalError():  # a disk that is full, a folder that cannot be written
            return Failure(f"{environments.index_copy(environment.name)}: {error}. It is a copy: you can remove it.")
        case _:
            return error


def explain(error: AwsError, environment: Environment) -> Failure:
    """An error of AWS as the end of a command."""
    from impp_cli.aws import Kind

    settings = environment.settings
    match error.kind:
        case Kind.CREDENTIALS:
            todo = f"AWS refuses the profile {settings.profile}" if settings.profile else "set AWS_PROFILE, or log in"
            return Failure(f"No valid AWS credentials for {environment.name}: {todo}. AWS: {error}", ExitCode.REFUSED)
        case Kind.DENIED:
            return Failure(
                f"AWS denies {error.action} in {environment.name}: use credentials that allow it. AWS: {error}",
                ExitCode.REFUSED,
            )
        case Kind.UNREACHABLE if settings.endpoint_url:
            return Failure(f"No local cloud responds at {settings.endpoint_url}: start it with `make up`.")
        case Kind.UNREACHABLE:
            return Failure(f"AWS cannot be reached in {environment.region}: {error}")
        case Kind.MISSING:
            return Failure(
                f"{error.action}: {error.message or 'not found'}. If {environment.name} was deployed again under other"
                f" names, run `impp configure --env {environment.name}` with Terraform's outputs."
            )
        case _:
            return Failure(f"{error.action} failed: {error.code}: {error.message}")
