"""The build reads the detectors and their IAM actions from the registry's source."""

from __future__ import annotations

from pathlib import Path

import pytest

from impp_build import BuildError
from impp_build.artifacts import PACKAGE
from impp_build.detectors import REGISTRY, actions
from impp_lambdas.core.detect.registry import DETECTORS


def test_the_actions_are_those_of_the_rows() -> None:
    assert actions(PACKAGE) == {name: detector.iam_action for name, detector in DETECTORS.items()}


def test_a_package_without_a_registry_has_no_actions(tmp_path: Path) -> None:
    assert actions(tmp_path) == {}


def test_an_action_that_is_not_a_literal_is_an_error(tmp_path: Path) -> None:
    registry = tmp_path / REGISTRY
    registry.parent.mkdir(parents=True)
    registry.write_text("ROWS = [\n    Detector(name='text', iam_action=PREFIX + 'DetectText'),\n]\n", encoding="utf-8")
    with pytest.raises(BuildError, match=r"registry\.py:2: iam_action must be a string literal"):
        actions(tmp_path)
