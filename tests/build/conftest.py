"""Makes small projects and the folder of wheels that replaces the package index."""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.support.paths import REPOSITORY
from tests.support.small_project import ENGINES, FOOTAGE, GALLERY, SOURCES, TEMPLATE, Project, make_wheel


@pytest.fixture(scope="session")
def index(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """A folder of wheels that replaces the package index, and the requirements that pin them."""
    folder = tmp_path_factory.mktemp("index")
    pure = {
        "leftpad/__init__.py": "def pad(text, width):\n    return text.rjust(width)\n" + "# filler\n" * 50,
        "leftpad/__init__.pyi": "",
        "leftpad/tests/test_pad.py": "",
        "leftpad-1.0.data/scripts/leftpad": "#!python\n",
        "leftpad-1.0.data/purelib/leftpad_extra.py": "EXTRA = 1\n",
    }
    host = sysconfig.get_platform().replace("-", "_").replace(".", "_")
    python = f"cp{sys.version_info.major}{sys.version_info.minor}"
    tags = {"lambda": "cp313-cp313-manylinux_2_28_aarch64", "host": f"{python}-{python}-{host}"}
    tags |= {"other": "cp313-cp313-manylinux_2_28_x86_64"}

    def native(distribution: str, version: str, text: str) -> str:
        hashes = [
            make_wheel(folder, distribution, version, tag, {f"{distribution}.py": text.format(name)})
            for name, tag in tags.items()
        ]
        return f"{distribution}=={version} \\\n    " + " \\\n    ".join(hashes) + "\n"

    boto3 = make_wheel(folder, "boto3", "1.0", "py3-none-any", {"boto3/__init__.py": "__version__ = '1.0'\n"})
    names = ("endpoints.json", "dynamodb/2012-08-10/service-2.json.gz", "ec2/2016-11-15/service-2.json.gz")
    models = make_wheel(folder, "botocore", "1.0", "py3-none-any", {f"botocore/data/{name}": "{}" for name in names})
    lambda_txt = f"boto3==1.0 \\\n    {boto3}\nbotocore==1.0 \\\n    {models}\n"
    lambda_txt += (
        f"leftpad==1.0 \\\n    {make_wheel(folder, 'leftpad', '1.0', 'py3-none-any', pure)}\n    # via -r x.in\n"
    )
    arrays = native("arrays", "3.0", "SIZE = 1\n")
    texts = {
        "lambda": lambda_txt,
        "media": native("fastthing", "2.0", "BUILT_FOR = {!r}\n"),
        "vision": arrays + native("lookthing", "1.0", "LOOKS = True\n"),
        "speech": arrays + native("hearthing", "1.0", "import arrays\n" + "HEARS = True\n" * 1000),
    }
    return folder, {f"requirements/{name}.txt": text for name, text in texts.items()}


@pytest.fixture
def make_project(
    tmp_path: Path, index: tuple[Path, dict[str, str]], tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Project]:
    """Makes checkouts at any path. They share one wheel cache per session."""
    folder, requirements = index
    cache = tmp_path_factory.getbasetemp() / "cache"

    def make(name: str = "project", *, backwards: bool = False) -> Project:
        root = tmp_path / name
        files = {f"src/impp_lambdas/{path}": text for path, text in SOURCES.items()} | requirements
        files |= {f"edge/impp_footage/{path}": text for path, text in FOOTAGE.items()}
        files |= {f"src/impp_engines/{path}": text for path, text in ENGINES.items()}
        files |= {f"gallery/{path}": text for path, text in GALLERY.items()}
        files["modules/pipeline/state_machine.asl.json.j2"] = TEMPLATE
        files["pyproject.toml"] = "[tool.impp.features]\ntranscribe = true\n"
        env = {k: v for k, v in os.environ.items() if not k.startswith("PIP_")}
        env |= {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(folder), "PIP_CONFIG_FILE": os.devnull}
        project = Project(root, env | {"XDG_CACHE_HOME": str(cache)})
        for path in sorted(files, reverse=backwards):
            project.write(path, files[path])
        shutil.copy(REPOSITORY / "build.py", root)
        shutil.copytree(
            REPOSITORY / "src" / "impp_build", root / "src" / "impp_build", ignore=shutil.ignore_patterns("__pycache__")
        )
        return project

    return make


@pytest.fixture
def project(make_project: Callable[..., Project]) -> Project:
    return make_project()
