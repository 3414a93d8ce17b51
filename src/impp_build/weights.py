"""The weights of the models that functions use: files beside the zips, which Terraform puts into the code bucket.

They are in no layer: together with the packages that run them they would exceed Lambda's limit. A function fetches them
by their SHA-256 when it starts (`impp_lambdas.adapters.weights`).
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

from impp_build import BuildError
from impp_engines import assets


class Weights:
    """The weights of one build. `files` is their part of the manifest: `{path, sha256, size}` by name."""

    def __init__(self, folder: Path) -> None:
        self.files: dict[str, dict[str, Any]] = {}
        self._folder = folder
        self._known = frozenset(assets.names())

    def add(self, literals: set[str]) -> list[str]:
        """Add the weights that these string literals name; returns their names, sorted."""
        names = self.names(literals)
        for name in names:
            if name not in self.files:
                self.files[name] = self._store(name)
        return names

    def names(self, literals: set[str]) -> list[str]:
        """The weights that these string literals name, sorted."""
        return sorted(self._known & literals)

    def _store(self, name: str) -> dict[str, Any]:
        try:
            source, digest = assets.path(name), assets.sha256(name)
        except assets.AssetError as error:
            raise BuildError(str(error)) from error
        size = source.stat().st_size
        target = self._folder / "artifacts" / f"weights-{digest[:16]}.bin"
        if not target.is_file() or target.stat().st_size != size:
            target.parent.mkdir(parents=True, exist_ok=True)
            scratch = target.with_name(f".{target.name}.{os.getpid()}.partial")
            try:
                os.link(source, scratch)
            except OSError:  # another file system
                shutil.copyfile(source, scratch)
            scratch.replace(target)
        return {"path": f"artifacts/{target.name}", "sha256": digest, "size": size}
