"""What a function needs: the import closure of its module, read from the source with `ast`, never by importing it.

Every import counts wherever it stands, in a function body too, except under `if TYPE_CHECKING:`. A file that lies
beside a module and is named by one of its string literals (a price book) travels along.
"""

from __future__ import annotations

import ast
import io
import sys
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from impp_build import BuildError

PROVIDED = frozenset({"boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six"})
"""Import names that Lambda's Python runtimes bring along (docs.aws.amazon.com/lambda/latest/dg/python-package.html)."""

HANDLERS = "handlers"
"""The folder of the package that holds one module per function."""

GONE_BEFORE_3_13 = frozenset(
    {"aifc", "asynchat", "asyncore", "audioop", "cgi", "cgitb", "chunk", "crypt", "distutils", "imghdr", "imp"}
    | {"mailcap", "msilib", "nis", "nntplib", "ossaudiodev", "pipes", "smtpd", "sndhdr", "spwd", "sunau", "telnetlib"}
    | {"uu", "xdrlib"}
)
"""Removed from the standard library up to 3.13 (PEP 594, PEP 632): there on a 3.11 host, missing on Lambda."""


@dataclass(frozen=True)
class Import:
    """One imported dotted name: `module` alone, or `name` taken from it. `deferred` is inside a function."""

    module: str
    name: str | None
    line: int
    deferred: bool


