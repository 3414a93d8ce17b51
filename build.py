#!/usr/bin/env python3
"""Turn src/ into what Terraform deploys: rendered state machine, function zips, layers, and build/manifest.json.

What takes time to import is imported where it is used: a build that has nothing to do must feel like nothing.
The parts live in src/impp_build/.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

ROOT = Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT / "src"))

from impp_build import BuildError  # noqa: E402  (src/ is only now on the path)

if TYPE_CHECKING:
    from impp_build.archive import Entry
    from impp_build.wheels import Target

PACKAGE = ROOT / "src" / "impp_lambdas"
BUILDER = ROOT / "src" / "impp_build"
TEMPLATE = ROOT / "modules" / "pipeline" / "state_machine.asl.json.j2"
PYPROJECT = ROOT / "pyproject.toml"
LAYERS = {"python": ROOT / "requirements" / "lambda.txt", "media": ROOT / "requirements" / "media.txt"}
MANIFESTS = {"aws": "manifest.json", "local": "manifest.local.json"}
STATE_MACHINE = "state_machine.asl.json"


@dataclass(frozen=True)
class Artifact:
    """A finished zip as the manifest describes it; `path` is relative to the manifest's folder."""

    path: str
    sha256_base64: str
    size: int
    key: str

    @classmethod
    def describe(cls, path: Path, content: bytes, key: str) -> Artifact:
        """The description of a zip whose bytes are at hand."""
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
        """A hash of all that the result depends on: sources, templates, settings, pins, the builder, the host."""
        import zlib

        host = [*sys.version_info[:2], sys.platform, os.uname().machine] if self.target == "local" else []
        options = [self.target, self.without, zlib.ZLIB_RUNTIME_VERSION, host]
        digest = hashlib.sha256(json.dumps(options).encode())
        for path in _input_files():
            content = path.read_bytes()
            digest.update(f"\0{path.relative_to(ROOT).as_posix()}\0{len(content)}\0".encode() + content)
        return digest.hexdigest()

    def up_to_date(self, inputs: str) -> bool:
        """True if the manifest was made from these inputs and all that it names is there, its size unchanged."""
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
        """The branches of the state machine: `[tool.impp.features]` of pyproject.toml, less those switched off here."""
        import tomllib

        known: dict[str, bool] = tomllib.loads(PYPROJECT.read_text("utf-8"))["tool"]["impp"]["features"]
        for name in self.without:
            if name not in known:
                raise BuildError(f"--without {name}: no such feature; pyproject.toml has {', '.join(sorted(known))}")
        return {name: on and name not in self.without for name, on in known.items()}

    def render(self) -> dict[str, Any]:
        """Write the state machine; returns its part of the manifest."""
        from impp_build.archive import write_whole
        from impp_build.asl import render

        features = self.features()
        content = render(TEMPLATE, features).encode()
        path = self.folder / STATE_MACHINE
        if not path.is_file() or path.read_bytes() != content:
            write_whole(path, content)
        return {"path": STATE_MACHINE, "sha256": hashlib.sha256(content).hexdigest(), "features": features}

    def package(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Write the zips that are not there yet; returns the `functions` and `layers` parts of the manifest."""
        from impp_build.closure import Package, refuse_unknown

        layers: dict[str, Any] = {}
        brought: dict[str, frozenset[str]] = {}
        for name in LAYERS:
            layers[name], brought[name] = self._layer(name)
        everything = frozenset().union(*brought.values())
        entry = cache(_source_entry)
        package, functions = Package(PACKAGE), {}
        for name in package.functions():
            closure = package.closure(name)
            refuse_unknown(closure, everything)
            entries = [entry(path, file) for path, file in closure.files.items()]
            artifact = self._store(name, entries)
            needed = [layer for layer in LAYERS if brought[layer] & closure.external.keys()]
            functions[name] = {"handler": f"{PACKAGE.name}.handlers.{name}.handler", **vars(artifact), "layers": needed}
        return functions, layers

    def _layer(self, name: str) -> tuple[dict[str, Any], frozenset[str]]:
        """One layer's part of the manifest, and the names that can be imported from it."""
        from impp_build import wheels

        target = self.lambda_target
        found = wheels.wheels(LAYERS[name], wheels.pure_target() if name == "python" else target)
        entries = wheels.layer_entries(found)
        # The zip is made from hash-pinned wheels by this code: with both in its key it need not be made to be known.
        code = b"".join((BUILDER / part).read_bytes() for part in ("archive.py", "wheels.py"))
        key = hashlib.sha256(code + "\n".join(f"{entry.path} {entry.crc}" for entry in entries).encode()).hexdigest()
        artifact = self._store(name, entries, key[:16])
        return {**vars(artifact), "runtimes": [target.runtime]}, wheels.import_names(entries)

    def _store(self, name: str, entries: list[Entry], key: str | None = None) -> Artifact:
        """Put a zip into artifacts/ under its key, by default the hash of its bytes, unless it is already there."""
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
        """The platform whose native wheels go into the `media` layer."""
        from impp_build import wheels

        return wheels.host_target() if self.target == "local" else wheels.lambda_target()

    def all(self) -> dict[str, Any] | None:
        """Everything, then the manifest; returns it, or None when there was nothing to do."""
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


def _source_entry(path: str, file: Path) -> Entry:
    """One file of a function's zip. Comments and docstrings stay at home; line numbers in tracebacks stay true."""
    from impp_build.archive import Entry
    from impp_build.closure import without_prose

    content = file.read_bytes()
    return Entry.of(path, without_prose(content) if file.suffix == ".py" else content)


def _input_files() -> Iterator[Path]:
    yield from (ROOT / "build.py", PYPROJECT, *LAYERS.values())
    for folder in (PACKAGE, BUILDER, TEMPLATE.parent):
        for base, folders, names in os.walk(folder):
            folders[:] = sorted(name for name in folders if name != "__pycache__" and not name.startswith("."))
            yield from (
                Path(base, name)
                for name in sorted(names)
                if not name.startswith(".") and (folder != TEMPLATE.parent or name.endswith(".j2"))
            )


# --- the command line -----------------------------------------------------------------------------------------------

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 110}


