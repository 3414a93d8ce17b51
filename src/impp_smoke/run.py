"""One run: make the files, say the price, upload with the edge script, wait, check, answer the doubts, clean up."""

from __future__ import annotations

import json
import tempfile
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from impp_engines.assets import AssetError
from impp_lambdas.core.money import ledger
from impp_local.demo import card
from impp_local.demo.card import CardFile, EdgeError, Outcome
from impp_local.demo.console import Console
from impp_local.demo.names import shown
from impp_local.deploy.root import DeployError
from impp_local.kernel.store import StoreInUse
from impp_smoke import price
from impp_smoke.alerts import AlertQueue
from impp_smoke.answers import answered
from impp_smoke.checks import CHECKS, CheckFailed
from impp_smoke.cleanup import DEVICE_PREFIX, Cleaned, Cleaner
from impp_smoke.doubts import Doubt
from impp_smoke.environment import Environment, SmokeError, edge_environment
from impp_smoke.evidence import Execution, Lookup, Run, Upload
from impp_smoke.executions import POLL_S, wait_for_executions
from impp_smoke.files import SmokeFile, make_files

ALERTS_ATTEMPTS: Final = 60
"""How often to ask for the last alerts, each time for a second."""
LOCAL_POLL_S: Final = 1.0

FAILURES: Final = (SmokeError, EdgeError, AssetError, DeployError, StoreInUse, ClientError, BotoCoreError, OSError)
"""What a run may end with: the message says all that there is to say."""


@dataclass
class Result:
    """What a run has found. `checks` are by name, None for one that passed. `left` names what the clean-up could not
    remove, `error` why the run ended early."""

    environment: str
    account: str
    device: str
    started_at: str
    usd_most: float = 0.0
    usd: float = 0.0
    ended: dict[str, str] = field(default_factory=dict)  # file → state
    stalled: list[str] = field(default_factory=list)
    checks: dict[str, str | None] = field(default_factory=dict)
    answers: list[tuple[Doubt, str]] = field(default_factory=list)
    ledger: list[dict[str, Any]] = field(default_factory=list)
    cleaned: Cleaned | None = None
    error: str | None = None

    @property
    def is_good(self) -> bool:
        """Whether all checks have passed and nothing was left behind."""
        is_clean = self.cleaned is None or not self.cleaned.left
        return not self.error and bool(self.checks) and not any(self.checks.values()) and is_clean

    def to_dict(self) -> dict[str, Any]:
        """The result as JSON values. It holds no links that open anything."""
        return {
            "version": 1,
            "environment": self.environment,
            "account": self.account,
            "device": self.device,
            "started_at": self.started_at,
            "usd_most": self.usd_most,
            "usd": self.usd,
            "files": self.ended,
            "stalled": self.stalled,
            "checks": self.checks,
            "answers": [
                {"doubt": doubt.id, "question": doubt.question, "answer": text} for doubt, text in self.answers
            ],
            "ledger": self.ledger,
            "removed": dict(self.cleaned.removed) if self.cleaned else None,
            "left": self.cleaned.left if self.cleaned else None,
            "error": self.error,
        }


