"""Unusual and broken files end in the right state, in time, with a reason that a person understands."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import jsonschema
import pytest
from tests.support.difficult_files import ANY, CASES, Case
from tests.support.paths import REPOSITORY
from tests.support.pipeline_account import pipeline_account
from tests.support.pipeline_run import Ending, children_for_risky_files, process

from impp_lambdas.core.intake.problems import REASONS
from impp_lambdas.core.results.outcome import NOTHING_MADE

pytestmark = pytest.mark.slow

SCHEMA = json.loads((REPOSITORY / "schemas/manifest.v1.schema.json").read_text(encoding="utf-8"))
MOST_S = 60
"""Sample's own limit is minutes; a clip of two seconds that takes longer than this is treated as much larger."""
RAW = re.compile(
    r"\b0x[0-9a-f]{4}|Errno|Traceback|object at|<[a-z_.]+|Error\b|\[|NoneType|libav|ffmpeg|/tmp/", re.IGNORECASE
)
"""What a sentence for people does not contain."""


@pytest.fixture(scope="module")
def endings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Ending]]:
    with (
        pytest.MonkeyPatch.context() as patch,
        pipeline_account(patch, tmp_path_factory.mktemp("files")) as account,
        children_for_risky_files(),
        ThreadPoolExecutor(3) as pool,
    ):
        ends = pool.map(
            lambda case: process(account, case.name, case.make(), is_risky=case.state in ("quarantined", ANY)), CASES
        )
        yield {case.name: end for case, end in zip(CASES, ends, strict=True)}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_file_ends_in_its_state(case: Case, endings: dict[str, Ending]) -> None:
    end = endings[case.name]
    assert end.state == case.state or case.state == ANY, f"{end.state}: {end.alert['text']}"
    assert end.state in ("published", "partial", "quarantined")
    assert end.seconds < MOST_S
    reason = end.alert["text"].splitlines()[0]
    if end.state == "quarantined":
        assert end.reason in (*REASONS, NOTHING_MADE)
        assert case.reason in (None, end.reason)
        assert reason[0].isupper() and reason.endswith("."), reason
        assert end.manifest is None
    if end.state == "partial":
        assert (case.reason or "") in reason
        assert end.manifest and (end.manifest["renditions"] or end.manifest["poster"])
    if end.state != "published":
        assert not RAW.search(reason), reason
    if end.manifest:
        jsonschema.Draft202012Validator(SCHEMA).validate(end.manifest)


def test_there_are_many_kinds() -> None:
    assert len(CASES) == len({case.name for case in CASES}) >= 165


def test_names_fit_a_folder() -> None:
    assert all(Path(case.name).name == case.name for case in CASES)
