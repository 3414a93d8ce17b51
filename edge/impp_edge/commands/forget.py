"""``impp-edge forget``: make the next run treat files as new."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import click

from impp_edge.cli import LOCKED, WRONG_SETTING, CommandLine, end, settings
from impp_edge.memory.state import Locked, Stale, State, StateError, lock


class _Undone(Exception):
    """Rolls back the transaction of a dry run."""


@click.command()
@settings
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--dry-run", "-n", is_flag=True, help="Print how many files would be forgotten.")
def forget(command_line: CommandLine, paths: tuple[Path, ...], dry_run: bool) -> None:
    """Forget the state of PATHS, files or folders, so that the next run treats them as new.

    The next run uploads files that are not in the bucket and recognises the others. Nothing is removed from the card,
    the bucket or the custody log, except parts of unfinished uploads.

    Exit codes: 0 done, 2 wrong configuration, 3 another run holds the lock.
    """
    from impp_edge.check.comparison import absolute
    from impp_edge.memory.database import FILE

    folder = command_line.state()
    if not (folder / FILE).exists():
        end(WRONG_SETTING, f"{folder}: nothing was uploaded with this state")
    try:
        with lock(folder):
            state = State(folder)
            try:
                _forget(command_line, state, [absolute(path) for path in paths], dry_run)
            finally:
                state.close()
    except Locked as error:
        end(LOCKED, str(error))
    except StateError as error:
        end(WRONG_SETTING, str(error))


def _forget(command_line: CommandLine, state: State, paths: list[Path], dry_run: bool) -> None:
    begun = [one for path in paths for one in state.begun(path)]
    left = 0 if dry_run else _abort(command_line, begun)
    try:
        with state.batch():
            known = sum(state.forget(path) for path in paths)
            for bucket, stale in begun:
                state.end(bucket, stale)
            if known or begun:
                state.set("fresh", "yes")  # the bucket has what is not known here: look there before sending
            if dry_run:
                raise _Undone
    except _Undone:
        click.echo(f"would forget {_files(known)} and {_uploads(len(begun))}")
        return
    click.echo(f"forgot {_files(known)} and {_uploads(len(begun))}")
    if left:
        click.echo(f"{_uploads(left)} could not be aborted: the next upload of the file, or the bucket's lifecycle, "
                   "removes their parts", err=True)  # fmt: skip


def _files(count: int) -> str:
    return f"{count} file{'s' * (count != 1)}"


def _uploads(count: int) -> str:
    return f"{count} upload{'s' * (count != 1)} in progress"


def _abort(command_line: CommandLine, begun: Iterable[tuple[str, Stale]]) -> int:
    """Abort uploads, so that S3 does not bill their parts. Returns how many could not be aborted."""
    by_bucket: dict[str, list[Stale]] = {}
    for bucket, stale in begun:
        if stale.upload:
            by_bucket.setdefault(bucket, []).append(stale)
    if not by_bucket:
        return 0
    from impp_edge.bucket.s3 import S3, Offline, Refused, S3Error

    left = 0
    for bucket, uploads in by_bucket.items():
        config = CommandLine(command_line.file, {**command_line.over, "bucket": bucket}).config(
            (Path("/"),)
        )  # the folders do not matter
        while uploads:
            stale = uploads.pop()
            try:
                s3 = S3(bucket, config.region, config.endpoint_url, config.profile, config.ca_bundle)
                s3.abort(stale.key, str(stale.upload))
                s3.close()
            except S3Error:
                left += 1
            except (Offline, Refused):
                left += 1 + len(uploads)
                break
    return left
