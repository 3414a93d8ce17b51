"""What `make up` does before and after its deployment; tests/local/test_cli.py runs it as a process."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

from impp_local.demo import stages, up
from impp_local.demo.console import Console
from impp_local.deploy import root
from impp_local.kernel import store

OUTPUTS = {"ingest_bucket": "ingest"}


@pytest.fixture
def deployments(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """The endpoints that Terraform was applied to; nothing is built."""
    applied: list[str] = []

    def deploy(endpoint: str, *_: Any, **__: Any) -> dict[str, Any]:
        applied.append(endpoint)
        return OUTPUTS

    monkeypatch.setattr(stages, "build", lambda: tmp_path / "manifest.json")
    monkeypatch.setattr(root, "deploy", deploy)
    monkeypatch.setattr(up, "SETTLED_S", 0)
    return applied


@pytest.mark.parametrize(("known", "there", "applies"), [(True, True, 0), (True, False, 1), (False, True, 1)])
def test_terraform_runs_only_when_something_is_new_or_missing(
    deployments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, known: bool, there: bool, applies: int
) -> None:
    monkeypatch.setattr(root, "deployed", lambda *_, **__: OUTPUTS if known else None)
    monkeypatch.setattr(up, "_is_there", lambda *_: there)
    out = io.StringIO()
    assert up._outputs("http://127.0.0.1:1", tmp_path, Console(out)) == OUTPUTS
    assert len(deployments) == applies
    assert ("Deployed already" in out.getvalue()) is (applies == 0)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A folder with a row and a deployment."""
    kept = store.Store(tmp_path)
    kept.put("thing", "a", 1)
    kept.close()
    (tmp_path / "deploy" / "terraform").mkdir(parents=True)
    (tmp_path / "deploy" / "terraform" / "terraform.tfstate").touch()
    return tmp_path


def begun(state: Path, *, fresh: bool = False) -> tuple[bool, bool, str]:
    """Whether the row is still there, whether Terraform's state is, and what was printed."""
    out = io.StringIO()
    up._begin(state, Console(out), fresh)
    again = store.Store(state)
    row = again.get("thing", "a")
    again.close()
    return row == 1, (state / "deploy" / "terraform" / "terraform.tfstate").exists(), out.getvalue()


def test_what_is_kept_is_continued_with(state: Path) -> None:
    assert begun(state) == (True, True, "")


def test_fresh_begins_with_nothing(state: Path) -> None:
    assert begun(state, fresh=True) == (False, False, "")


def test_a_first_deployment_that_was_killed_begins_again(state: Path) -> None:
    (state / "deploy" / root.APPLYING).touch()
    row, known, printed = begun(state)
    assert (row, known) == (False, False) and "starts again from nothing" in printed
    assert not root.was_killed(state)


def test_a_later_deployment_that_was_killed_costs_no_footage(state: Path) -> None:
    (state / "deploy" / root.APPLYING).touch()
    (state / "deploy" / root.EVER_APPLIED).touch()
    assert begun(state) == (True, True, "")
    assert root.was_killed(state)