@dataclass
class Module:
    """One parsed source file of the package."""

    name: str
    path: Path
    is_package: bool
    tree: ast.Module = field(repr=False)

    @cached_property
    def imports(self) -> list[Import]:
        """What the module imports, in source order, relative imports made absolute."""
        return list(self._imports(self.tree, deferred=False))

    def _imports(self, node: ast.AST, *, deferred: bool) -> Iterator[Import]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import):
                yield from (Import(alias.name, None, child.lineno, deferred) for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                base = self._absolute(child)
                yield from (Import(base, alias.name, child.lineno, deferred) for alias in child.names)
            elif isinstance(child, ast.If) and _is_type_checking(child.test):
                for branch in child.orelse:
                    yield from self._imports(ast.Module([branch], []), deferred=deferred)
            else:
                inside = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
                yield from self._imports(child, deferred=deferred or inside)

    def _absolute(self, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        parts = self.name.split(".")
        keep = len(parts) - node.level + (1 if self.is_package else 0)
        if keep < 1:
            raise BuildError(f"{self.path}:{node.lineno}: relative import reaches out of the package")
        return ".".join(parts[:keep] + ([node.module] if node.module else []))

    @cached_property
    def names(self) -> set[str] | None:
        """Top-level names that the module binds; None when only running it would tell (`import *`, `__getattr__`)."""
        bound: set[str] = set()
        for node in _outer(self.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                bound.add(node.name)
            elif isinstance(node, ast.Import | ast.ImportFrom):
                bound |= {alias.asname or alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                bound.add(node.id)
        return None if bound & {"*", "__getattr__"} else bound

    @cached_property
    def strings(self) -> set[str]:
        """The string literals, as candidates for names of data files."""
        nodes = (node.value for node in ast.walk(self.tree) if isinstance(node, ast.Constant))
        return {value for value in nodes if isinstance(value, str) and 0 < len(value) < 100 and value.isprintable()}


def _outer(node: ast.AST) -> Iterator[ast.AST]:
    """All nodes except those inside functions and classes."""
    for child in ast.iter_child_nodes(node):
        yield child
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            yield from _outer(child)


def _is_type_checking(test: ast.expr) -> bool:
    return (isinstance(test, ast.Name) and test.id == "TYPE_CHECKING") or (
        isinstance(test, ast.Attribute) and test.attr == "TYPE_CHECKING"
    )


@dataclass(frozen=True)
class Closure:
    """Files of the package (path in the zip → file) and top-level names from elsewhere (name → first `file:line`)."""

    files: dict[str, Path]
    external: dict[str, str]


class Package:
    """The source package of the functions, parsed at most once per file."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.name = root.name
        self.handlers = root / HANDLERS
        self._modules: dict[str, Module | None] = {}

    def module(self, name: str) -> Module | None:
        """The module of this dotted name, or None if there is none. Raises BuildError for a syntax error."""
        if name not in self._modules:
            base = self.root.parent.joinpath(*name.split("."))
            init, plain = base / "__init__.py", base.with_name(f"{base.name}.py")
            path = init if init.is_file() else plain
            self._modules[name] = Module(name, path, path == init, _parse(path)) if path.is_file() else None
        return self._modules[name]

    def functions(self) -> list[str]:
        """Names of the modules in the package's `handlers/` that define a top-level `handler`."""
        found = []
        for path in sorted(self.handlers.glob("*.py")):
            module = self.module(f"{self.name}.{HANDLERS}.{path.stem}") if path.stem != "__init__" else None
            if module and "handler" in (module.names or set()):
                found.append(path.stem)
        return found

    def closure(self, function: str) -> Closure:
        """All that `<package>.handlers.<function>` needs. Raises BuildError for unknown names and import cycles."""
        start = f"{self.name}.{HANDLERS}.{function}"
        files: dict[str, Path] = {}
        external: dict[str, str] = {}
        waiting, seen = [start], {start}
        while waiting:
            module = self.module(waiting.pop())
            assert module is not None
            for path in [module.path, *self._data_files(module)]:
                files[path.relative_to(self.root.parent).as_posix()] = path
            wanted = [parent for parent in _parents(module.name) if self.module(parent)]
            for item in module.imports:
                top = item.module.split(".")[0]
                if top == self.name:
                    wanted += [*_parents(target := self._target(module, item)), target]
                elif top != "__future__":
                    external.setdefault(top, f"{module.path}:{item.line}")
            fresh = [name for name in wanted if name not in seen and self.module(name)]
            seen.update(fresh)
            waiting += fresh
        self._refuse_cycles(start)
        return Closure(files, external)

    def _target(self, module: Module, item: Import) -> str:
        """The module of the package that an import loads."""
        if item.name and item.name != "*" and self.module(f"{item.module}.{item.name}"):
            return f"{item.module}.{item.name}"
        source = self.module(item.module)
        if source is None:
            raise BuildError(f"{module.path}:{item.line}: there is no module {item.module}")
        known = source.names
        if item.name and item.name != "*" and known is not None and item.name not in known:
            raise BuildError(f"{module.path}:{item.line}: {item.module} has neither a name nor a module {item.name!r}")
        return item.module

    def _data_files(self, module: Module) -> list[Path]:
        """Files beside a module (or below, never above) that one of its string literals names."""
        found = []
        for text in sorted(module.strings):
            path = module.path.parent / text
            if not text.endswith((".py", ".pyc", "/")) and ".." not in text and not text.startswith(("/", ".")):
                try:
                    found += [path] if path.is_file() else []
                except OSError:  # a literal that no file system takes as a name
                    continue
        return found

    def _refuse_cycles(self, start: str) -> None:
        """A cycle of top-level imports works or fails by who comes first; on Lambda that is each handler in turn."""
        done: set[str] = set()

        def visit(name: str, way: list[str]) -> None:
            if name in way:
                chain = " → ".join([*way[way.index(name) :], name])
                raise BuildError(f"import cycle: {chain}\n  move what both need into a module of its own")
            module = self.module(name)
            if name in done or module is None:
                return
            for item in module.imports:
                if not item.deferred and item.module.split(".")[0] == self.name:
                    target = self._target(module, item)
                    if target != name:
                        visit(target, [*way, name])
            done.add(name)

        visit(start, [])


def refuse_unknown(closure: Closure, in_layers: frozenset[str]) -> None:
    """Raise BuildError when an import comes from nowhere that the function will have on Lambda."""
    for name, where in sorted(closure.external.items()):
        if name in GONE_BEFORE_3_13:
            raise BuildError(f"{where}: module {name!r} was removed from Python before 3.13, which Lambda runs")
        if name not in sys.stdlib_module_names and name not in PROVIDED and name not in in_layers:
            raise BuildError(
                f"{where}: import of {name!r}, which is neither in the standard library nor in Lambda's runtime nor in "
                "requirements/lambda.txt or media.txt"
            )


def without_prose(source: bytes) -> bytes:
    """Python source without comments and docstrings, every statement on the line where it was."""
    lines = source.splitlines()
    for token in tokenize.tokenize(io.BytesIO(source).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][: len(token.line[:column].encode())].rstrip()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            for statement in node.body:  # the docstring, and the strings that document a constant above them
                if isinstance(statement, ast.Expr) and _is_text(statement.value):
                    _blank(lines, statement, alone=len(node.body) == 1)
    return b"\n".join(lines) + b"\n"


def _blank(lines: list[bytes], text: ast.Expr, *, alone: bool) -> None:
    """Empty the lines of a string statement, unless it shares them with other code; a lone one leaves `pass`."""
    first, last = text.lineno - 1, (text.end_lineno or text.lineno) - 1
    indent = lines[first][: text.col_offset]
    if indent.strip() or lines[last][text.end_col_offset :].strip():
        return
    lines[first : last + 1] = [indent + b"pass" if alone else b"", *[b""] * (last - first)]


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _parse(path: Path) -> ast.Module:
    try:
        return ast.parse(path.read_bytes(), str(path))
    except SyntaxError as error:
        raise BuildError(f"{path}:{error.lineno}: {error.msg}: {(error.text or '').strip()}") from error


def _parents(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[:count]) for count in range(1, len(parts))]
