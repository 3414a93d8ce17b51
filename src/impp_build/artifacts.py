"""One build: what goes into it, what comes out, and whether there is anything to do.

Modules that are slow to import are imported where they are used, so that a build with nothing to do stays fast.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from impp_build import BuildError

if TYPE_CHECKING:
    from impp_build.archive import Entry
    from impp_build.wheels import Target

BUILDER = Path(__file__).resolve().parent
ROOT = BUILDER.parents[1]
PACKAGE = ROOT / "src" / "impp_lambdas"
"""The package of the functions."""
SHARED = (ROOT / "edge" / "impp_footage",)
"""Packages that the functions import as well as the edge. A zip holds what its function imports of them."""
TEMPLATE = ROOT / "modules" / "pipeline" / "state_machine.asl.json.j2"
PYPROJECT = ROOT / "pyproject.toml"
LAYERS = {"python": ROOT / "requirements" / "lambda.txt", "media": ROOT / "requirements" / "media.txt"}
MANIFESTS = {"aws": "manifest.json", "local": "manifest.local.json"}
STATE_MACHINE = "state_machine.asl.json"
REFERENCE = BUILDER / "reference"
"""Generates pages for people; no artifact depends on it."""


@dataclass(frozen=True)
class Artifact:
    """A finished zip as the manifest describes it; `path` is relative to the manifest's folder."""

    path: str
    sha256_base64: str
    size: int
    key: str

    @classmethod
    def describe(cls, path: Path, content: bytes, key: str) -> Artifact:
        """Describe a zip from its bytes."""
        digest = b64encode(hashlib.sha256(content).digest()).decode()
        return cls(f"artifacts/{path.name}", digest, len(content), key)


