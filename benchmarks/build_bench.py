"""How long build.py takes from nothing, after an edit and without changes, and how large its zips are.

    make bench                     # or: python benchmarks/build_bench.py --runs 9 --json out.json

Works on a copy of the checkout with wheels in the user's cache; the first run downloads them and is not counted. The
three cases take turns, so that a slow moment of the machine affects all of them. Reports medians and ranges.
"""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click

REPOSITORY = Path(__file__).resolve().parents[1]
GOALS = {"cold": 2.0, "edit": 1.0, "no-op": 0.15}
"""The design's goals in seconds, on 2 idle cores."""


def copy_checkout(target: Path) -> None:
    """Copy what build.py reads, and nothing else."""
    shutil.copy(REPOSITORY / "build.py", target)
    shutil.copy(REPOSITORY / "pyproject.toml", target)
    for folder in ("src", "edge/impp_footage", "requirements", "modules/pipeline"):
        shutil.copytree(
            REPOSITORY / folder, target / folder, ignore=shutil.ignore_patterns("__pycache__", ".terraform")
        )


def seconds(root: Path, target: str) -> float:
    """Measure the wall time of one `build.py all`, interpreter start included."""
    started = time.perf_counter()
    subprocess.run([sys.executable, "build.py", "all", "--target", target], cwd=root, check=True, capture_output=True)  # noqa: S603
    return time.perf_counter() - started


def measure(root: Path, runs: int, target: str) -> dict[str, list[float]]:
    """Measure each case."""
    times: dict[str, list[float]] = {"cold": [], "edit": [], "no-op": []}
    edited = root / "src" / "impp_lambdas" / "core" / "keys.py"  # nearly every function imports it
    seconds(root, target)
    for run in range(runs):
        shutil.rmtree(root / "build")
        times["cold"].append(seconds(root, target))
        edited.write_text(f"{edited.read_text('utf-8')}EDITED = {run}\n", "utf-8")
        times["edit"].append(seconds(root, target))
        times["no-op"].append(seconds(root, target))
    return times


@click.command(help=__doc__.split("\n")[0] if __doc__ else None)
@click.option("--runs", default=5, show_default=True, help="Times per case.")
@click.option("--target", type=click.Choice(["aws", "local"]), default="aws", show_default=True)
@click.option("--json", "output", type=click.Path(path_type=Path), help="Write the figures to this file as well.")
def main(runs: int, target: str, output: Path | None) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        copy_checkout(root)
        times = measure(root, runs, target)
        manifest = json.loads(
            (root / "build" / f"manifest{'.local' if target == 'local' else ''}.json").read_text("utf-8")
        )
    sizes = {name: part["size"] for name, part in manifest["functions"].items()}
    layers = {name: part["size"] for name, part in manifest["layers"].items()}
    click.echo(f"build.py all --target {target}, {runs} runs each, seconds: median (least to most), goal")
    for case, values in times.items():
        spread = f"({min(values):.3f} to {max(values):.3f})"
        click.echo(f"  {case:6} {statistics.median(values):6.3f}  {spread:18} <= {GOALS[case]:g}")
    least, most = min(sizes.values()) / 1000, max(sizes.values()) / 1000
    click.echo(f"  {len(sizes)} function zips: {least:.1f} to {most:.1f} kB")
    click.echo("  layers: " + ", ".join(f"{name} {size / 1e6:.1f} MB" for name, size in layers.items()))
    if output:
        medians = {case: statistics.median(values) for case, values in times.items()}
        output.write_text(
            json.dumps({"seconds": times, "medians": medians, "functions": sizes, "layers": layers}, indent=2)
        )


if __name__ == "__main__":
    main()
