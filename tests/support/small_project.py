"""A small project with its own functions, template and wheels, built by the real build.py without a network."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SOURCES = {
    "__init__.py": '"""Functions."""\n',
    "adapters/__init__.py": "",
    "adapters/aws.py": "import boto3\n\ndef table():\n    return boto3.client('dynamodb')\n",
    "core/__init__.py": "",
    "core/keys.py": "WORK = 'work'  # where things go\n",
    "core/pricing.py": (
        "import json\nfrom pathlib import Path\n\n"
        "TABLE = Path(__file__).parents[2] / 'impp_lambdas/functions.toml'\n"
        "def book():\n    return json.loads((Path(__file__).parent / 'prices.json').read_text())\n"
    ),
    "core/prices.json": '{"minute": 0.0075}\n',
    "core/unused.py": "NEVER = True\n",
    "core/deep/__init__.py": "from .one import ONE\n",
    "core/deep/one.py": "ONE = 1\n",
    "core/deep/two.py": "TWO = 2\n",
    "functions.toml": (
        "# Comments are for people.\n[inspect]\ndescription = 'Inspects.'\nmemory_mb = 1024\ntimeout_s = 300\n\n"
        "[sample]\ndescription = 'Samples.'\nmemory_mb = 1769\ntimeout_s = 900\nephemeral_storage_mb = 2048\n"
    ),
    "handlers/__init__.py": "",
    "handlers/inspect.py": (
        "from __future__ import annotations\n"
        "from typing import TYPE_CHECKING\n"
        "import leftpad\n"
        "from ..core import pricing\n"
        "if TYPE_CHECKING:\n    from impp_lambdas.core import unused\n\n"
        "def handler(event, context):\n"
        '    """Answer."""\n'
        "    from impp_lambdas.core.deep import ONE  # only on request\n"
        "    return {'one': ONE, 'usd': pricing.book()['minute'], 'pad': leftpad.pad('x', 3)}\n"
    ),
    "handlers/sample.py": (
        "from ..adapters import aws\nimport fastthing\nfrom impp_lambdas.core import keys\n"
        "from impp_footage.times import EPOCH\n\n"
        "def handler(event, context):\n    return keys.WORK\n"
    ),
}

FOOTAGE = {
    "__init__.py": '"""Shared with the edge."""\n',
    "cameras.py": "import impp_footage.times\n",
    "times.py": "from .zones import UTC\n\nEPOCH = 0\n",
    "zones.py": "UTC = 0\n",
}

ENGINES = {
    "__init__.py": '"""Models."""\n',
    "assets.py": (
        "import hashlib\nfrom pathlib import Path\n\nclass AssetError(Exception):\n    pass\n\n"
        "def names():\n    return ['small/model.bin', 'other.onnx', 'lost.onnx']\n\n"
        "def path(name):\n"
        "    if name == 'lost.onnx':\n        raise AssetError('Cannot fetch lost.onnx')\n"
        "    return Path(__file__).with_name('model.bin')\n\n"
        "def sha256(name):\n    return hashlib.sha256(path(name).read_bytes()).hexdigest()\n"
    ),
    "model.bin": "weights",
    "models.py": "SMALL = 'small/model.bin'\n",
}

GALLERY = {
    "index.html": (
        '<link rel="stylesheet" href="./style/page.css">\n<!-- modulepreload -->\n'
        '<script type="module" src="./src/main.js"></script>\n'
    ),
    "modules.toml": "[modules]\n",
    "src/main.js": 'import { draw } from "./draw.js";\ndraw();\nimport("./later.js");\n',
    "src/draw.js": "export const draw = () => 1;\n",
    "src/later.js": 'import { draw } from "./draw.js";\nnew Worker(new URL("./worker.js", import.meta.url));\n',
    "src/worker.js": "self.onmessage = () => 1;\n",
    "src/unused.js": "never();\n",
    "style/page.css": "body { margin: 0 }\n",
}

TEMPLATE = """\
<# a comment #>
{"StartAt": "Inspect", "States": {
  "Inspect": {"Type": "Task", "Resource": "${inspect_function_arn}", "Comment": "{% $x %}",
  "TimeoutSeconds": << timeouts.inspect + 10 >>,
  <% if features.transcribe %>
    "Next": "Talk"},
  "Talk": {"Type": "Succeed"}
  <% else %>
    "End": true}
  <% endif %>
}}
"""


@dataclass
class Project:
    """A small checkout and how to build it."""

    root: Path
    env: dict[str, str]

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, str(self.root / "build.py"), *arguments]

    def run(self, *arguments: str, check: bool = True, **more: Any) -> subprocess.CompletedProcess[str]:
        env = self.env | more.pop("env", {})
        done = subprocess.run(self.command(*arguments), env=env, capture_output=True, text=True, check=False, **more)
        if check and done.returncode:
            raise AssertionError(done.stdout + done.stderr)
        return done

    def manifest(self, name: str = "manifest.json") -> dict[str, Any]:
        loaded: dict[str, Any] = json.loads((self.root / "build" / name).read_text())
        return loaded

    def zip_of(self, part: dict[str, Any]) -> zipfile.ZipFile:
        return zipfile.ZipFile(self.root / "build" / part["path"])

    def files(self) -> dict[str, bytes]:
        build = self.root / "build"
        return {str(path.relative_to(build)): path.read_bytes() for path in sorted(build.rglob("*")) if path.is_file()}

    def write(self, path: str, text: str) -> None:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, "utf-8")


def make_wheel(folder: Path, distribution: str, version: str, tag: str, files: dict[str, str]) -> str:
    """Write a wheel and return the hash option of its requirement."""
    info = f"{distribution}-{version}.dist-info"
    files = files | {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n",
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: {str(tag.endswith('any')).lower()}\nTag: {tag}\n",
        f"{info}/RECORD": "",
    }
    path = folder / f"{distribution}-{version}-{tag}.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as wheel:
        for name, text in files.items():
            wheel.writestr(name, text)
    return f"--hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"