class Build:
    """One build into one folder for one target (`aws` or `local`)."""

    def __init__(self, folder: Path, target: str, without: tuple[str, ...] = ()) -> None:
        self.folder = folder
        self.target = target
        self.without = tuple(sorted(set(without)))
        self.manifest_path = folder / MANIFESTS[target]

    def inputs(self) -> str:
        """Hash everything that the result depends on: sources, template, settings, pins, this package, the host."""
        import zlib

        host = [*sys.version_info[:2], sys.platform, os.uname().machine] if self.target == "local" else []
        options = [self.target, self.without, zlib.ZLIB_RUNTIME_VERSION, host]
        digest = hashlib.sha256(json.dumps(options).encode())
        for path in _input_files():
            content = path.read_bytes()
            digest.update(f"\0{path.relative_to(ROOT).as_posix()}\0{len(content)}\0".encode() + content)
        return digest.hexdigest()

    def up_to_date(self, inputs: str) -> bool:
        """Return True if the manifest has these inputs and every file that it names exists with the same size."""
        try:
            manifest = json.loads(self.manifest_path.read_bytes())
            if manifest["inputs"] != inputs:
                return False
            parts = [*manifest["functions"].values(), *manifest["layers"].values()]
            sizes_fit = all((self.folder / part["path"]).stat().st_size == part["size"] for part in parts)
            machine = (self.folder / STATE_MACHINE).read_bytes()
            return sizes_fit and hashlib.sha256(machine).hexdigest() == manifest["state_machine"]["sha256"]
        except (OSError, ValueError, KeyError, TypeError):
            return False

    def features(self) -> dict[str, bool]:
        """Return the branches of the state machine: `[tool.impp.features]` of pyproject.toml, minus `without`."""
        import tomllib

        known: dict[str, bool] = tomllib.loads(PYPROJECT.read_text("utf-8"))["tool"]["impp"]["features"]
        for name in self.without:
            if name not in known:
                raise BuildError(f"--without {name}: no such feature; pyproject.toml has {', '.join(sorted(known))}")
        return {name: on and name not in self.without for name, on in known.items()}

    def render(self) -> dict[str, Any]:
        """Write the state machine and return its part of the manifest."""
        from impp_build.archive import write_whole
        from impp_build.asl import render

        features = self.features()
        content = render(TEMPLATE, features).encode()
        path = self.folder / STATE_MACHINE
        if not path.is_file() or path.read_bytes() != content:
            write_whole(path, content)
        return {"path": STATE_MACHINE, "sha256": hashlib.sha256(content).hexdigest(), "features": features}

    def package(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Write the zips that do not exist yet and return the `functions` and `layers` parts of the manifest."""
        from impp_build.closure import Sources, reject_unknown

        layers: dict[str, Any] = {}
        provides: dict[str, frozenset[str]] = {}
        for name in LAYERS:
            layers[name], provides[name] = self._layer(name)
        third_party = frozenset().union(*provides.values())
        entry = cache(source_entry)
        sources, functions = Sources(PACKAGE, *SHARED), {}
        for name in sources.functions():
            closure = sources.closure(name)
            reject_unknown(closure, third_party)
            entries = [entry(path, file) for path, file in closure.files.items()]
            artifact = self._store(name, entries)
            needed = [layer for layer in LAYERS if provides[layer] & closure.external.keys()]
            functions[name] = {"handler": f"{PACKAGE.name}.handlers.{name}.handler", **vars(artifact), "layers": needed}
        return functions, layers

    def _layer(self, name: str) -> tuple[dict[str, Any], frozenset[str]]:
        """Return one layer's part of the manifest and the names that can be imported from it."""
        from impp_build import wheels

        target = self.lambda_target
        found = wheels.wheels(LAYERS[name], wheels.pure_target() if name == "python" else target)
        entries = wheels.layer_entries(found)
        # The hash-pinned wheels and this code decide the zip's content, so its key is known before it is written.
        code = b"".join((BUILDER / part).read_bytes() for part in ("archive.py", "wheels.py"))
        key = hashlib.sha256(code + "\n".join(f"{entry.path} {entry.crc}" for entry in entries).encode()).hexdigest()
        artifact = self._store(name, entries, key[:16])
        return {**vars(artifact), "runtimes": [target.runtime]}, wheels.import_names(entries)

    def _store(self, name: str, entries: list[Entry], key: str | None = None) -> Artifact:
        """Write a zip to artifacts/ under its key, by default the hash of its bytes, unless it exists."""
        from impp_build.archive import write_whole, zip_bytes

        artifacts = self.folder / "artifacts"
        if key and (path := artifacts / f"{name}-{key}.zip").is_file():
            return Artifact.describe(path, path.read_bytes(), key)
        content = zip_bytes(entries)
        key = key or hashlib.sha256(content).hexdigest()[:16]
        path = artifacts / f"{name}-{key}.zip"
        if not path.is_file() or path.stat().st_size != len(content):
            write_whole(path, content)
        return Artifact.describe(path, content, key)

    @property
    def lambda_target(self) -> Target:
        """The platform of the native wheels in the `media` layer."""
        from impp_build import wheels

        return wheels.host_target() if self.target == "local" else wheels.lambda_target()

    def all(self) -> dict[str, Any] | None:
        """Write everything, the manifest last, and return it; None if there was nothing to do."""
        from impp_build.archive import write_whole

        inputs = self.inputs()
        if self.up_to_date(inputs):
            return None
        machine = self.render()
        functions, layers = self.package()
        target = {"architecture": self.lambda_target.architecture, "runtime": self.lambda_target.runtime}
        manifest = {
            "version": 1,
            "inputs": inputs,
            "target": target,
            "functions": functions,
            "layers": layers,
            "state_machine": machine,
        }
        write_whole(self.manifest_path, (json.dumps(manifest, indent=2) + "\n").encode())
        return manifest


def source_entry(path: str, file: Path) -> Entry:
    """Return one file of a function's zip, without comments and docstrings, which keeps the line numbers."""
    from impp_build.archive import Entry
    from impp_build.closure import without_prose

    content = file.read_bytes()
    return Entry.of(path, without_prose(content) if file.suffix == ".py" else content)


def _input_files() -> Iterator[Path]:
    yield from (ROOT / "build.py", PYPROJECT, *LAYERS.values(), *sorted(TEMPLATE.parent.glob("*.j2")))
    for top in (PACKAGE, *SHARED, BUILDER):
        for folder, subfolders, names in os.walk(top):
            kept = (name for name in subfolders if name != "__pycache__" and not name.startswith("."))
            subfolders[:] = sorted(name for name in kept if Path(folder, name) != REFERENCE)
            yield from (Path(folder, name) for name in sorted(names) if not name.startswith("."))
