"""A mistake in the sources ends the build with exit code 1 and a message that names file, line and problem."""

from __future__ import annotations

import pytest
from tests.support.small_project import TEMPLATE, Project

pytestmark = pytest.mark.slow

ASL = "modules/pipeline/state_machine.asl.json.j2"
KEYS = "src/impp_lambdas/core/keys.py"
TABLE = "src/impp_lambdas/functions.toml"
ROW = "[{}]\ndescription = 'Works.'\nmemory_mb = 128\ntimeout_s = 3\n"


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        (KEYS, "WORK = (\n", ["keys.py:1:", "was never closed"]),
        (KEYS, "import json\nfrom impp_lambdas.core import nothing\n", ["keys.py:2:", "'nothing'"]),
        (KEYS, "import impp_lambdas.core.missing\n", ["keys.py:1:", "no module impp_lambdas.core.missing"]),
        (KEYS, "from .deep.one import TWO\n", ["keys.py:1:", "impp_lambdas.core.deep.one", "'TWO'"]),
        (KEYS, "from .... import x\n", ["keys.py:1:", "out of the package"]),
        (KEYS, "import numpy\n", ["keys.py:1:", "'numpy'", "requirements/lambda.txt"]),
        (KEYS, "import impp_edge\n", ["keys.py:1:", "'impp_edge'"]),
        (KEYS, "from impp_footage.times import NOW\n", ["keys.py:1:", "impp_footage.times", "'NOW'"]),
        ("edge/impp_footage/zones.py", "import nowhere\nUTC = 0\n", ["zones.py:1:", "'nowhere'"]),
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
        (ASL, '{"A": 1, "B": {"C": 1, "C": 2}}\n', ["'C' appears twice"]),
        (ASL, '{"A": "%{ if x }"}\n', ["directive of Terraform"]),
        (ASL, '{"A": "${var.x}"}\n', ["'${var.x}' is not a plain placeholder"]),
        (ASL, '{"T": << timeouts.fly >>}\n', [f"{ASL}:1:", "fly"]),
        (TABLE, ROW.format("inspect"), ["functions.toml: [sample]: the function has no row"]),
        ("requirements/media.txt", "fastthing==2.0\n", ["media.txt", "fastthing==2.0", "not pinned by hash"]),
        ("requirements/media.txt", f"fastthing==3.0 --hash=sha256:{'0' * 64}\n", ["not download", "fastthing==3.0"]),
    ],
)  # fmt: skip
def test_the_message_names_the_mistake(project: Project, path: str, text: str, expected: list[str]) -> None:
    project.write(path, text)
    done = project.run("all", check=False)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    for part in expected:
        assert part in done.stderr
    assert not (project.root / "build" / "manifest.json").exists()


def test_a_deferred_import_may_close_a_cycle(project: Project) -> None:
    project.write(
        KEYS, "WORK = 1\ndef later():\n    from impp_lambdas.handlers.sample import handler\n    return handler\n"
    )
    project.run("all")


def test_an_unknown_feature_is_rejected_and_the_known_ones_are_listed(project: Project) -> None:
    done = project.run("render", "--without", "flying", check=False)
    assert done.returncode == 1
    assert "flying" in done.stderr and "transcribe" in done.stderr


def test_render_prints_canonical_json_for_any_layout_of_the_template(project: Project) -> None:
    plain = project.run("render", "--stdout").stdout
    project.write(ASL, TEMPLATE.replace("\n", "\n   ").replace(": ", ":"))
    assert project.run("render", "--stdout").stdout == plain
    assert not (project.root / "build").exists()
