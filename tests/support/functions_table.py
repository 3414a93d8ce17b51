"""The table of functions as tests need it: rows by name, and their parts of a manifest without zips."""

from __future__ import annotations

import tomllib
from typing import Any, Final

from tests.support.paths import REPOSITORY

HASH: Final = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
ROWS: Final[dict[str, dict[str, Any]]] = tomllib.loads(
    (REPOSITORY / "src/impp_lambdas/functions.toml").read_text(encoding="utf-8")
)
TIMEOUTS: Final[dict[str, int]] = {name: row["timeout_s"] for name, row in ROWS.items()}


def manifest_part(name: str, layers: tuple[str, ...]) -> dict[str, Any]:
    """A function in a manifest; a plan needs no zip."""
    row = {"ephemeral_storage_mb": 512, **ROWS[name]}
    size = {key: row[key] for key in ("description", "memory_mb", "timeout_s", "ephemeral_storage_mb")}
    file = {"path": f"artifacts/{name}.zip", "sha256_base64": HASH, "size": 1, "key": "0"}
    handler = f"impp_lambdas.handlers.{name}.handler"
    return {**file, "handler": handler, "layers": list(layers), "weights": [], **size}
