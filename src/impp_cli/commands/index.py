"""`impp index`: the index of all assets."""

from __future__ import annotations

import sys
from dataclasses import asdict

import click

from impp_cli.commands.common import ExitCode, Target, dry_run_option, fail, of_environment
from impp_cli.console import counted, print_json


@click.group()
def index() -> None:
    """Maintain the index of all assets, which the gallery and `impp find` read."""


@index.command()
@dry_run_option
@of_environment
def rebuild(target: Target, as_json: bool, dry_run: bool) -> ExitCode:
    """Rebuild the index from the catalog and the manifests.

    Needed after a restore of the catalog or the delivery bucket, or if entries are missing. The pipeline can keep
    running meanwhile. Requests for 50,000 assets cost about $0.04.
    """
    from impp_cli.archive.rebuild import Rebuild
    from impp_lambdas.core.contention import Contended

    def on_progress(stage: str, count: int) -> None:
        if count % 500 == 0 and sys.stderr.isatty():
            click.echo(f"\r{stage}: {count}", nl=False, err=True)

    try:
        result = Rebuild(target.environment, target.account).run(on_progress, dry_run=dry_run)
    except Contended as error:
        fail(f"The pipeline keeps changing {error}: run it again when fewer files are being processed.")
    if as_json:
        print_json({**asdict(result), "dry_run": dry_run})
    else:
        verb = "Would list" if dry_run else "Listed"
        total = sum(result.assets.values())
        click.echo(f"{verb} {counted(total, 'asset')} of {counted(len(result.assets), 'month')}.")
        click.echo(f"{result.added} added, {result.corrected} corrected, {result.removed} removed.")
    return ExitCode.OK
