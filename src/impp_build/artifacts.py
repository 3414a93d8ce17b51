"""One build: what goes into it, what comes out, and whether there is anything to do.

Modules that are slow to import are imported where they are used, so that a build with nothing to do stays fast.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from base64 import b64encode
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from impp_build import BuildError

if TYPE_CHECKING:
    import ast

    from impp_build.closure import Sources
    from impp_build.functions import Function
    from impp_build.wheels import Target
    from impp_build.zips import Entry

BUILDER = Path(__file__).resolve().parent
ROOT = BUILDER.parents[1]
PACKAGE = ROOT / "src" / "impp_lambdas"
"""The package of the functions."""
ENGINES = ROOT / "src" / "impp_engines"
SHARED = (ROOT / "edge" / "impp_footage", ENGINES)
"""Packages that the functions share with the edge and the local cloud. A zip holds what its function imports."""
TABLE = PACKAGE / "functions.toml"
TEMPLATE = ROOT / "modules" / "pipeline" / "state_machine.asl.json.j2"
GALLERY = ROOT / "gallery"
"""The web application."""
PYPROJECT = ROOT / "pyproject.toml"
LAYERS = {
    "python": ROOT / "requirements" / "lambda.txt",
    "media": ROOT / "requirements" / "media.txt",
    "vision": ROOT / "requirements" / "vision.txt",
    "speech": ROOT / "requirements" / "speech.txt",
}
COMPRESSED = frozenset({"speech"})
"""Layers that hold one archive, because they would exceed Lambda's limit (`impp_engines.compressed_packages`)."""
FILES = ("functions", "layers", "weights", "gallery")
"""Fields of a manifest that describe files by name."""
MANIFESTS = {"aws": "manifest.json", "local": "manifest.local.json"}
STATE_MACHINE = "state_machine.asl.json"
MAX_UNZIPPED = 262_144_000
"""Lambda's quota, in bytes, for a function with all its layers, unzipped ("250 MB",
docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html). Not adjustable."""
MAX_LAYERS = 5
"""Lambda's quota of layers per function (same page). Not adjustable."""
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


@dataclass(frozen=True)
class Layer:
    """A finished layer: the top-level names that can be imported from it, and its size in bytes when unzipped."""

    artifact: Artifact
    provides: frozenset[str]
    unzipped: int


Sizes = Mapping[str, Mapping[str, int]]
"""Bytes of each layer when unzipped, by architecture."""


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
            parts = [part for kind in FILES for part in manifest[kind].values()]
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

    @cached_property
    def sources(self) -> Sources:
        """The packages that the functions are made of."""
        from impp_build.closure import Sources

        return Sources(PACKAGE, *SHARED)

    @cached_property
    def functions(self) -> dict[str, Function]:
        """The rows of `functions.toml`, without the functions of branches that are left out."""
        from impp_build import functions

        features = self.features()
        rows = functions.read(TABLE, self.sources.functions(), features)
        return {name: row for name, row in rows.items() if not row.features or any(features[f] for f in row.features)}

    def definition(self) -> str:
        """Return the state machine with this build's features and the functions' timeouts."""
        from impp_build.asl import render

        timeouts = {name: function.timeout_s for name, function in self.functions.items()}
        return render(TEMPLATE, self.features(), timeouts)

    def render(self) -> dict[str, Any]:
        """Write the state machine and return its part of the manifest."""
        from impp_build.zips import write_whole

        content = self.definition().encode()
        path = self.folder / STATE_MACHINE
        if not path.is_file() or path.read_bytes() != content:
            write_whole(path, content)
        return {"path": STATE_MACHINE, "sha256": hashlib.sha256(content).hexdigest(), "features": self.features()}

    def package(self) -> dict[str, Any]:
        """Write what does not exist yet and return `functions`, `layers` and `weights` of the manifest."""
        from impp_build.closure import reject_unknown
        from impp_build.weights import Weights

        closures = {name: self.sources.closure(name) for name in self.functions}
        strings = frozenset[str]().union(*(closure.strings for closure in closures.values()))
        layers = {name: self._layer(name, strings) for name in LAYERS}
        sizes = self._sizes(layers)
        third_party = frozenset().union(*(layer.provides for layer in layers.values()))
        entry = cache(lambda path, file: source_entry(path, file, self.sources.trees.get(file)))
        weights = Weights(self.folder)
        functions: dict[str, Any] = {}
        for name, function in self.functions.items():
            closure = closures[name]
            reject_unknown(closure, third_party)
            entries = [entry(path, file) for path, file in closure.files.items()]
            needed = _needed(closure.external, {layer: layers[layer].provides for layer in layers})
            _reject_too_large(name, sum(entry.size for entry in entries), needed, sizes)
            functions[name] = {
                "handler": f"{PACKAGE.name}.handlers.{name}.handler",
                **vars(self._store(name, entries)),
                "layers": needed,
                "weights": weights.add(closure.strings),
                **function.to_manifest(),
            }
        runtimes = [self.lambda_target.runtime]
        return {
            "functions": functions,
            "layers": {name: {**vars(layer.artifact), "runtimes": runtimes} for name, layer in layers.items()},
            "weights": weights.files,
        }

    def _sizes(self, layers: Mapping[str, Layer]) -> Sizes:
        """The layers' sizes for the architecture that is built; for AWS, for Lambda's other architecture too."""
        from impp_build import wheels

        built = {name: layer.unzipped for name, layer in layers.items()}
        sizes = {self.lambda_target.architecture: built}
        others = wheels.ARCHITECTURES.keys() - sizes.keys() if self.target == "aws" else ()
        for architecture in others:
            target = wheels.lambda_target(architecture)
            native = {name: wheels.wheels(LAYERS[name], target) for name in LAYERS if name != "python"}
            sizes[architecture] = built | {
                name: wheels.unzipped_bytes(chosen, is_compressed=name in COMPRESSED) for name, chosen in native.items()
            }
        return sizes

    def _layer(self, name: str, services: Container[str]) -> Layer:
        """Write one layer. Of boto3's models it has those of `services`."""
        from impp_build import wheels

        chosen = wheels.wheels(LAYERS[name], wheels.pure_target() if name == "python" else self.lambda_target)
        entries = wheels.layer_entries(chosen, services)
        provides = wheels.import_names(entries)
        if name in COMPRESSED:
            entries = wheels.compressed(name, entries)
        # The hash-pinned wheels and this code decide the zip's content, so its key is known before it is written.
        code = b"".join((BUILDER / part).read_bytes() for part in ("zips.py", "wheels.py"))
        key = hashlib.sha256(code + "\n".join(f"{entry.path} {entry.crc}" for entry in entries).encode()).hexdigest()
        artifact = self._store(name, entries, key[:16])
        return Layer(artifact, provides, sum(entry.size for entry in entries))

    def _store(self, name: str, entries: list[Entry], key: str | None = None) -> Artifact:
        """Write a zip to artifacts/ under its key, by default the hash of its bytes, unless it exists."""
        from impp_build.zips import write_whole, zip_bytes

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
        """The platform of the native wheels."""
        from impp_build import wheels

        return wheels.host_target() if self.target == "local" else wheels.lambda_target()

    def all(self) -> dict[str, Any] | None:
        """Write everything, the manifest last, and return it; None if there was nothing to do."""
        from impp_build import gallery
        from impp_build.detectors import actions
        from impp_build.zips import write_whole

        inputs = self.inputs()
        if self.up_to_date(inputs):
            return None
        machine = self.render()
        target = {"architecture": self.lambda_target.architecture, "runtime": self.lambda_target.runtime}
        manifest = {
            "version": 1,
            "inputs": inputs,
            "target": target,
            **self.package(),
            "gallery": gallery.build(GALLERY, self.folder),
            "detectors": actions(PACKAGE),
            "state_machine": machine,
        }
        write_whole(self.manifest_path, (json.dumps(manifest, indent=2) + "\n").encode())
        return manifest


