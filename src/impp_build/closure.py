"""The import closure of a function: the files that its zip needs, read from the source with `ast`, never by importing.

Every import counts, in a function body too, except under `if TYPE_CHECKING:`. A data file belongs to the closure if a
string literal names it: by its path relative to the module (the price book) or from the top-level package. A literal
that names weights stays out of the zip: the function fetches them. One that names an AWS service keeps botocore's model
of the service in the layer.
"""

from __future__ import annotations

import ast
import io
import sys
import tokenize
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path

from impp_build import BuildError

HANDLERS = "handlers"
"""The folder of the package that holds one module per function."""

GONE_BEFORE_3_13 = frozenset(
    {"aifc", "asynchat", "asyncore", "audioop", "cgi", "cgitb", "chunk", "crypt", "distutils", "imghdr", "imp"}
    | {"mailcap", "msilib", "nis", "nntplib", "ossaudiodev", "pipes", "smtpd", "sndhdr", "spwd", "sunau", "telnetlib"}
    | {"uu", "xdrlib"}
)
"""Removed from the standard library by 3.13 (PEP 594, PEP 632): present on a 3.11 host, missing on Lambda."""


@dataclass(frozen=True)
class Import:
    """One imported dotted name: `module` alone, or `name` taken from it. `deferred` is inside a function."""

    module: str
    name: str | None
    line: int
    deferred: bool


@dataclass
class Module:
    """One parsed source file. `base` is the folder that holds its top-level package; paths in a zip start there."""

    name: str
    path: Path
    base: Path
    is_package: bool
    tree: ast.Module = field(repr=False)

    @cached_property
    def imports(self) -> list[Import]:
        """The imports in source order, with relative ones made absolute."""
        return list(self._imports(self.tree, deferred=False))

    def _imports(self, node: ast.AST, *, deferred: bool) -> Iterator[Import]:
        for child in _block(node):
            if isinstance(child, ast.Import):
                yield from (Import(alias.name, None, child.lineno, deferred) for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                base = self._absolute(child)
                yield from (Import(base, alias.name, child.lineno, deferred) for alias in child.names)
            elif isinstance(child, ast.If) and _is_type_checking(child.test):
                for branch in child.orelse:
                    yield from self._imports(ast.Module([branch], []), deferred=deferred)
            else:
                inside = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef)
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
        """Top-level names that the module binds; None if only running it shows them (`import *`, `__getattr__`)."""
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
        """The string literals that could be names of data files."""
        nodes = (node.value for node in ast.walk(self.tree) if isinstance(node, ast.Constant))
        return {value for value in nodes if isinstance(value, str) and 0 < len(value) < 100 and value.isprintable()}