def _options(command: Callable[..., None]) -> Callable[..., None]:
    """What every building command takes."""
    for option in (
        click.option("--without", metavar="FEATURE", multiple=True, help="Leave a branch out: transcribe. Repeatable."),
        click.option(
            "--target", type=click.Choice(["aws", "local"]), default="aws", show_default=True,
            help="Whose native wheels the media layer holds: Lambda's (arm64) or this machine's.",
        ),
        click.option(
            "--build-dir", type=click.Path(file_okay=False, path_type=Path), default=ROOT / "build",
            help="Where the results go.  [default: build/]",
        ),
    ):  # fmt: skip
        command = option(command)
    return command


class Commands(click.Group):
    """Says what is wrong with what is built in plain words and ends with 1, instead of a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the chosen command."""
        try:
            return super().invoke(ctx)
        except BuildError as error:
            raise click.ClickException(str(error)) from error


@click.group(cls=Commands, context_settings=CONTEXT)
def cli() -> None:
    """Build what Terraform deploys.

    \b
    A function is a module in src/impp_lambdas/handlers that defines `handler`. Its zip holds just the modules it
    imports, plus data files that they name. Third-party code lies in two layers:
      python  pure Python, from requirements/lambda.txt, the same file everywhere
      media   native wheels for the target, from requirements/media.txt
    Names carry a content key, entries are sorted and dated 1980: equal sources give equal bytes, and Terraform
    sees a change only where there is one.

    \b
    Daily use:
      python build.py all                    for AWS, as `make build` does
      python build.py all --target local     for the local cloud
      python build.py watch --target local   the same again after every save
    """


@cli.command(name="all", short_help="Render, package, and write the manifest.")
@_options
def build_all(build_dir: Path, target: str, without: tuple[str, ...]) -> None:
    """Render the state machine, package functions and layers, write manifest.json (or manifest.local.json).

    Does nothing, quickly, when no input has changed.
    """
    started = time.perf_counter()
    build = Build(build_dir, target, without)
    manifest = build.all()
    seconds = time.perf_counter() - started
    if manifest is None:
        click.echo(f"{_shown(build.manifest_path)} is up to date ({seconds:.2f} s)")
        return
    _table(manifest["functions"], manifest["layers"])
    built = f"{len(manifest['functions'])} functions, {len(manifest['layers'])} layers"
    click.echo(f"{_shown(build.manifest_path)}: {built} for {target} in {seconds:.2f} s")


