"""What `make demo` does."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from impp_engines.assets import AssetError
from impp_local.demo import card, collect, keep, report, stages
from impp_local.demo.card import CardFile, Outcome
from impp_local.demo.console import Console, DeployProgress, result_lines
from impp_local.demo.facts import Report
from impp_local.demo.names import printable, shown
from impp_local.demo.signals import Interrupted, leave, unwinding
from impp_local.deploy.root import DeployError, deploy
from impp_local.deploy.terraform import REPOSITORY, TerraformMissing
from impp_local.kernel.clients import Clients
from impp_local.kernel.defaults import REGION
from impp_local.kernel.store import make_private

FOLDER = REPOSITORY / "build" / "demo"
RESULTS: Final = ("report.html", "report.json", "media")


class DemoRunning(RuntimeError):
    """Another demo uses the folder."""


FAILURES: Final = (
    stages.DemoError,
    DeployError,
    TerraformMissing,
    card.CardError,
    card.EdgeError,
    AssetError,
    DemoRunning,
)
"""What a run may end with: the message says all that there is to say."""


def run(media: Path | None, *, keeps: bool = False) -> int:
    """Run a card of footage through the real pipeline, and report; returns the exit code.

    With `keeps` the cloud then runs on until a signal comes, and its gallery can be opened.

    0 when every file finished as expected, 1 when one did not, 2 when the run failed. When it is interrupted, this
    process ends with the shell's code for the signal.
    """
    console = Console()
    demo = _Demo(console, media, keeps)
    try:
        with unwinding(), _only_demo(FOLDER):
            try:
                demo.go()
            except Interrupted as interrupted:
                console.line()
                if demo.result is None:
                    console.line("Stopped before any file was uploaded, so there is no report.")
                demo.show()
                leave(interrupted.exit_code)
            assert demo.result
            demo.show()
    except FAILURES as error:
        console.line(f"\n{error}")
        return 2
    return 1 if demo.result.wrong else 0


@contextmanager
def _only_demo(folder: Path) -> Iterator[None]:
    """Hold the demo's folder. Raises DemoRunning."""
    make_private(folder)
    with (folder / "lock").open("a+", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            number = lock.read().strip() or "unknown"
            raise DemoRunning(
                f"Another `make demo` is running (process {number}). Wait for it, or stop it: kill {number}"
            ) from None
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield


@dataclass
class _Demo:
    """One run; `result` is there as soon as there is something to report."""

    console: Console
    media: Path | None
    keeps: bool = False
    result: Report | None = None
    _files: list[CardFile] = field(default_factory=list)
    _outcomes: dict[Path, Outcome] = field(default_factory=dict)
    _is_uploaded: bool = False
    _is_shown: bool = False

    def go(self) -> None:
        """Do everything. Raises what `FAILURES` lists, and Interrupted, after writing the report if there is one."""
        for name in RESULTS:
            _remove(FOLDER / name)
        if self.media:
            self._check_media(self.media)
        preparation = self._prepare()
        with self.console.stage("Build the functions and the state machine"):
            manifest = stages.build()
        with stages.local_cloud(FOLDER / "cloud") as running:
            with self.console.stage("Deploy the real Terraform root to the local cloud"):
                outputs = deploy(running.endpoint, FOLDER / "cloud", manifest, on_line=DeployProgress(self.console))
            with self.console.stage("Make the card ready" if self.media is None else "Make the models ready"):
                self._files = preparation.result() or self._files
            with stages.while_alive(running):
                self._process(running.endpoint, outputs)
                if self.keeps:
                    self.show()
                    with suppress(Interrupted):
                        keep.keep(running, outputs, self.console)

    def show(self) -> None:
        """Print the result, once, if there is one."""
        if self.result is None or self._is_shown:
            return
        self._is_shown = True
        self.console.line()
        for line in result_lines(self.result, self.console.columns):
            self.console.line(line)
        pages = [_relative(FOLDER / name) for name in ("report.html", "report.json")]
        self.console.line(f"Report: {pages[0]}, for programs {pages[1]}")

    def _check_media(self, media: Path) -> None:
        card.check_folder(media)
        with self.console.stage("Look at your files"):
            self._files = card.own_files(media)
            config = card.edge_config(FOLDER, "not-yet", "http://127.0.0.1", media)
            card.check_footage(media, self._files, card.ask_edge(config, self._files, media, stages.environment()))

    def _prepare(self) -> Future[list[CardFile]]:
        """The models, and the sample card, while Terraform mostly waits for responses."""

        def prepare() -> list[CardFile]:
            from impp_engines import assets

            assets.prepare()
            return [] if self.media else card.sample_files(FOLDER / "card")

        executor = ThreadPoolExecutor(max_workers=1)
        preparation = executor.submit(prepare)
        executor.shutdown(wait=False)
        return preparation

    @property
    def _root(self) -> Path:
        return self.media or FOLDER / "card"

    def _process(self, endpoint: str, outputs: Mapping[str, Any]) -> None:
        clients = Clients(endpoint)
        queue = stages.listen_for_alerts(clients, outputs["alert_topic_arn"])
        cloud = collect.Cloud(clients, outputs)
        stalled: dict[str, str] = {}
        interrupted: Interrupted | None = None
        try:
            with self.console.stage("Upload with the edge script"):
                self._upload(endpoint, outputs["ingest_bucket"])
            names = {
                outcome.key: shown(path.name)
                for path, outcome in self._outcomes.items()
                if outcome.kind == "uploaded" and outcome.key
            }
            with self.console.stage("Let the pipeline run"):
                stalled = stages.wait_until_idle(cloud, endpoint, names, self.console)
        except Interrupted as signal:
            interrupted = signal
            self.console.line("Stopped; Ctrl-C again leaves without a report.")
        with self.console.stage("Write the report"):
            self.result = self._report(endpoint, queue, clients, cloud, stalled, is_interrupted=interrupted is not None)
        if interrupted:
            raise interrupted

    def _report(
        self,
        endpoint: str,
        queue: str,
        clients: Clients,
        cloud: collect.Cloud,
        stalled: Mapping[str, str],
        *,
        is_interrupted: bool,
    ) -> Report:
        bill = stages.page(endpoint, "bill")
        alerts = stages.received_alerts(clients, queue)
        total = len(self._files)
        file_reports = collect.file_reports(
            self._files,
            self._outcome_of,
            cloud,
            alerts,
            bill["assets"],
            stalled,
            lambda count: self.console.progress(count, total, "files described"),
        )
        result = Report(
            generated_at=datetime.now(UTC).isoformat(timespec="seconds"),
            region=REGION,
            source="sample card" if self.media is None else shown(self.media),
            stages=self.console.stages,
            files=file_reports,
            bill=bill,
            interrupted=is_interrupted,
        )
        report.write_json(result, FOLDER / "report.json")
        report.write_html(result, FOLDER / "report.html", lambda key: cloud.object_bytes("delivery_bucket", key))
        return result

    def _upload(self, endpoint: str, bucket: str) -> None:
        config = card.edge_config(FOLDER, bucket, endpoint, self.media)
        total = len(self._files)
        card.run_edge(
            config,
            self._files,
            self._root,
            stages.environment(endpoint),
            self._outcomes,
            lambda count: self.console.progress(count, total, "files looked at"),
        )
        self._is_uploaded = True

    def _outcome_of(self, file: CardFile) -> Outcome | None:
        outcome = card.outcome_of(file, self._outcomes, self._root)
        return outcome if outcome or self._is_uploaded else Outcome("waiting")


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _relative(path: Path) -> str:
    try:
        return printable(shown(path.relative_to(Path.cwd())))
    except ValueError:
        return printable(shown(path))
