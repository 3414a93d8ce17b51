"""`impp doctor`: check the account and an environment before a deployment."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Final

import click

from impp_cli import environments
from impp_cli.checkout import LOCAL, Checkout, UnreadableFile
from impp_cli.console import print_json, printable, tolerate_locale
from impp_cli.doctor.model import WITHOUT_CREDENTIALS, Context, Finding, Verdict

MARKS: Final = {
    Verdict.OK: ("✓", "+", "green"),
    Verdict.HINT: ("!", "!", "yellow"),
    Verdict.FAIL: ("✗", "x", "red"),
    Verdict.OFF: ("–", "-", None),  # noqa: RUF001  # an en dash on purpose
    Verdict.UNKNOWN: ("?", "?", "cyan"),
}
"""Mark, its stand-in where the terminal has no Unicode, colour."""

NAME_WIDTH: Final = 16
MAX_WIDTH: Final = 110


@click.command()
@click.option("--env", "environment", envvar="IMPP_ENV", required=True, help="Environment, such as dev.")
@click.option(
    "--checkout", "folder", type=click.Path(path_type=Path, file_okay=False, exists=True), default=Path(),
    help="Checkout of IMPP.  [default: the current folder or one above it]",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def doctor(environment: str, folder: Path, as_json: bool) -> None:
    """Check the account to deploy to and an environment's variables; change nothing.

    ✓ is right, ✗ would make the deployment fail, ! is advice, – does not apply, ? could not be determined. Each finding
    comes with the command to run, or the line to add and its file.

    Costs at most $0.02, for two requests to Cost Explorer's API at $0.01 each.

    Exit codes: 0 nothing would make the deployment fail, 1 something would, 2 wrong usage.
    """  # noqa: RUF002  # the mark as it is printed
    context = _context(environment, folder)
    from impp_cli.doctor.examination import examine

    findings = examine(context)
    failed = _print_json(context, list(findings)) if as_json else _print(context, findings)
    sys.exit(1 if failed else 0)


def _context(environment: str, folder: Path) -> Context:
    """What to look at. Raises click.UsageError."""
    from impp_cli.aws import Account  # takes a third of a second

    checkout = Checkout.around(folder)
    if checkout is None:
        raise click.UsageError("This folder is not in a checkout of IMPP: run it in one, or name one with --checkout.")
    if environment not in checkout.environments():
        known = ", ".join(checkout.environments())
        raise click.UsageError(f"There is no terraform/envs/{environment}.tfvars; environments are {known}.")
    try:
        settings = environments.load(environment)
        account = Account(checkout.region, settings)
    except (environments.SettingsError, UnreadableFile) as error:
        raise click.UsageError(str(error)) from error
    if environment == LOCAL and not account.is_local:
        raise click.UsageError("Environment local needs the local cloud: run `make up`, or set AWS_ENDPOINT_URL.")
    return Context(checkout, environment, account, os.environ)


def _print_json(context: Context, findings: list[Finding]) -> bool:
    failed = any(finding.verdict is Verdict.FAIL for finding in findings)
    document = {
        "environment": context.environment,
        "region": context.account.region,
        "deployable": not failed,
        "findings": [asdict(finding) for finding in findings],
    }
    print_json(document)
    return failed


def _print(context: Context, findings: Iterable[Finding]) -> bool:
    """Print each finding as it comes, and those that have one reason together at the end."""
    from impp_cli.doctor.examination import AWS_ONLY

    tolerate_locale()
    columns = min(shutil.get_terminal_size((MAX_WIDTH, 24)).columns, MAX_WIDTH)
    count: Counter[Verdict] = Counter()
    together: dict[tuple[Verdict, str], list[str]] = {}
    click.secho(f"{context.environment}, {context.account.region}", bold=True)
    for finding in findings:
        count[finding.verdict] += 1
        if finding.text in (AWS_ONLY, WITHOUT_CREDENTIALS):
            together.setdefault((finding.verdict, finding.text), []).append(finding.check)
        else:
            click.echo("\n".join(lines(finding, columns)))
    for (verdict, text), names in together.items():
        click.echo("\n".join(lines(Finding(f"{len(names)} checks", verdict, f"{text}: {', '.join(names)}"), columns)))
    click.echo()
    click.secho(summary(count), bold=True)
    return count[Verdict.FAIL] > 0


def lines(finding: Finding, columns: int) -> Iterator[str]:
    """A finding in lines of so many columns; what is to be copied stays whole."""
    indent = " " * (NAME_WIDTH + 3)
    head = f"{_mark(finding.verdict)} {click.style(finding.check.ljust(NAME_WIDTH), bold=True)} "
    text, *rest = _wrapped(finding.text, columns - len(indent)) or [""]
    yield head + text
    yield from (indent + line for line in (*rest, *_wrapped(finding.todo or "", columns - len(indent))))
    copied = [(finding.command, ""), (finding.line, f"  # {finding.file}")]
    for copy, place in copied:
        if copy:
            yield f"{indent}  {click.style(printable(copy), fg='cyan')}{click.style(place, dim=True) if place else ''}"


def _wrapped(text: str, columns: int) -> list[str]:
    return textwrap.wrap(printable(text), columns, break_long_words=False, break_on_hyphens=False)


def summary(count: Counter[Verdict]) -> str:
    """The last line."""
    hints, failures, unknown = (count[verdict] for verdict in (Verdict.HINT, Verdict.FAIL, Verdict.UNKNOWN))
    parts = [
        f"{failures} problem{'s' * (failures != 1)} would make the deployment fail" if failures else "Ready to deploy",
        f"{hints} hint{'s' * (hints != 1)}" if hints else "",
        f"{unknown} unknown" if unknown else "",
    ]
    return ", ".join(filter(None, parts)) + "."


def _mark(verdict: Verdict) -> str:
    mark, plain, colour = MARKS[verdict]
    try:
        mark.encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        mark = plain
    return click.style(mark, fg=colour, bold=colour is not None)