@cli.command(short_help="Zip functions and layers only.")
@_options
def package(build_dir: Path, target: str, without: tuple[str, ...]) -> None:
    """Write the zips of all functions and both layers into artifacts/ and list them; leave the manifest alone."""
    _table(*Build(build_dir, target, without).package())


@cli.command(short_help="Render the state machine only.")
@_options
@click.option("--stdout", is_flag=True, help="Print the definition instead of writing it.")
def render(build_dir: Path, target: str, without: tuple[str, ...], stdout: bool) -> None:
    """Render the state machine's Jinja2 template to Amazon States Language.

    The result still holds Terraform's placeholders, such as ${inspect_function_arn}.
    """
    from impp_build import asl

    build = Build(build_dir, target, without)
    if stdout:
        click.echo(asl.render(TEMPLATE, build.features()), nl=False)
    else:
        part = build.render()
        on = ", ".join(name for name, enabled in part["features"].items() if enabled) or "no optional branch"
        click.echo(f"{_shown(build_dir / STATE_MACHINE)}: with {on}")


@cli.command(short_help="Remove what the build has made.")
@click.option("--build-dir", type=click.Path(file_okay=False, path_type=Path), default=ROOT / "build", hidden=True)
def clean(build_dir: Path) -> None:
    """Remove artifacts, manifests and the rendered state machine. Cached wheels stay in the user's cache folder."""
    import shutil

    shutil.rmtree(build_dir / "artifacts", ignore_errors=True)
    for name in (*MANIFESTS.values(), STATE_MACHINE):
        (build_dir / name).unlink(missing_ok=True)


@cli.command(short_help="Build again after every save.")
@_options
def watch(build_dir: Path, target: str, without: tuple[str, ...]) -> None:
    """Build, then wait for a change of any input and build again, until Ctrl-C. A mistake is shown and waited out."""
    import threading

    from watchdog.events import FileSystemEvent, FileSystemEventHandler
    from watchdog.observers import Observer

    changed = threading.Event()

    class Notice(FileSystemEventHandler):
        def on_any_event(self, event: FileSystemEvent) -> None:
            if event.event_type in ("created", "modified", "deleted", "moved") and "__pycache__" not in event.src_path:
                changed.set()

    observer = Observer()
    for folder in (PACKAGE, TEMPLATE.parent, PYPROJECT.parent / "requirements"):
        observer.schedule(Notice(), str(folder), recursive=True)
    observer.schedule(Notice(), str(ROOT), recursive=False)
    observer.start()
    last = ""
    try:
        while True:
            build = Build(build_dir, target, without)
            inputs = build.inputs()
            if inputs != last:  # a save that changes no input, such as a new log in the root, is no news
                last = inputs
                _build_once(build)
            changed.wait()
            time.sleep(0.1)  # editors save in several steps
            changed.clear()
    except KeyboardInterrupt:
        click.echo()
    finally:
        observer.stop()
        observer.join()


def _build_once(build: Build) -> None:
    started = time.perf_counter()
    try:
        result = "built" if build.all() else "up to date"
        click.secho(f"{time.strftime('%H:%M:%S')} {result} in {time.perf_counter() - started:.2f} s", fg="green")
    except (BuildError, OSError) as error:
        click.secho(f"{time.strftime('%H:%M:%S')} {error}", fg="red", err=True)


def _table(functions: dict[str, Any], layers: dict[str, Any]) -> None:
    for kind, parts in (("function", functions), ("layer", layers)):
        for name, part in parts.items():
            uses = f"  layers: {', '.join(part['layers'])}" if part.get("layers") else ""
            click.echo(f"  {kind:8} {name:12} {part['size'] / 1000:9.1f} kB  {Path(part['path']).name}{uses}")


def _shown(path: Path) -> str:
    return os.path.relpath(path)


if __name__ == "__main__":
    cli()
