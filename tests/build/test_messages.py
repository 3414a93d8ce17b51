"""Each mistake in what is built ends with 1 and a message that names the file, the line and the matter."""

from __future__ import annotations

import pytest
from tests.support.small_project import TEMPLATE, Project

ASL = "modules/pipeline/state_machine.asl.json.j2"
KEYS = "src/impp_lambdas/core/keys.py"


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        (KEYS, "WORK = (\n", ["keys.py:1:", "was never closed"]),
        (KEYS, "import json\nfrom impp_lambdas.core import nothing\n", ["keys.py:2:", "'nothing'"]),
        (KEYS, "import impp_lambdas.core.missing\n", ["keys.py:1:", "no module impp_lambdas.core.missing"]),
        (KEYS, "from .deep.one import TWO\n", ["keys.py:1:", "impp_lambdas.core.deep.one", "'TWO'"]),
        (KEYS, "from .... import x\n", ["keys.py:1:", "out of the package"]),
        (KEYS, "import numpy\n", ["keys.py:1:", "'numpy'", "requirements/lambda.txt"]),
        (KEYS, "import cgi\n", ["keys.py:1:", "'cgi'", "3.13"]),
        (
            KEYS,
            "from impp_lambdas.handlers.sample import handler\n",
            ["import cycle: impp_lambdas.handlers.sample → impp_lambdas.core.keys → impp_lambdas.handlers.sample"],
        ),
        (ASL, '{\n  "A": << features | tojson >>,\n  "X": << nowhere >>\n}\n', [f"{ASL}:3:", "'nowhere' is undefined"]),
        (ASL, '{\n  "X": << features.fly | tojson >>\n}\n', [f"{ASL}:2:", "fly"]),
        (ASL, "{\n<% if %>\n}\n", [f"{ASL}:2:"]),
        (ASL, '{\n  "A": 1\n  "B": 2\n}\n', ["invalid JSON", ">    3", '"B": 2']),
        (ASL, '{"A": 1, "B": {"C": 1, "C": 2}}\n', ["'C' stands twice"]),
        (ASL, '{"A": "%{ if x }"}\n', ["directive of Terraform"]),
        (ASL, '{"A": "${var.x}"}\n', ["'${var.x}' is not a plain placeholder"]),
        ("requirements/media.txt", "fastthing==2.0\n", ["media.txt", "fastthing==2.0", "not pinned by hash"]),
        ("requirements/media.txt", f"fastthing==3.0 --hash=sha256:{'0' * 64}\n", ["could not fetch", "fastthing==3.0"]),
    ],
)  # fmt: skip
def test_a_mistake_is_named(project: Project, path: str, text: str, expected: list[str]) -> None:
    project.write(path, text)
    done = project.run("all", check=False)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    for part in expected:
        assert part in done.stderr
    assert not (project.root / "build" / "manifest.json").exists()


def test_a_cycle_that_is_broken_by_a_deferred_import_is_no_mistake(project: Project) -> None:
    project.write(
        KEYS, "WORK = 1\ndef later():\n    from impp_lambdas.handlers.sample import handler\n    return handler\n"
    )
    project.run("all")


def test_an_unknown_feature_is_refused_with_the_known_ones(project: Project) -> None:
    done = project.run("render", "--without", "flying", check=False)
    assert done.returncode == 1
    assert "flying" in done.stderr and "transcribe" in done.stderr


def test_render_prints_canonical_json_whatever_the_layout_of_the_template(project: Project) -> None:
    plain = project.run("render", "--stdout").stdout
    project.write(ASL, TEMPLATE.replace("\n", "\n   ").replace(": ", ":"))
    assert project.run("render", "--stdout").stdout == plain
    assert not (project.root / "build").exists()