def _needed(external: Iterable[str], provides: Mapping[str, frozenset[str]]) -> list[str]:
    """The layers that a function needs for its imports. What two layers provide comes with the one it needs anyway."""
    providers = {name: [layer for layer in provides if name in provides[layer]] for name in external}
    needed = {layers[0] for layers in providers.values() if len(layers) == 1}
    for layers in providers.values():
        if layers and needed.isdisjoint(layers):
            needed.add(layers[0])
    return [layer for layer in provides if layer in needed]


def _reject_too_large(function: str, own: int, layers: list[str], sizes: Sizes) -> None:
    """Raise BuildError if the function, `own` bytes without its layers, exceeds a quota on any architecture."""
    if len(layers) > MAX_LAYERS:
        raise BuildError(f"function {function} needs the layers {', '.join(layers)}; Lambda accepts {MAX_LAYERS}")
    for architecture, size in sizes.items():
        unzipped = own + sum(size[layer] for layer in layers)
        if unzipped > MAX_UNZIPPED:
            parts = ", ".join([f"the function {own}", *(f"{layer} {size[layer]}" for layer in layers)])
            raise BuildError(
                f"function {function} and its layers have {unzipped} bytes unzipped for {architecture}; "
                f"Lambda accepts {MAX_UNZIPPED}: {parts}"
            )


def source_entry(path: str, file: Path, tree: ast.Module | None = None) -> Entry:
    """Return one file of a function's zip; `tree` is its syntax tree, if it is parsed. Comments and docstrings are left
    out; statements keep their lines."""
    from impp_build.closure import without_comments, without_prose
    from impp_build.zips import Entry

    content = file.read_bytes()
    if file.suffix == ".py":
        content = without_prose(content, tree)
    elif file.suffix == ".toml":
        content = without_comments(content)
    return Entry.of(path, content)


def _input_files() -> Iterator[Path]:
    yield from (ROOT / "build.py", PYPROJECT, *LAYERS.values(), *sorted(TEMPLATE.parent.glob("*.j2")))
    for top in (PACKAGE, *SHARED, GALLERY, BUILDER):
        for folder, subfolders, names in os.walk(top):
            kept = (name for name in subfolders if name != "__pycache__" and not name.startswith("."))
            subfolders[:] = sorted(name for name in kept if Path(folder, name) != REFERENCE)
            yield from (Path(folder, name) for name in sorted(names) if not name.startswith("."))
