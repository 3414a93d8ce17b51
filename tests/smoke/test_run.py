"""How a run ends: in order, by a signal, by an error; each time it cleans up and leaves a report."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from impp_local.demo.console import Console
from impp_local.demo.signals import Interrupted
from impp_smoke import cli, run
from impp_smoke.cleanup import Cleaned
from impp_smoke.environment import Environment, SmokeError, on_aws
from impp_smoke.evidence import Execution, Upload
from impp_smoke.executions import STALLED_AFTER_S, wait_for_executions
from impp_smoke.files import SmokeFile
from impp_smoke.run import Smoke, reported

ARN = "arn:aws:states:us-east-1:123456789012:execution:pipeline:one"
OUTPUTS = {
    "state_machine_arn": "arn:aws:states:us-east-1:123456789012:stateMachine:pipeline",
    "ingest_bucket": "ingest",
    "alert_topic_arn": "arn:aws:sns:us-east-1:123456789012:alerts",
}
UPLOAD = Upload(SmokeFile("clip", Path("clip.mp4"), "published", None, "a clip", "ab" * 32), "originals/clip.mp4", "1")


class Sts:
    def __init__(self, account: str = "123456789012") -> None:
        self.account = account

    def get_caller_identity(self) -> dict[str, str]:
        return {"Account": self.account}

    def head_bucket(self, Bucket: str) -> None:
        pass


@pytest.fixture
def cleaned(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The devices of the runs that have cleaned up; a clean-up leaves one thing behind."""
    devices: list[str] = []

    class Cleaner:
        def __init__(self, _environment: Environment, device: str) -> None:
            self.device = device

        def clean(self) -> Cleaned:
            devices.append(self.device)
            return Cleaned(left=["s3://ingest/originals/clip.mp4: Access Denied"])

    class Queue:
        def __init__(self, *_: Any) -> None:
            pass

        def open(self) -> None:
            pass

    monkeypatch.setattr(run, "Cleaner", Cleaner)
    monkeypatch.setattr(run, "AlertQueue", Queue)
    monkeypatch.setattr(run, "make_files", lambda _folder, _id: [])
    monkeypatch.setattr(Smoke, "_upload", lambda *_: [UPLOAD])
    return devices


def smoke(agree: Any = lambda _usd, _files: None, account: str = "123456789012") -> Smoke:
    environment = Environment("dev", OUTPUTS, lambda _service: Sts(account), {})
    return Smoke(environment, Console(io.StringIO()), agree, keep=False)


@pytest.mark.parametrize("error", [Interrupted(2), SmokeError("the edge script did not upload it"), KeyError("item")])
def test_a_run_that_ends_early_cleans_up_and_reports_what_is_left(
    error: BaseException, cleaned: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def ends(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(run, "wait_for_executions", ends)
    one = smoke()
    with pytest.raises(type(error)), reported(one, tmp_path):
        one.go()
    assert cleaned == [one.run.device]
    document = json.loads((tmp_path / f"{one.run.device}.json").read_text())
    assert document["left"] == ["s3://ingest/originals/clip.mp4: Access Denied"]
    assert str(error) in document["error"]


def test_nothing_is_touched_without_consent(cleaned: list[str]) -> None:
    def refuse(_usd: float, _files: list[SmokeFile]) -> None:
        raise SmokeError("no")

    with pytest.raises(SmokeError, match="no"):
        smoke(refuse).go()
    assert cleaned == []
    assert cleaned == []


def test_credentials_of_another_account_are_refused(cleaned: list[str]) -> None:
    with pytest.raises(SmokeError, match="account 999999999999, the environment dev is in 123456789012"):
        smoke(account="999999999999").go()
    assert cleaned == []
    assert cleaned == []


def test_concurrent_runs_have_their_own_devices(cleaned: list[str]) -> None:
    assert smoke().run.device != smoke().run.device


class Stuck:
    """A pipeline in which nothing moves."""

    def __init__(self, execution: Execution | None) -> None:
        self._execution = execution

    def execution(self, _upload: Upload) -> Execution | None:
        return self._execution

    def refreshed(self, execution: Execution) -> Execution:
        return execution


@pytest.fixture
def clock() -> Iterator[Any]:
    times = iter(range(0, 10 * int(STALLED_AFTER_S), 60))
    yield lambda: float(next(times))


@pytest.mark.parametrize(
    ("execution", "words"),
    [
        (Execution(ARN, "RUNNING", 7, "Transcode"), ["clip.mp4", "in Transcode", "console.aws.amazon.com", ARN]),
        (None, ["clip.mp4", "no execution", "dead-letter"]),
    ],
)
def test_a_stalled_file_is_named_with_its_execution(execution: Execution | None, words: list[str], clock: Any) -> None:
    lookup: Any = Stuck(execution)
    (sentence,) = wait_for_executions(lookup, [UPLOAD], Console(io.StringIO()), {}, now=clock, sleep=lambda _s: None)
    assert all(word in sentence for word in words)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--env", "local", "--state", "nowhere"], ["No local cloud runs", "make up"]),
        (["--env", "dev", "--outputs", "nowhere.json"], ["make deploy ENV=dev"]),
    ],
)
def test_a_missing_environment_is_explained(
    arguments: list[str], words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(cli.main, arguments)
    assert result.exit_code == 2
    assert all(word in result.output for word in words)


@pytest.mark.parametrize(
    ("outputs", "words"),
    [
        ({}, ["not deployed", "make deploy ENV=dev"]),
        ({"state_machine_arn": {"value": "arn:aws:states:us-east-1:1:stateMachine:impp-prod-pipeline"}}, ["impp-prod"]),
    ],
)
def test_outputs_of_another_environment_are_refused(outputs: dict[str, Any], words: list[str], tmp_path: Path) -> None:
    file = tmp_path / "outputs.json"
    file.write_text(json.dumps(outputs))
    with pytest.raises(SmokeError) as raised:
        on_aws("dev", file)
    assert all(word in str(raised.value) for word in words)
