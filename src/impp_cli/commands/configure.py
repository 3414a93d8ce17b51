"""`impp configure`: write the settings of an environment from the outputs of its Terraform root."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TextIO

import click

from impp_cli import deployment, environments
from impp_cli.commands.common import ExitCode, Failure, json_option
from impp_cli.console import print_json


@click.command()
@click.option("--env", "name", envvar="IMPP_ENV", required=True, help="Environment, such as dev.")
@click.argument("outputs", type=click.File(encoding="utf-8"), default="-")
@click.option("--remove", is_flag=True, help="Remove the settings of an environment that was destroyed.")
@json_option
def configure(name: str, outputs: TextIO, remove: bool, as_json: bool) -> None:
    """Write the settings of an environment from the output of `terraform output -json`, on stdin or in a file.

    `make deploy` does this automatically, and `make destroy` removes them. On another machine: terraform
    -chdir=terraform output -json | impp configure --env dev

    Exit codes: 0 done, 2 wrong usage.
    """
    if not environments.NAME.fullmatch(name):
        raise click.UsageError(f"An environment's name has 2 to 12 lower-case letters and digits, unlike {name!r}.")
    try:
        if remove:
            _report(name, environments.remove(name), "Removed", as_json=as_json)
            return
        values = _values(json.load(outputs))
        environment = environments.of_outputs(name, values)
        machine = environment.output("state_machine_arn").rpartition(":")[2]
        if machine != f"{deployment.prefix(name)}-pipeline":
            # Another `make` command has initialised the root meanwhile.
            raise click.UsageError(f"The outputs belong to {machine}, not to {name}.")
        file = environments.write(environment)
    except ValueError as error:
        raise click.UsageError(f"{outputs.name} is not the output of `terraform output -json`: {error}") from error
    except environments.SettingsError as error:
        raise click.UsageError(str(error)) from error
    except OSError as error:
        raise Failure(f"{error.filename}: {error.strerror}", ExitCode.FAILED) from error
    _report(name, file, "Wrote", as_json=as_json)


def _report(name: str, file: Path, verb: str, *, as_json: bool) -> None:
    if as_json:
        print_json({"environment": name, "file": str(file)})
    else:
        click.echo(f"{verb} {file}, the settings of `impp --env {name}`.")


def _values(document: Any) -> dict[str, Any]:
    """Outputs by name. Raises ValueError."""
    try:
        return {name: output["value"] for name, output in document.items()}
    except (AttributeError, TypeError, KeyError):
        raise ValueError("it has no outputs with values") from None
