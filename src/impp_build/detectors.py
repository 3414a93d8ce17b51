"""The IAM actions of the detectors, read from the registry's source without importing it, like everything here."""

from __future__ import annotations

import ast
from pathlib import Path

from impp_build import BuildError

REGISTRY = Path("core/detect/registry.py")
"""The registry's path within the package of the functions."""


def iam_actions(package: Path) -> list[str]:
    """Return the distinct `iam_action` of the registry's rows, sorted; none if the package has no registry.

    Raises BuildError if one is not a string literal.
    """
    registry = package / REGISTRY
    if not registry.is_file():
        return []
    actions: set[str] = set()
    for node in ast.walk(ast.parse(registry.read_bytes(), str(registry))):
        if isinstance(node, ast.keyword) and node.arg == "iam_action":
            if not (isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)):
                raise BuildError(f"{registry}:{node.value.lineno}: iam_action must be a string literal")
            actions.add(node.value.value)
    return sorted(actions)