class Smoke:
    """A run on an environment. `result` is there from the beginning; `agree` is asked before anything is uploaded, with
    the price in USD and the number of files, and raises to stop."""

    def __init__(
        self, environment: Environment, console: Console, agree: Callable[[float, list[SmokeFile]], None], *, keep: bool
    ) -> None:
        self._environment, self._console, self._agree, self._keep = environment, console, agree, keep
        self._id = uuid.uuid4()
        self.has_begun = False
        self.run = Run(environment, f"{DEVICE_PREFIX}{self._id.hex[:12]}")
        started = datetime.now(UTC).isoformat(timespec="seconds")
        self.result = Result(environment.name, environment.account, self.run.device, started)

    def go(self) -> Result:
        """Do everything. Raises what `FAILURES` lists, and what `agree` raises; the clean-up has run then, too."""
        self._environment.check()
        try:
            with tempfile.TemporaryDirectory(prefix="impp-smoke-") as folder:
                self._go(Path(folder))
        except BaseException as error:
            self.result.error = f"{type(error).__name__}: {error}"
            if self.has_begun and not self._keep:
                self._console.line("Stopped. Removing what there is; Ctrl-C leaves it for `CLEAN=`.")
            raise
        finally:
            if self.has_begun and not self._keep:
                with self._console.stage("Clean up"):
                    self.result.cleaned = Cleaner(self._environment, self.run.device).clean()
        return self.result

    def _go(self, folder: Path) -> None:
        root = folder / "card"
        with self._console.stage("Make the files"):
            files = make_files(root, self._id)
        self.result.usd_most = price.usd(price.most(files, PurePosixPath(root)))
        self._agree(self.result.usd_most, files)
        self.has_begun = True
        alerts = AlertQueue(self._environment, self.run.device)
        alerts.open()
        config = self._edge_config(folder)
        with self._console.stage("Upload with the edge script"):
            uploads = self._upload(config, root, files)
        lookup, executions = Lookup(self._environment), dict[Upload, Execution]()
        with self._console.stage("Let the pipeline run"):
            poll_s = LOCAL_POLL_S if self._environment.is_local else POLL_S
            self.result.stalled = wait_for_executions(lookup, uploads, self._console, executions, poll_s=poll_s)
        with self._console.stage("Gather what it has recorded"):
            received = self._alerts(alerts, files)
            self.run.assets = [lookup.asset(upload, executions.get(upload), received) for upload in uploads]
            self.run.billed = self._environment.metered()
            self.run.second_sync = self._sync(config, root, files, {})
            self.run.billed_again = self._environment.metered()
        self._describe()
        with self._console.stage("Check"):
            self.result.checks = {check.__name__: self._failure(check) for check in CHECKS}
            self.result.answers = answered(self.run)

    def _describe(self) -> None:
        self.result.ended = {asset.name: asset.state for asset in self.run.assets}
        items = [asset.item for asset in self.run.assets]
        self.result.usd = sum(float(item.get("usd") or 0) for item in items)
        lines = ledger.from_dicts(line for item in items for line in item.get("ledger", ()))
        self.result.ledger = [line.to_dict() for line in ledger.merge(lines)]

    def _failure(self, check: Callable[[Run], None]) -> str | None:
        """Why a check fails. A value that is missing altogether fails it too."""
        try:
            check(self.run)
        except CheckFailed as failure:
            return str(failure)
        except Exception as error:
            return f"{type(error).__name__}: {error}"
        return None

    def _edge_config(self, folder: Path) -> Path:
        settings = {
            "bucket": self._environment.outputs["ingest_bucket"],
            "device": self.run.device,
            "region": self._environment.region,
            "state": str(folder / "edge"),
            "timezone": "UTC",
            "settle_s": 0,
            "truncated_after_s": 0,
        } | ({"endpoint_url": self._environment.endpoint} if self._environment.endpoint else {})
        path = folder / "edge.toml"
        # A JSON string of plain text is a TOML string as well.
        path.write_text("".join(f"{name} = {json.dumps(value)}\n" for name, value in settings.items()), "utf-8")
        return path

    def _upload(self, config: Path, root: Path, files: list[SmokeFile]) -> list[Upload]:
        outcomes: dict[Path, Outcome] = {}
        self._sync(config, root, files, outcomes)
        uploads = []
        for file in files:
            outcome = outcomes.get(file.path)
            if outcome is None or outcome.kind != "uploaded" or outcome.key is None:
                reason = (outcome.reason or outcome.kind) if outcome else "it reported nothing about it"
                raise SmokeError(f"The edge script did not upload {file.path.name}: {reason}")
            if outcome.sha256 != file.sha256:
                raise SmokeError(f"The edge script uploaded other content than {file.path.name} has")
            head = self._environment.client("s3").head_object(
                Bucket=self._environment.outputs["ingest_bucket"], Key=outcome.key
            )
            uploads.append(Upload(file, outcome.key, head["VersionId"]))
        return uploads

    def _sync(
        self, config: Path, root: Path, files: list[SmokeFile], outcomes: dict[Path, Outcome]
    ) -> Mapping[str, Any]:
        """Run the edge script; returns its summary."""
        entries = [CardFile(file.path, shown(file.path.relative_to(root)), file.path.stat().st_size) for file in files]
        env = edge_environment(self._environment)
        return card.run_edge(
            config, entries, root, env, outcomes, lambda count: self._console.progress(count, len(files), "files sent")
        )

    def _alerts(self, queue: AlertQueue, files: list[SmokeFile]) -> list[dict[str, Any]]:
        wanted = {file.asset for file in files}
        return queue.receive(
            lambda alerts: wanted <= {str(alert.get("asset")) for alert in alerts},
            ALERTS_ATTEMPTS // 10 if self.result.stalled else ALERTS_ATTEMPTS,
        )


@contextmanager
def reported(smoke: Smoke, folder: Path) -> Iterator[Path]:
    """Write the report of a run that has begun when the block ends, however it ends."""
    path = folder / f"{smoke.run.device}.json"
    try:
        yield path
    finally:
        if smoke.has_begun:
            folder.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(smoke.result.to_dict(), indent=2, ensure_ascii=False) + "\n", "utf-8")
