"""The card of a run: the sample SD card, or a folder of the user's own; and what the edge script says about it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from impp_local.demo.facts import Expectation
from impp_local.demo.names import printable, shown
from impp_local.kernel import children
from impp_local.kernel.defaults import REGION

SIDECAR_PREFIX: Final = "sidecars/"


class CardError(RuntimeError):
    """The folder has no footage; the message says what it has, and what to do."""


class EdgeError(RuntimeError):
    """The edge script failed; the message ends with what it printed."""


@dataclass(frozen=True)
class CardFile:
    """One file of the card before the run."""

    path: Path
    file: str  # relative to the card, as text
    bytes: int
    expected: Expectation | None = None


@dataclass(frozen=True)
class Outcome:
    """What the edge script reported about a file: `kind` is uploaded, sidecar, skipped or failed."""

    kind: str
    key: str | None = None
    sha256: str | None = None
    reason: str | None = None


def own_files(media: Path) -> list[CardFile]:
    """All files below the user's folder except hidden ones, links included; nothing is copied or changed."""
    return [CardFile(path, shown(path.relative_to(media)), path.lstat().st_size) for path in _files(media)]


def _files(folder: Path) -> Iterator[Path]:
    for at, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        links = [name for name in folders if (Path(at) / name).is_symlink()]
        for name in sorted([*names, *links]):
            if not name.startswith("."):
                yield Path(at) / name


def sample_files(folder: Path) -> list[CardFile]:
    """Generate the sample SD card in this folder, replacing an earlier one."""
    from impp_local.demo.sample_card import make_sample_card

    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return [
        CardFile(
            sample.path,
            shown(sample.path.relative_to(folder)),
            sample.path.stat().st_size,
            Expectation(sample.state, sample.reason, sample.note),
        )
        for sample in make_sample_card(folder)
    ]


def check_folder(media: Path) -> None:
    """Raise CardError for a path that is no folder that can be read."""
    shown_path = printable(shown(media))
    if not media.exists():
        raise CardError(
            f"{shown_path} does not exist. Name the folder that holds your footage: make demo MEDIA=<folder>"
        )
    if not media.is_dir():
        parent = printable(shown(media.parent))
        raise CardError(
            f"{shown_path} is a file; MEDIA takes a folder. To run all files beside it: make demo MEDIA='{parent}'. To"
            " run only this one, copy it to a folder of its own."
        )
    if not os.access(media, os.R_OK | os.X_OK):
        raise CardError(f"{shown_path} cannot be read: its permissions do not allow it.")


def check_footage(media: Path, files: Iterable[CardFile], outcomes: Mapping[Path, Outcome]) -> None:
    """Raise CardError when the edge script would upload none of the files."""
    if any(outcome.kind == "uploaded" for outcome in outcomes.values()):
        return
    files = list(files)
    where = printable(shown(media))
    if not files:
        raise CardError(f"{where} has no files (hidden ones aside). {_ADVICE}")
    known = [outcome_of(file, outcomes, media) for file in files]
    reasons = Counter(outcome.reason or "sidecar" for outcome in known if outcome)
    listed = ", ".join(f"{count} {reason}" for reason, count in reasons.most_common(5))
    examples = ", ".join(printable(file.file) for file in files[:3]) + (", …" if len(files) > 3 else "")
    raise CardError(f"{where} has {_count(len(files), 'file')}, but no footage: {listed} ({examples}). {_ADVICE}")


_ADVICE: Final = "Name the folder that holds videos, photos or sound recordings: make demo MEDIA=<folder>"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def outcome_of(file: CardFile, outcomes: Mapping[Path, Outcome], root: Path) -> Outcome | None:
    """What the edge script reported about a file, or why it passes over it; None when it should have reported it."""
    from impp_edge.card.find import ignore_reason
    from impp_edge.config import Folder

    if outcome := outcomes.get(file.path):
        return outcome
    try:
        reason = ignore_reason(Folder(root), file.path)
    except OSError as error:
        return Outcome("failed", reason=f"cannot be read: {error.strerror}")
    return Outcome("skipped", reason=reason) if reason else None


def edge_config(folder: Path, bucket: str, endpoint: str, media: Path | None) -> Path:
    """Write the edge script's configuration; returns its path. The edge's state starts empty, as the cloud's does."""
    state = folder / "edge"
    shutil.rmtree(state, ignore_errors=True)
    # Nothing writes to the card, so no file has to settle. The times in the sample's names are UTC on every machine.
    settings = {
        "bucket": bucket, "endpoint_url": endpoint, "region": REGION, "state": str(state.absolute()),
        "settle_s": 0, "truncated_after_s": 0,
    } | ({} if media else {"timezone": "UTC"})  # fmt: skip
    path = folder / "edge.toml"
    # A JSON string of plain text is a TOML string as well.
    path.write_text("".join(f"{name} = {json.dumps(value)}\n" for name, value in settings.items()), "utf-8")
    return path


def ask_edge(config: Path, files: Iterable[CardFile], root: Path, env: Mapping[str, str]) -> dict[Path, Outcome]:
    """What the edge script would do with the card; nothing is sent. Raises EdgeError."""
    outcomes: dict[Path, Outcome] = {}
    run_edge(config, files, root, env, outcomes, dry_run=True)
    return outcomes


def run_edge(
    config: Path,
    files: Iterable[CardFile],
    root: Path,
    env: Mapping[str, str],
    outcomes: dict[Path, Outcome],
    on_outcome: Callable[[int], None] = lambda _count: None,
    *,
    dry_run: bool = False,
) -> dict[str, Any]:
    """One pass of the edge script over the card; returns its summary. Raises EdgeError when it fails as a whole.

    What it reports goes into `outcomes`, by file; `on_outcome` is called with the number of those files.
    """
    # The path is an argument, since TOML cannot hold one that is not UTF-8.
    command = [sys.executable, "-m", "impp_edge", "sync", "--config", str(config), "--json"]
    command += [*(["--dry-run"] if dry_run else []), "--", str(root.absolute())]
    by_name = {shown(file.path.absolute()): file.path for file in files}
    log = config.with_suffix(".log")
    summary: dict[str, Any] = {}
    with (
        log.open("w+", encoding="utf-8", errors="replace") as errors,
        subprocess.Popen(  # noqa: S603
            command,
            env={**env, "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            encoding="utf-8",
            process_group=children.group(),
        ) as process,
    ):
        assert process.stdout
        try:
            for line in process.stdout:
                event = json.loads(line)
                summary = event if event["event"] == "summary" else summary
                if (path := by_name.get(event.get("path", ""))) and (outcome := _outcome(event)):
                    outcomes[path] = outcome
                    on_outcome(len(outcomes))
        except BaseException:
            process.terminate()
            raise
    if process.returncode not in (0, 1):  # 1: some files failed, each with an event of its own
        raise EdgeError(f"The edge script ended with code {process.returncode}:\n{log.read_text('utf-8')[-2000:]}")
    return summary


def _outcome(event: Mapping[str, Any]) -> Outcome | None:
    match event["event"]:
        case "brought" | "there" | "would bring":
            kind = "sidecar" if event.get("sidecar") or event["key"].startswith(SIDECAR_PREFIX) else "uploaded"
            return Outcome(kind, event["key"], event.get("sha256"))
        case "skipped" | "failed":
            return Outcome(event["event"], reason=event["reason"])
        case "restless":
            return Outcome("skipped", reason="still being written")
    return None
