"""The command line of the build: `python build.py --help`.

Modules that are slow to import are imported where they are used, so that a build with nothing to do stays fast.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from impp_build import BuildError
from impp_build.artifacts import LAYERS, MANIFESTS, ROOT, STATE_MACHINE, Build

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 110}


def _options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that every building command takes."""
    for option in (
        click.option(
            "--without", metavar="FEATURE", multiple=True,
            help="Leave out a branch of the state machine, for example transcribe. Repeatable.",
        ),
        click.option(
            "--target", type=click.Choice(["aws", "local"]), default="aws", show_default=True,
            help="Platform of the native wheels: Lambda (arm64) or this machine.",
        ),
        click.option(
            "--build-dir", type=click.Path(file_okay=False, path_type=Path), default=ROOT / "build",
            help="Write the results to this folder.  [default: build/]",
        ),
    ):  # fmt: skip
        command = option(command)
    return command


class Commands(click.Group):
    """Reports a mistake in the sources as one message and exit code 1, without a traceback."""

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
    A function is a module in src/impp_lambdas/handlers that defines `handler`. Its zip holds only the modules
    that it imports and the data files that they name. Third-party packages are in layers:
      python  pure Python from requirements/lambda.txt, the same file for every target
      media   native wheels for the target from requirements/media.txt: decoders
      vision  native wheels from requirements/vision.txt: run the vision models
      speech  native wheels from requirements/speech.txt, compressed: run the speech model
    Model weights that a function names are separate files, which it fetches when it starts.
    File names carry a content key, and entries are sorted and dated 1980: equal sources give equal bytes, so
    Terraform sees only real changes.

    \b
    Daily use:
      python build.py all                    for AWS, as `make build` does
      python build.py all --target local     for the local cloud
      python build.py watch --target local   the same after every save
    """


@cli.command(name="all", short_help="Render, package and write the manifest.")
@_options
def build_all(build_dir: Path, target: str, without: tuple[str, ...]) -> None:
    """Render the state machine, package functions and layers, write manifest.json (or manifest.local.json).

    Returns at once if no input has changed.
    """
    started = time.perf_counter()
    build = Build(build_dir, target, without)
    manifest = build.all()
    seconds = time.perf_counter() - started
    if manifest is None:
        click.echo(f"{_shown(build.manifest_path)} is up to date ({seconds:.2f} s)")
        return
    _list(manifest)
    built = f"{len(manifest['functions'])} functions, {len(manifest['layers'])} layers"
    click.echo(f"{_shown(build.manifest_path)}: {built} for {target} in {seconds:.2f} s")


@cli.command(short_help="Zip functions and layers only.")
@_options
def package(build_dir: Path, target: str, without: tuple[str, ...]) -> None:
    """Write functions, layers and weights to artifacts/ and list them. Leaves the manifest alone."""
    _list(Build(build_dir, target, without).package())


@cli.command(short_help="Render the state machine only.")
@_options
@click.option("--stdout", is_flag=True, help="Print the definition instead of writing it.")
def render(build_dir: Path, target: str, without: tuple[str, ...], stdout: bool) -> None:
    """Render the state machine's Jinja2 template to Amazon States Language.

    The result still holds Terraform's placeholders, such as ${inspect_function_arn}.
    """
    build = Build(build_dir, target, without)
    if stdout:
        click.echo(build.definition(), nl=False)
    else:
        part = build.render()
        enabled = ", ".join(name for name, on in part["features"].items() if on) or "no optional branch"
        click.echo(f"{_shown(build_dir / STATE_MACHINE)}: with {enabled}")


@cli.command(short_help="Write the layers' bill of materials.")
@click.option("--build-dir", type=click.Path(file_okay=False, path_type=Path), default=ROOT / "build", hidden=True)
def sbom(build_dir: Path) -> None:
    """Write sbom.cdx.json: packages of the layers and weights, with hashes and licences, in CycloneDX's format."""
    from impp_build import wheels
    from impp_build.sbom import document

    targets = {name: wheels.pure_target() if name == "python" else wheels.lambda_target() for name in LAYERS}
    path = build_dir / "sbom.cdx.json"
    weights = Build(build_dir, "aws").package()["weights"]
    layers = {name: wheels.wheels(LAYERS[name], target) for name, target in targets.items()}
    path.write_text(document(layers, {name: part["sha256"] for name, part in weights.items()}), "utf-8")
    click.echo(_shown(path))


@cli.command(short_help="Remove the results of all builds.")
@click.option("--build-dir", type=click.Path(file_okay=False, path_type=Path), default=ROOT / "build", hidden=True)
def clean(build_dir: Path) -> None:
    """Remove artifacts, gallery, manifests and the rendered state machine. Downloads stay in the user's cache."""
    import shutil

    from impp_build.gallery import FOLDER

    for folder in ("artifacts", FOLDER):
        shutil.rmtree(build_dir / folder, ignore_errors=True)
    for name in (*MANIFESTS.values(), STATE_MACHINE):
        (build_dir / name).unlink(missing_ok=True)


@cli.command(short_help="Build after every save.")
@_options
def watch(build_dir: Path, target: str, without: tuple[str, ...]) -> None:
    """Build, then build again whenever an input changes, until Ctrl-C. A failed build prints its error and waits."""
    from impp_build.watch import changes

    last = ""
    with contextlib.suppress(KeyboardInterrupt), contextlib.closing(changes()) as saves:
        for _ in saves:
            build = Build(build_dir, target, without)
            inputs = build.inputs()
            if inputs != last:  # a save of another file, such as a log in the root, changes no input
                last = inputs
                _build_once(build)
    click.echo()


def _build_once(build: Build) -> None:
    started = time.perf_counter()
    try:
        result = "built" if build.all() else "up to date"
        click.secho(f"{time.strftime('%H:%M:%S')} {result} in {time.perf_counter() - started:.2f} s", fg="green")
    except (BuildError, OSError) as error:
        click.secho(f"{time.strftime('%H:%M:%S')} {error}", fg="red", err=True)


def _list(packaged: dict[str, Any]) -> None:
    for kind in ("functions", "layers", "weights"):
        for name, part in packaged[kind].items():
            uses = f"  layers: {', '.join(part['layers'])}" if part.get("layers") else ""
            click.echo(
                f"  {kind.removesuffix('s'):8} {name:12} {part['size'] / 1000:9.1f} kB  {Path(part['path']).name}{uses}"
            )


def _shown(path: Path) -> str:
    return os.path.relpath(path)
