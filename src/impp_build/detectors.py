"""The detectors and their IAM actions, read from the registry's source without importing it, like everything here."""

from __future__ import annotations

import ast
from pathlib import Path

from impp_build import BuildError

REGISTRY = Path("core/detect/registry.py")
"""The registry's path within the package of the functions."""
FIELDS = ("name", "iam_action")


def actions(package: Path) -> dict[str, str]:
    """Return the `iam_action` of each of the registry's rows by its `name`; none if the package has no registry.

    Raises BuildError if one is not a string literal.
    """
    registry = package / REGISTRY
    if not registry.is_file():
        return {}
    by_name: dict[str, str] = {}
    for node in ast.walk(ast.parse(registry.read_bytes(), str(registry))):
        given = {one.arg: one.value for one in node.keywords} if isinstance(node, ast.Call) else {}
        if "iam_action" in given:
            name, action = (_literal(registry, field, given[field]) for field in FIELDS)
            by_name[name] = action
    return by_name


def _literal(registry: Path, field: str, value: ast.expr) -> str:
    if not (isinstance(value, ast.Constant) and isinstance(value.value, str)):
        raise BuildError(f"{registry}:{value.lineno}: {field} must be a string literal")
    return value.value