def _block(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the statements directly inside a module or statement, with `except` and `case` clauses; no expressions."""
    for name in ("body", "handlers", "cases", "orelse", "finalbody"):
        yield from getattr(node, name, ())


def _statements(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the node and all statements inside it."""
    yield node
    for child in _block(node):
        yield from _statements(child)


def _outer(node: ast.AST) -> Iterator[ast.AST]:
    """Yield all nodes except those inside functions and classes."""
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
    """The files of a zip (path in the zip → file), third-party top-level names (name → first `file:line`), and the
    string literals of the modules, which name weights and AWS services."""

    files: dict[str, Path]
    external: dict[str, str]
    strings: set[str]


@dataclass(frozen=True)
class Links:
    """What one module needs: our modules by name, third-party names (name → first `file:line`), and its own files
    (path in the zip → file)."""

    modules: list[str]
    external: dict[str, str]
    files: dict[str, Path]


class Sources:
    """The package of the functions and the packages that it shares with others. Each file is parsed at most once."""

    def __init__(self, package: Path, *shared: Path) -> None:
        self.package = package
        self._bases = {folder.name: folder.parent for folder in (package, *shared)}
        self._modules: dict[str, Module | None] = {}
        self.trees: dict[Path, ast.Module] = {}
        """The syntax trees of the files that were parsed."""
        self._links = cache(self._read_links)
        self._acyclic: set[str] = set()

    def module(self, name: str) -> Module | None:
        """Return the module of this dotted name, or None if there is none. Raises BuildError for a syntax error."""
        if name not in self._modules:
            self._modules[name] = self._read(name)
        return self._modules[name]

    def _read(self, name: str) -> Module | None:
        parts = name.split(".")
        base = self._bases.get(parts[0])
        if base is None:
            return None
        init = base.joinpath(*parts, "__init__.py")
        plain = base.joinpath(*parts[:-1], f"{parts[-1]}.py")
        path = init if init.is_file() else plain
        if not path.is_file():
            return None
        tree = self.trees[path] = _parse(path)
        return Module(name, path, base, path == init, tree)

    def functions(self) -> list[str]:
        """List the modules in the package's `handlers/` that define a top-level `handler`."""
        names = sorted(path.stem for path in (self.package / HANDLERS).glob("*.py") if path.stem != "__init__")
        modules = {name: self.module(self._handler(name)) for name in names}
        return [name for name, module in modules.items() if module and "handler" in (module.names or set())]

    def _handler(self, function: str) -> str:
        return f"{self.package.name}.{HANDLERS}.{function}"

    def closure(self, function: str) -> Closure:
        """Return the closure of `<package>.handlers.<function>`. Raises BuildError for unknown names and cycles."""
        start = self._handler(function)
        files: dict[str, Path] = {}
        external: dict[str, str] = {}
        strings: set[str] = set()
        waiting, seen = [start], {start}
        while waiting:
            module = self.module(waiting.pop())
            assert module is not None
            links = self._links(module.name)
            strings |= module.strings
            files |= links.files
            for name, where in links.external.items():
                external.setdefault(name, where)
            fresh = [each for each in links.modules if each not in seen]
            seen.update(fresh)
            waiting += fresh
        self._reject_cycles(start)
        return Closure(files, external, strings)

    def _read_links(self, name: str) -> Links:
        """Return what a module needs. Raises BuildError for imports of unknown names."""
        module = self.module(name)
        assert module is not None
        wanted = _parents(name)
        external: dict[str, str] = {}
        for item in module.imports:
            top = _top(item.module)
            if top in self._bases:
                wanted += [*_parents(target := self._target(module, item)), target]
            elif top != "__future__":
                external.setdefault(top, f"{module.path}:{item.line}")
        files = {path.relative_to(module.base).as_posix(): path for path in [module.path, *self._data_files(module)]}
        return Links([each for each in dict.fromkeys(wanted) if self.module(each)], external, files)

    def _target(self, module: Module, item: Import) -> str:
        """Return the name of the module that an import loads."""
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
        """List the data files that the module's string literals name, relative to it or to its top-level package."""
        files = []
        for text in sorted(module.strings):
            if text.endswith((".py", ".pyc", "/")) or ".." in text or text.startswith(("/", ".")):
                continue
            folder = module.base if text.startswith(f"{_top(module.name)}/") else module.path.parent
            try:
                files += [path] if (path := folder / text).is_file() else []
            except OSError:  # no file system accepts this literal as a name
                continue
        return files

    def _reject_cycles(self, start: str) -> None:
        """Raise BuildError for a cycle of top-level imports: whether it works depends on which module comes first."""
        done = self._acyclic

        def visit(name: str, path: list[str]) -> None:
            if name in path:
                chain = " → ".join([*path[path.index(name) :], name])
                raise BuildError(f"import cycle: {chain}\n  move what both need into a module of its own")
            module = self.module(name)
            if name in done or module is None:
                return
            for item in module.imports:
                if not item.deferred and _top(item.module) in self._bases:
                    target = self._target(module, item)
                    if target != name:
                        visit(target, [*path, name])
            done.add(name)

        visit(start, [])


def reject_unknown(closure: Closure, in_layers: frozenset[str]) -> None:
    """Raise BuildError for an import that the function could not resolve on Lambda."""
    for name, where in sorted(closure.external.items()):
        if name in GONE_BEFORE_3_13:
            raise BuildError(f"{where}: module {name!r} was removed from Python before 3.13, which Lambda runs")
        if name not in sys.stdlib_module_names and name not in in_layers:
            raise BuildError(
                f"{where}: import of {name!r}, which is neither in the standard library nor in a layer (requirements/"
                "lambda.txt, media.txt, vision.txt, speech.txt)"
            )


def without_prose(source: bytes, tree: ast.Module | None = None) -> bytes:
    """Remove comments and docstrings from Python source; every statement stays on its line. `tree` is its syntax tree,
    if it is parsed."""
    lines = source.splitlines()
    tokens = tokenize.tokenize(io.BytesIO(source).readline) if b"#" in source else ()
    for token in tokens:
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][: len(token.line[:column].encode())].rstrip()
    for node in _statements(tree or ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            for statement in node.body:  # the docstring, and the strings that document a constant above them
                if isinstance(statement, ast.Expr) and _is_text(statement.value):
                    _blank(lines, statement, alone=len(node.body) == 1)
    return b"\n".join(lines) + b"\n"


def without_comments(source: bytes) -> bytes:
    """Remove comment lines from a TOML table, blank ones included."""
    stripped = b"\n".join(line for line in source.splitlines() if line and not line.startswith(b"#")) + b"\n"
    return stripped if tomllib.loads(stripped.decode()) == tomllib.loads(source.decode()) else source


def _blank(lines: list[bytes], text: ast.Expr, *, alone: bool) -> None:
    """Empty the lines of a string statement, unless other code shares them; a body's only statement becomes `pass`."""
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


def _top(name: str) -> str:
    return name.partition(".")[0]


def _parents(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[:count]) for count in range(1, len(parts))]
