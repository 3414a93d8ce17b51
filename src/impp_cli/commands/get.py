"""`impp get`: download originals and renditions."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from impp_cli.commands.common import ExitCode, Failure, Target, explain, fail, of_environment
from impp_cli.console import print_json, printable, size

if TYPE_CHECKING:  # they take time to import
    from impp_cli.archive.assets import Asset
    from impp_cli.archive.download import Progress, Wanted

CONTINUE = "The downloaded part is kept: run the command again to resume."


@dataclass
class Outcome:
    """What became of the files that were asked for."""

    files: list[dict[str, Any]] = field(default_factory=list)
    waiting: list[dict[str, str]] = field(default_factory=list)
    failed: list[dict[str, str]] = field(default_factory=list)
    is_refused: bool = False

    def add(self, asset: str, failure: Failure) -> None:
        """Note what AWS did not do."""
        self.failed.append({"asset": asset, "reason": f"{failure.message.rstrip('.')}. {CONTINUE}"})
        self.is_refused = self.is_refused or failure.exit_code == ExitCode.REFUSED

    @property
    def code(self) -> ExitCode:
        """How the command ends."""
        if self.failed:
            return ExitCode.REFUSED if self.is_refused else ExitCode.FAILED
        return ExitCode.REFUSED if self.waiting else ExitCode.OK if self.files else ExitCode.NOTHING


@click.command()
@click.argument("arguments", metavar="ASSET...", nargs=-1, required=True)
@click.option(
    "-o", "--output", "folder", type=click.Path(path_type=Path, file_okay=False), default=Path(),
    help="Write the files to this folder.  [default: the current one]",
)  # fmt: skip
@click.option(
    "--rendition", "names", multiple=True, metavar="NAME",
    help="Download this rendition instead of the original, such as web; `hls` for all its files, `all` for all "
    "renditions. Repeatable.",
)  # fmt: skip
@of_environment
def get(target: Target, arguments: tuple[str, ...], as_json: bool, folder: Path, names: tuple[str, ...]) -> ExitCode:
    """Download originals or renditions. Each is checked against the checksum of its upload.

    Interrupted downloads resume where they stopped, and broken connections are retried. A file that already exists is
    only checked. Originals in Glacier Flexible Retrieval and Deep Archive must be restored first: the command lists
    them with the price.
    """
    outcome = Outcome()
    for asset in target.assets.resolve_all(arguments):
        if not _download(target, asset, folder, names, outcome, as_json):
            break
    if as_json:
        print_json({"files": outcome.files, "waiting": outcome.waiting, "failed": outcome.failed})
    else:
        for problem in (*outcome.waiting, *outcome.failed):
            click.echo(f"{problem['asset']}: {printable(problem['reason'])}", err=True)
    return outcome.code


def _download(
    target: Target, asset: Asset, folder: Path, names: tuple[str, ...], outcome: Outcome, is_quiet: bool
) -> bool:
    """Download the files of an asset; whether to go on with the next. What has gone wrong is noted in the outcome."""
    from impp_cli.archive import download
    from impp_cli.aws import AwsError, Kind

    try:
        for wanted in _wanted(target, asset, names, outcome):
            path, spare = _paths(folder, wanted, asset.id)
            _make(path.parent)
            try:
                with _progress(wanted) as advance:
                    done = download.download(target.account, wanted, path, spare, advance)
            except (download.Corrupt, download.Changed) as error:
                outcome.failed.append({"asset": asset.id, "reason": f"{error}; run the command again"})
                continue
            except OSError as error:
                outcome.failed.append({"asset": asset.id, "reason": f"{path}: {error.strerror}. {CONTINUE}"})
                return False
            outcome.files.append(
                {"asset": asset.id, "path": str(done.path), "bytes": done.size, "verified": done.verified}
            )
            if not is_quiet:
                verb = "Already exists" if done.was_there else "Saved"
                click.echo(f"{verb}: {printable(str(done.path))}  {size(done.size)}, checked by {done.verified}")
    except AwsError as error:  # credentials that expire after hours do not undo what was downloaded before
        outcome.add(asset.id, explain(error, target.environment))
        return error.kind not in (Kind.CREDENTIALS, Kind.UNREACHABLE)
    return True


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        fail(f"Cannot create the folder {folder}: {error.strerror}.")


def _wanted(target: Target, asset: Asset, names: tuple[str, ...], outcome: Outcome) -> Iterator[Wanted]:
    """The objects to download for an asset; what there is none of is noted in the outcome."""
    if not names:
        yield from _original(target, asset, outcome)
        return
    from impp_lambdas.core.planning import hls

    renditions = {str(one["name"]): one for one in asset.item.get("renditions") or ()}
    files = {name: one for name, one in renditions.items() if not hls.is_track(name)}
    has = [*files, *([hls.NAME] if len(files) < len(renditions) else [])]
    for name in dict.fromkeys(has if "all" in names else names):
        if name in files:
            yield _rendition(target, asset, files[name])
        elif name in has:
            yield from _presentation(target, asset)
        else:
            reason = f"it has no rendition {name}, but {', '.join(has) or 'none'} (`impp render` makes more)"
            outcome.failed.append({"asset": asset.id, "reason": reason})


def _original(target: Target, asset: Asset, outcome: Outcome) -> Iterator[Wanted]:
    from impp_cli.archive import originals
    from impp_cli.archive.download import Wanted

    stored = originals.look(target.account, asset.item)
    if stored is None:
        outcome.failed.append({"asset": asset.id, "reason": f"its original, {asset.item['key']}, no longer exists"})
    elif stored.archive:
        outcome.waiting.append({"asset": asset.id, "reason": originals.waiting(stored, asset.id)})
    else:
        yield Wanted(
            stored.bucket, stored.key, stored.version, stored.size, stored.etag, stored.key.rpartition("/")[2],
            asset.item.get("sha256"), stored.checksums,
        )  # fmt: skip


def _rendition(target: Target, asset: Asset, rendition: Mapping[str, Any]) -> Wanted:
    key = str(rendition["key"])
    return _delivered(target, key, f"{_stem(asset)}-{rendition['name']}.{key.rpartition('.')[2]}")


def _presentation(target: Target, asset: Asset) -> Iterator[Wanted]:
    """All files of an HLS presentation: playlists and tracks, which name each other."""
    from impp_lambdas.core.planning import hls

    prefix = hls.playlist(asset.id).rpartition("/")[0] + "/"
    bucket = target.environment.output("delivery_bucket")
    listed = target.account.call("s3", "list_objects_v2", Bucket=bucket, Prefix=prefix).get("Contents", ())
    folder = f"{_stem(asset)}-{asset.id[:8]}-hls"  # of its own: the files of all presentations are named alike
    for key in sorted(str(one["Key"]) for one in listed):
        yield _delivered(target, key, key.removeprefix(prefix), folder)


def _delivered(target: Target, key: str, name: str, folder: str | None = None) -> Wanted:
    from impp_cli.archive import checksums
    from impp_cli.archive.download import Wanted

    bucket = target.environment.output("delivery_bucket")
    head = target.account.call("s3", "head_object", Bucket=bucket, Key=key, ChecksumMode="ENABLED")
    stated = checksums.stated(head)
    return Wanted(bucket, key, None, int(head["ContentLength"]), str(head["ETag"]), name, None, stated, folder)


def _stem(asset: Asset) -> str:
    return str(asset.item["key"]).rpartition("/")[2].rpartition(".")[0] or asset.id


def _paths(folder: Path, wanted: Wanted, asset: str) -> tuple[Path, Path]:
    """Where a file goes, and where if another file has that name: cards name their files alike."""
    from impp_cli.archive.download import safe_name

    if wanted.folder:
        folder /= safe_name(wanted.folder, asset)
    path = folder / safe_name(wanted.name, asset)
    return path, path.with_name(f"{path.stem}-{asset[:8]}{path.suffix}")


@contextmanager
def _progress(wanted: Wanted) -> Iterator[Progress]:
    if not sys.stderr.isatty():
        yield lambda _bytes: None
        return
    with click.progressbar(length=wanted.size, label=printable(wanted.name), file=sys.stderr) as bar:
        yield bar.update
